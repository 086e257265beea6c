package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// proxy stands between the daemon and a shard's API server. It speaks plain HTTP
// to the daemon, so that it can see and stop single requests.
type proxy struct {
	server *httptest.Server

	mu   sync.Mutex
	hold func(*http.Request) bool
	held chan struct{}
}

func newProxy(t *testing.T, s *shard) *proxy {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", s.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	p, ended := &proxy{}, make(chan struct{})
	forward := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport:     transport,
		FlushInterval: -1,
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.stopped(r) {
			// The server notices that a client is gone once the body is read.
			_, _ = io.Copy(io.Discard, r.Body)
			select {
			case <-r.Context().Done():
			case <-ended:
			}
			panic(http.ErrAbortHandler)
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		close(ended)
		p.server.CloseClientConnections()
		p.server.Close()
	})
	return p
}

// stopped tells whether a request is held back.
func (p *proxy) stopped(r *http.Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hold == nil || !p.hold(r) {
		return false
	}
	if p.held != nil {
		close(p.held)
		p.held = nil
	}
	return true
}

// stall holds requests back, for ever, from now on; the channel is closed with
// the first one. Nil ends it.
func (p *proxy) stall(hold func(*http.Request) bool) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := make(chan struct{})
	p.hold, p.held = hold, held
	return held
}

// kubeconfig writes one that leads through the proxy.
func (p *proxy) kubeconfig(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	content := "apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: [{name: x, context: {cluster: x, user: x}}]\n" +
		"clusters: [{name: x, cluster: {server: " + p.server.URL + "}}]\nusers: [{name: x, user: {}}]\n"
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
