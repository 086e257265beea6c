package reconciler_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
	"github.com/tenantry/tenantry/reconciler"
	"github.com/tenantry/tenantry/reconciler/repository"
	"github.com/tenantry/tenantry/reconciler/shard"
	"github.com/tenantry/tenantry/render"
)

// daemon is a running reconciler and what it says.
type daemon struct {
	t       *testing.T
	log     *safeBuffer
	address string
	cancel  context.CancelFunc
	ended   chan error
}

// setting is what a daemon is started with.
type setting struct {
	reconciler.Options
	Kubeconfigs string // the folder that Shards looks into
}

func options(t *testing.T, url string, log io.Writer) setting {
	t.Helper()
	renderer, err := render.New(render.Options{Image: "registry.example.com/tenantry:v1"})
	if err != nil {
		t.Fatal(err)
	}
	kubeconfigs := t.TempDir()
	return setting{reconciler.Options{
		Git: git.Options{URL: url}, Branches: repository.Branches{Declared: "main", Ledger: "tenantry-ledger", Status: "tenantry-status"},
		Shards: shardsIn(kubeconfigs), ID: "replica-1", Renderer: renderer, Interval: 50 * time.Millisecond, StatusInterval: 10 * time.Millisecond,
		Listen: "127.0.0.1:0", Log: slog.New(slog.NewJSONHandler(log, nil)),
	}, kubeconfigs}
}

func shardsIn(dir string) func() (map[string]shard.Source, error) {
	return func() (map[string]shard.Source, error) { return shard.FromKubeconfigDir(dir) }
}

func start(t *testing.T, opts setting, log *safeBuffer) *daemon {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	d := &daemon{t: t, log: log, cancel: cancel, ended: make(chan error, 1)}
	go func() { d.ended <- reconciler.Run(ctx, opts.Options) }()
	t.Cleanup(cancel)
	d.eventually("it serves", func() bool {
		for line := range strings.Lines(log.String()) {
			var said struct{ Msg, Address string }
			if err := json.Unmarshal([]byte(line), &said); err == nil && said.Msg == "serve metrics and health" {
				d.address = said.Address
			}
		}
		return d.address != ""
	})
	return d
}

func (d *daemon) eventually(what string, so func() bool) {
	d.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !so() {
		select {
		case <-tick.C:
		case err := <-d.ended:
			d.t.Fatalf("ended with %v before it was so: %s", err, what)
		case <-late:
			d.t.Fatalf("not so within 20 s: %s; log:\n%s", what, d.log.String())
		}
	}
}

// stop ends the daemon, which has to be quick and without an error.
func (d *daemon) stop() {
	d.t.Helper()
	d.cancel()
	select {
	case err := <-d.ended:
		if err != nil {
			d.t.Errorf("ended with %v", err)
		}
	case <-time.After(2 * time.Second):
		d.t.Fatal("not ended within 2 s")
	}
}

func (d *daemon) get(path string) (int, string) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, "http://"+d.address+path, http.NoBody)
	if err != nil {
		d.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		d.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func (d *daemon) says(path string, status int, text string) func() bool {
	return func() bool {
		got, body := d.get(path)
		return got == status && strings.Contains(body, text)
	}
}

func served(t *testing.T) *gittest.Fixture {
	t.Helper()
	f := gittest.New(t, gittest.Options{})
	t.Cleanup(func() {
		// A push that the daemon's end cut off may still be carried out.
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for n := 0; n < 500 && os.RemoveAll(f.Dir) != nil; n++ {
			<-tick.C
		}
	})
	files := map[string]string{}
	dir := os.DirFS("../examples/minimal")
	err := fs.WalkDir(dir, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(dir, p)
		files[p] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	f.MustCommit("main", files)
	return f
}

func TestWrongOptionsEndRun(t *testing.T) {
	t.Parallel()
	busy, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = busy.Close() })
	for _, c := range []struct {
		name, reason string
		set          func(*setting)
		want         string
	}{
		{"kubeconfigs", "a folder that was mistyped has no shards to stop at", func(o *setting) { o.Shards = shardsIn(o.Kubeconfigs + "/absent") }, "find kubeconfigs"},
		{"two kubeconfigs", "which of them is the shard's?", func(o *setting) {
			for _, name := range []string{"eu-1", "eu-1.yaml"} {
				write(t, filepath.Join(o.Kubeconfigs, name), "x")
			}
		}, "both for shard eu-1"},
		{"repository", "what is no URL never becomes one", func(o *setting) { o.Git.URL = "ftp://example.com/fleet" }, "not supported"},
		{"path", "nothing is there", func(o *setting) { o.Git.URL = t.TempDir() }, "not a Git repository"},
		{"address", "somebody else has it", func(o *setting) { o.Listen = busy.Addr().String() }, "listen for metrics and health"},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts := options(t, "https://git.example.com/fleet", io.Discard)
			c.set(&opts)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := reconciler.Run(ctx, opts.Options); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("ended with %v, want %q: %s", err, c.want, c.reason)
			}
		})
	}
}

