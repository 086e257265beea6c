package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// daemon is one life of "tenantry run".
type daemon struct {
	cmd   *exec.Cmd
	log   *journal
	ended chan struct{}
	err   error // once ended
}

// start starts the daemon on the fleet.
func (f *fleet) start(arguments ...string) *daemon {
	f.t.Helper()
	args := append([]string{
		"run", "--repository", f.URL, "--kubeconfigs", f.kubeconfigs, "--cache-dir", f.cache,
		"--interval", "1s", "--status-interval", "300ms", "--listen", "127.0.0.1:0",
	}, arguments...)
	cmd := exec.Command(f.program, args...)
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	return f.launch(cmd)
}

// launch starts a command that is the fleet's daemon; it dies with the test.
func (f *fleet) launch(cmd *exec.Cmd) *daemon {
	f.t.Helper()
	d := &daemon{cmd: cmd, log: &journal{}, ended: make(chan struct{})}
	cmd.Stderr, cmd.Stdout = d.log, d.log
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	began := make(chan error)
	go func() {
		// The death signal comes when the thread ends that started the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := d.cmd.Start()
		began <- err
		if err == nil {
			d.err = d.cmd.Wait()
			close(d.ended)
		}
	}()
	if err := <-began; err != nil {
		f.t.Fatal(err)
	}
	f.daemon = d
	f.t.Cleanup(func() { d.kill() })
	return d
}

// environment is the test's own without what would configure the program.
func environment() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "TENANTRY_") && !strings.HasPrefix(v, "KUBECONFIG=") {
			env = append(env, v)
		}
	}
	return env
}

// kill ends the daemon at once, as a power cut would.
func (d *daemon) kill() {
	select {
	case <-d.ended:
	default:
		_ = d.cmd.Process.Kill()
		<-d.ended
	}
}

// stop asks the daemon to end, which it does within seconds and with success.
func (d *daemon) stop(t *testing.T) {
	t.Helper()
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.ended:
		if d.err != nil {
			t.Fatalf("tenantry run ended with %v after SIGTERM\n%s", d.err, d.log.tail())
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("tenantry run still runs 20 s after SIGTERM\n%s", d.log.tail())
	}
}

var served = regexp.MustCompile(`serve metrics and health.* address=(\S+)`)

// ask gets a path of the daemon's own HTTP server.
func (d *daemon) ask(path string) (status int, body string, err error) {
	m := served.FindStringSubmatch(d.log.String())
	if m == nil {
		return 0, "", fmt.Errorf("the daemon serves no HTTP yet")
	}
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get("http://" + m[1] + path)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// journal keeps what a process writes.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// tail is the end of it, for a failure's report.
func (j *journal) tail() string {
	lines := strings.Split(strings.TrimSpace(j.String()), "\n")
	if n := len(lines); n > 60 {
		lines = append([]string{fmt.Sprintf("… %d lines …", n-60)}, lines[n-60:]...)
	}
	return strings.Join(lines, "\n")
}
