package observe

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Daemon is one life of "tenantry run".
type Daemon struct {
	cmd     *exec.Cmd
	log     string // file
	address string
	ended   chan error
}

const secret = "not much of a secret"

// Start starts bin/tenantry on a fleet. Only the webhook tells it to look at Git, for the
// interval is four minutes; more arguments may say otherwise. It ends with the test.
func Start(b testing.TB, repository, kubeconfigs string, arguments ...string) *Daemon {
	b.Helper()
	dir := b.TempDir()
	secretFile := filepath.Join(dir, "secret")
	if err := os.WriteFile(secretFile, []byte(secret), 0o600); err != nil {
		b.Fatal(err)
	}
	d := &Daemon{log: filepath.Join(dir, "log"), ended: make(chan error, 1)}
	out, err := os.Create(d.log)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	d.cmd = exec.Command(program(), append([]string{"run", "--repository", repository, "--kubeconfigs", kubeconfigs,
		"--cache-dir", filepath.Join(dir, "cache"), "--interval", "4m", "--listen", "127.0.0.1:0", "--webhook-secret-file", secretFile}, arguments...)...)
	d.cmd.Stdout, d.cmd.Stderr = out, out
	if err := d.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	go func() { d.ended <- d.cmd.Wait() }()
	b.Cleanup(func() {
		d.Stop()
		if b.Failed() {
			b.Logf("the daemon's last words:\n%s", d.tail())
		}
	})
	Await(b, "the daemon serves HTTP", time.Minute, func() bool {
		text, err := os.ReadFile(d.log)
		if m := served.FindSubmatch(text); err == nil && m != nil {
			d.address = string(m[1])
		}
		return d.address != ""
	})
	return d
}

// program is the binary under test.
func program() string {
	if path := os.Getenv("TENANTRY"); path != "" {
		return path
	}
	return filepath.Join("..", "..", "bin", "tenantry")
}

var served = regexp.MustCompile(`serve metrics and health.* address=(\S+)`)

// Stop ends it as an administrator does, and returns when it has ended.
func (d *Daemon) Stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-d.ended:
		d.ended <- err
	case <-time.After(20 * time.Second):
		_ = d.cmd.Process.Kill()
	}
}

// Deliver calls the webhook as a Git host does after a push.
func (d *Daemon) Deliver(commit string) error {
	body := fmt.Appendf(nil, `{"ref":"refs/heads/main","after":%q}`, commit)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	req, err := http.NewRequest(http.MethodPost, "http://"+d.address+"/webhook", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("call the webhook: %s", resp.Status)
	}
	return nil
}

var readyTenants = regexp.MustCompile(`(?m)^tenantry_tenants\{phase="Ready",[^}]*\} (\d+)$`)

// Ready is how many tenants are ready, as the metrics say.
func (d *Daemon) Ready() int {
	resp, err := http.Get("http://" + d.address + "/metrics")
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0
	}
	n := 0
	for _, m := range readyTenants.FindAllSubmatch(text, -1) {
		one, err := strconv.Atoi(string(m[1]))
		if err == nil {
			n += one
		}
	}
	return n
}

// Await waits until something is so, looking every 20 milliseconds.
func Await(b testing.TB, what string, limit time.Duration, so func() bool) {
	b.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); !so(); <-tick.C {
		if time.Now().After(end) {
			b.Fatalf("waited %v until %s", limit, what)
		}
	}
}

// tail is the end of the daemon's log.
func (d *Daemon) tail() string {
	text, err := os.ReadFile(d.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