func TestRunTellsHowItIs(t *testing.T) {
	t.Parallel()
	remote, log := served(t), &safeBuffer{}
	opts := options(t, remote.URL, log)
	write(t, filepath.Join(opts.Kubeconfigs, "main.yaml"), sickShard(t))
	d := start(t, opts, log)
	d.eventually("it is ready once the branches are read", d.says("/readyz", http.StatusOK, "ok\n"))
	if status, body := d.get("/healthz"); status != http.StatusOK || body != "ok\n" {
		t.Errorf("healthz: %d %q", status, body)
	}
	d.eventually("decisions are committed", func() bool { return remote.MustTip("tenantry-ledger") != "" })
	d.eventually("observations are committed", func() bool { return remote.MustTip("tenantry-status") != "" })

	tip := remote.MustTip("main")
	if err := remote.SetBranch("main", ""); err != nil {
		t.Fatal(err)
	}
	d.eventually("a missing branch is told", d.says("/readyz", http.StatusServiceUnavailable, "DeclaredMissing: branch main does not exist"))
	remote.Stop()
	d.eventually("so is an unreachable server", d.says("/readyz", http.StatusServiceUnavailable, "GitUnreachable: "))
	_, body := d.get("/readyz")
	if lines := strings.Split(strings.TrimSpace(body), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[0], "DeclaredMissing: ") || !strings.HasPrefix(lines[1], "GitUnreachable: ") {
		t.Errorf("readyz: %q, want each problem on a line", body)
	}
	if status, _ := d.get("/healthz"); status != http.StatusOK {
		t.Errorf("healthz: %d, want it to be healthy: a restart would not help", status)
	}
	d.eventually("problems are counted", d.says("/metrics", http.StatusOK, `tenantry_problem{reason="GitUnreachable"} 1`))
	if err := remote.Start(); err != nil {
		t.Fatal(err)
	}
	if err := remote.SetBranch("main", tip); err != nil {
		t.Fatal(err)
	}
	d.eventually("it is ready again by itself", d.says("/readyz", http.StatusOK, "ok\n"))
	_, figures := d.get("/metrics")
	for _, want := range []string{
		"tenantry_step_seconds_count", `tenantry_tenants{phase="`, `tenantry_shard_open{shard="main"} 0`, `tenantry_failures_total{what="fetch"}`, "go_goroutines",
	} {
		if !strings.Contains(figures, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	d.stop()
}

func TestNewKubeconfigIsANewShard(t *testing.T) {
	t.Parallel()
	remote, log := served(t), &safeBuffer{}
	opts := options(t, remote.URL, log)
	d := start(t, opts, log)
	d.eventually("without a shard it says so", d.says("/readyz", http.StatusServiceUnavailable, "NoShards: there is no kubeconfig of any shard\n"))

	kubeconfig := sickShard(t)
	write(t, filepath.Join(opts.Kubeconfigs, "double"), kubeconfig)
	write(t, filepath.Join(opts.Kubeconfigs, "double.yaml"), kubeconfig)
	write(t, filepath.Join(opts.Kubeconfigs, "main.kubeconfig"), kubeconfig)
	d.eventually("it is found and cannot be reached", func() bool {
		return strings.Contains(log.String(), `"cannot reach shard","shard":"main"`)
	})
	d.eventually("which its status tells, and readiness does not", func() bool {
		files := map[string]string{}
		if remote.MustTip("tenantry-status") != "" {
			files = remote.MustFiles("tenantry-status")
		}
		return strings.Contains(files["status/main/_shard.yaml"], "ShardUnavailable") && d.says("/readyz", http.StatusOK, "ok\n")()
	})
	if strings.Contains(log.String(), "canary") {
		t.Error("the log holds a credential")
	}
	d.stop()
}

func TestRunEndsWhileGitHangs(t *testing.T) {
	t.Parallel()
	remote, log := served(t), &safeBuffer{}
	asked := make(chan struct{}, 100)
	remote.Fail(gittest.Faults{Hang: true, OnHang: func() { asked <- struct{}{} }})
	d := start(t, options(t, remote.URL, log), log)
	<-asked
	if status, body := d.get("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "Starting") {
		t.Errorf("readyz: %d %q", status, body)
	}
	d.stop()
}

// sickShard is the kubeconfig of an API server that answers, and does nothing.
func sickShard(t *testing.T) string {
	t.Helper()
	sick := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "etcd is down", http.StatusInternalServerError)
	}))
	t.Cleanup(sick.Close)
	ca := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: sick.Certificate().Raw}))
	return fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: %q, certificate-authority-data: %s}}]
users: [{name: u, user: {token: canary}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`, sick.URL, ca)
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// safeBuffer is a log that may be written and read at once.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
