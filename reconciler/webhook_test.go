package reconciler_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantry/tenantry/git/gittest"
)

// deliver POSTs as a Git host does, and gives the status.
func (d *daemon) deliver(address, secret, body string) int {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, "http://"+address+"/webhook", strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// servedAt is the address at which the log says something is served.
func (d *daemon) servedAt(what string) string {
	for line := range strings.Lines(d.log.String()) {
		var said struct{ Msg, Address string }
		if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "serve "+what {
			return said.Address
		}
	}
	return ""
}

func TestWebhookHasGitLookedAtOnce(t *testing.T) {
	t.Parallel()
	const secret = "webhook-canary"
	for _, apart := range []bool{false, true} {
		remote, log := served(t), &safeBuffer{}
		opts := options(t, remote.URL, log)
		opts.Interval = time.Hour
		opts.WebhookSecretFile = filepath.Join(t.TempDir(), "secret")
		write(t, opts.WebhookSecretFile, secret+"\n")
		if apart {
			opts.WebhookListen = "127.0.0.1:0"
		}
		d := start(t, opts, log)
		address := d.address
		if apart {
			address = d.servedAt("the webhook")
			if got := d.deliver(d.address, secret, "{}"); got != http.StatusNotFound {
				t.Errorf("beside metrics: answered %d, want 404", got)
			}
		}
		d.eventually("it has looked once by itself", func() bool { return strings.Contains(log.String(), `"read the fleet"`) })
		before := remote.Requests()["list"]
		if got := d.deliver(address, "guess", "{}"); got != http.StatusUnauthorized {
			t.Errorf("forged: answered %d, want 401", got)
		}
		tip := remote.MustCommit("main", map[string]string{"README.md": "# new\n"})
		for range 1000 {
			if got := d.deliver(address, secret, `{"ref":"refs/heads/main"}`); got != http.StatusAccepted {
				t.Fatalf("answered %d, want 202", got)
			}
		}
		d.eventually("the new commit is read", func() bool { return strings.Contains(log.String(), tip) })
		// The look that every start begins with may still have been to come.
		if n := remote.Requests()["list"] - before; n > 2 {
			t.Errorf("%d fetches for 1,000 replays, want one", n)
		}
		d.eventually("deliveries are counted, and one of them was a look", d.says("/metrics", http.StatusOK, `tenantry_webhook_deliveries_total{result="repeated"} 999`))
		if strings.Contains(log.String(), secret) {
			t.Error("the log holds the secret")
		}
		d.stop()
	}
}

func TestWithoutASecretThereIsNoWebhook(t *testing.T) {
	t.Parallel()
	remote, log := served(t), &safeBuffer{}
	d := start(t, options(t, remote.URL, log), log)
	if got := d.deliver(d.address, "", "{}"); got != http.StatusNotFound {
		t.Errorf("answered %d, want 404", got)
	}
	d.stop()
}

func TestStatusInAnotherRepository(t *testing.T) {
	t.Parallel()
	remote, log := served(t), &safeBuffer{}
	other := gittest.New(t, gittest.Options{Username: "writer", Password: "p"})
	opts := options(t, remote.URL, log)
	opts.StatusGit.URL = other.URL
	opts.StatusGit.Read.Username, opts.StatusGit.Read.Password = "writer", "p"
	write(t, filepath.Join(opts.Kubeconfigs, "main.yaml"), sickShard(t))
	d := start(t, opts, log)
	d.eventually("observations are committed there", func() bool { return other.MustTip("tenantry-status") != "" })
	d.eventually("decisions are committed here", func() bool { return remote.MustTip("tenantry-ledger") != "" })
	if remote.MustTip("tenantry-status") != "" || other.MustTip("tenantry-ledger") != "" {
		t.Error("branches are in the wrong repository")
	}
	d.stop()
}
