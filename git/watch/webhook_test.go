package watch

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const secret = "s3cr3t-canary"

// hook is a webhook and what became of its deliveries.
type hook struct {
	*Webhook
	file string

	mu      sync.Mutex
	results map[string]int
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{file: filepath.Join(t.TempDir(), "secret"), results: map[string]int{}}
	if err := os.WriteFile(h.file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := NewWebhook(WebhookOptions{SecretFile: h.file, Heard: func(result string) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.results[result]++
	}})
	if err != nil {
		t.Fatal(err)
	}
	h.Webhook = w
	return h
}

// deliver POSTs a body with headers, given in pairs, and gives the status.
func (h *hook) deliver(body string, headers ...string) int {
	r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

// looks counts what has been asked for since.
func (h *hook) looks() int {
	n := 0
	for {
		select {
		case <-h.Looks():
			n++
		default:
			return n
		}
	}
}

func mac(key, text string) []byte {
	m := hmac.New(sha256.New, []byte(key))
	_, _ = io.WriteString(m, text)
	return m.Sum(nil)
}

func github(key, body string) string { return "sha256=" + hex.EncodeToString(mac(key, body)) }

func TestDeliveries(t *testing.T) {
	stamp := fmt.Sprint(time.Now().Unix())
	old := fmt.Sprint(time.Now().Add(-time.Hour).Unix())
	signed := func(key, id, at, body string) string {
		return "v1," + base64.StdEncoding.EncodeToString(mac(key, id+"."+at+"."+body))
	}
	raw := "0123456789abcdef0123456789abcdef"
	whsec := "whsec_" + base64.StdEncoding.EncodeToString([]byte(raw))
	for _, c := range []struct {
		name, reason string
		secret       string
		headers      []string
		want         int
	}{
		{"GitHub", "as Gitea and Forgejo do", secret, []string{"X-Hub-Signature-256", github(secret, "{}")}, 202},
		{"another secret", "forged", secret, []string{"X-Hub-Signature-256", github("guess", "{}")}, 401},
		{"another body", "forged", secret, []string{"X-Hub-Signature-256", github(secret, "{ }")}, 401},
		{"no algorithm", "", secret, []string{"X-Hub-Signature-256", hex.EncodeToString(mac(secret, "{}"))}, 401},
		{"no hex", "", secret, []string{"X-Hub-Signature-256", "sha256=zz"}, 401},
		{"empty code", "", secret, []string{"X-Hub-Signature-256", "sha256="}, 401},
		{"SHA-1 alone", "it is broken", secret, []string{"X-Hub-Signature", "sha1=" + strings.Repeat("0", 40)}, 401},
		{"nothing", "the secret is mandatory", secret, nil, 401},
		{"GitLab's token", "", secret, []string{"X-Gitlab-Token", secret}, 202},
		{"a wrong token", "", secret, []string{"X-Gitlab-Token", secret + "x"}, 401},
		{"a token beside a wrong signature", "a wrong one is not made good", secret, []string{"X-Hub-Signature-256", "sha256=00", "X-Gitlab-Token", secret}, 401},
		{"GitLab signs", "", whsec, []string{"Webhook-Id", "1", "Webhook-Timestamp", stamp, "Webhook-Signature", signed(raw, "1", stamp, "{}")}, 202},
		{"GitLab signs with two keys", "one of them is ours", whsec, []string{"Webhook-Id", "1", "Webhook-Timestamp", stamp, "Webhook-Signature", signed("old", "1", stamp, "{}") + " " + signed(raw, "1", stamp, "{}")}, 202},
		{"signed an hour ago", "replayed", whsec, []string{"Webhook-Id", "1", "Webhook-Timestamp", old, "Webhook-Signature", signed(raw, "1", old, "{}")}, 401},
		{"signed for another name", "", whsec, []string{"Webhook-Id", "2", "Webhook-Timestamp", stamp, "Webhook-Signature", signed(raw, "1", stamp, "{}")}, 401},
		{"signed at no time", "", whsec, []string{"Webhook-Id", "1", "Webhook-Signature", signed(raw, "1", "", "{}")}, 401},
		{"signed with a broken key", "", "whsec_!", []string{"Webhook-Id", "1", "Webhook-Timestamp", stamp, "Webhook-Signature", signed("", "1", stamp, "{}")}, 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHook(t)
			if err := os.WriteFile(h.file, []byte(c.secret+"\n"), 0o600); err != nil { // rotated while we run
				t.Fatal(err)
			}
			looks := 0
			if c.want == http.StatusAccepted {
				looks = 1
			}
			if got := h.deliver("{}", c.headers...); got != c.want || h.looks() != looks {
				t.Errorf("%s: answered %d, want %d and %d looks", c.reason, got, c.want, looks)
			}
		})
	}
}

func TestWebhookNeedsASecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if _, err := NewWebhook(WebhookOptions{SecretFile: file}); err == nil {
		t.Error("a file that is not there was accepted")
	}
	if err := os.WriteFile(file, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewWebhook(WebhookOptions{SecretFile: file}); err == nil || !strings.Contains(err.Error(), "anybody could call") {
		t.Errorf("an empty secret: got %v, want a refusal", err)
	}
	h := newHook(t)
	if err := os.WriteFile(h.file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := h.deliver("{}", "X-Gitlab-Token", "", "X-Hub-Signature-256", github("", "{}")); got != http.StatusServiceUnavailable || h.looks() != 0 {
		t.Errorf("a secret that became empty: answered %d, want 503", got)
	}
}

// What is too large is not read, whether it says so or not.
func TestLargeDeliveriesAreNotRead(t *testing.T) {
	h := newHook(t)
	for name, length := range map[string]int64{"said": maxBody + 1, "not said": -1} {
		body := &endless{}
		r := httptest.NewRequest(http.MethodPost, "/webhook", body)
		r.ContentLength = length
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusRequestEntityTooLarge || body.read > maxBody+(64<<10) || length > 0 && body.read > 0 {
			t.Errorf("%s: answered %d after reading %d bytes, want 413", name, w.Code, body.read)
		}
	}
	largest := strings.Repeat("x", maxBody)
	if got := h.deliver(largest, "X-Hub-Signature-256", github(secret, largest)); got != http.StatusAccepted {
		t.Errorf("1 MiB: answered %d, want 202", got)
	}
	r := httptest.NewRequest(http.MethodGet, "/webhook", http.NoBody)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != http.MethodPost {
		t.Errorf("GET: answered %d, want 405", w.Code)
	}
}

type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

// A thousand replays, each under a name of its own, are one look; so are a thousand
// genuine deliveries that come faster than anybody looks.
func TestReplaysAreOneLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHook(t)
		for i := range 1000 {
			if got := h.deliver("{}", "X-Hub-Signature-256", github(secret, "{}"), "X-GitHub-Delivery", fmt.Sprint(i)); got != http.StatusAccepted {
				t.Fatalf("replay %d: answered %d, want 202", i, got)
			}
		}
		if n := h.looks(); n != 1 || h.results["accepted"] != 1 || h.results["repeated"] != 999 {
			t.Errorf("%d looks, %v, want one", n, h.results)
		}
		<-time.After(time.Minute)
		h.deliver("{}", "X-Hub-Signature-256", github(secret, "{}"))
		if n := h.looks(); n != 1 {
			t.Errorf("%d looks a minute later, want one: a person's own script always sends the same", n)
		}
		for i := range 3 * maxHeard {
			body := fmt.Sprint(i)
			h.deliver(body, "X-Hub-Signature-256", github(secret, body))
		}
		if n := h.looks(); n != 1 || len(h.heard) > maxHeard {
			t.Errorf("%d looks, %d remembered, want one and at most %d", n, len(h.heard), maxHeard)
		}
	})
}

// Whoever sends slowly holds a slot, not the server, and not for ever.
func TestSlowDeliveriesAreBounded(t *testing.T) {
	h := newHook(t)
	var slow sync.WaitGroup
	release := make(chan struct{})
	for range maxBodies {
		slow.Go(func() {
			r := httptest.NewRequest(http.MethodPost, "/webhook", waiting{release})
			h.ServeHTTP(httptest.NewRecorder(), r)
		})
	}
	for len(h.slots) < maxBodies {
		<-time.After(time.Millisecond)
	}
	if got := h.deliver("{}", "X-Hub-Signature-256", github(secret, "{}")); got != http.StatusServiceUnavailable {
		t.Errorf("among slow ones: answered %d, want 503 at once", got)
	}
	close(release)
	slow.Wait()
	if got := h.deliver("{}", "X-Hub-Signature-256", github(secret, "{}")); got != http.StatusAccepted {
		t.Errorf("after them: answered %d, want 202", got)
	}

	server := httptest.NewUnstartedServer(h)
	server.Config.ReadTimeout = 100 * time.Millisecond
	server.Start()
	defer server.Close()
	body, never := io.Pipe()
	defer func() { _ = never.Close() }()
	res, err := http.Post(server.URL, "application/json", body)
	if err != nil {
		return // the server may cut the connection before its answer is read
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusRequestTimeout {
		t.Errorf("a delivery that never ends: answered %d, want 408", res.StatusCode)
	}
}

// waiting is a body that ends when it is told to.
type waiting struct{ release chan struct{} }

func (w waiting) Read([]byte) (int, error) {
	<-w.release
	return 0, io.EOF
}

func FuzzDelivery(f *testing.F) {
	f.Add("sha256=00", "v1,AA==", "1", "x", []byte("{}"))
	f.Fuzz(func(t *testing.T, hub, standard, at, token string, body []byte) {
		h := http.Header{"X-Hub-Signature-256": {hub}, "Webhook-Signature": {standard}, "Webhook-Timestamp": {at}, "X-Gitlab-Token": {token}}
		if genuine(h, body, secret, time.Now()) && token != secret && hub != github(secret, string(body)) {
			t.Errorf("believed %v", h)
		}
	})
}
