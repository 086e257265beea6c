package watch

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Webhook is an HTTP handler by which a Git host says "look now". Nothing of what it is
// sent is believed or even parsed: who knows the secret may make us look, and looking
// twice does no harm.
//
//	size ─► body ─► signature ─► heard lately? ─► look
//	413      408     401          202              202
//
// It understands how GitHub, Gitea and Forgejo sign (X-Hub-Signature-256), GitLab's
// secret token (X-Gitlab-Token) and its signing token (webhook-signature).
type Webhook struct {
	opts  WebhookOptions
	looks chan struct{}
	slots chan struct{} // bodies held at once

	mu    sync.Mutex
	heard map[[sha256.Size]byte]time.Time // bodies, and when they were last heard
}

// WebhookOptions of NewWebhook.
type WebhookOptions struct {
	// SecretFile holds the secret, with or without a line break after it. It is read
	// for each delivery, so that it may be rotated.
	SecretFile string
	// Lately is for how long a body that comes again is not news; default one minute,
	// after which an unasked look is due anyway.
	Lately time.Duration
	// Heard, when set, is told what became of each delivery: accepted, repeated,
	// refused or failed.
	Heard func(result string)
}

const (
	// maxBody is what a host may send at once; GitHub cuts at 25 MiB, but a push of
	// some commits takes a few KiB.
	maxBody = 1 << 20
	// maxBodies are held in memory at the same time.
	maxBodies = 16
	// maxHeard bounds what is remembered of deliveries.
	maxHeard = 1024
	// maxSkew is how old a signed time may be.
	maxSkew = 5 * time.Minute
)

// NewWebhook reads the secret once, to find what is wrong with it early.
func NewWebhook(opts WebhookOptions) (*Webhook, error) {
	if opts.Lately == 0 {
		opts.Lately = time.Minute
	}
	if opts.Heard == nil {
		opts.Heard = func(string) {}
	}
	w := &Webhook{
		opts: opts, looks: make(chan struct{}, 1), slots: make(chan struct{}, maxBodies),
		heard: map[[sha256.Size]byte]time.Time{},
	}
	_, err := w.secret()
	return w, err
}

// Looks says "look now". Deliveries that come before the last one was received here are
// one look.
func (w *Webhook) Looks() <-chan struct{} { return w.looks }

func (w *Webhook) secret() (string, error) {
	text, err := os.ReadFile(w.opts.SecretFile)
	if err != nil {
		return "", fmt.Errorf("read webhook secret: %w", err)
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return "", fmt.Errorf("read webhook secret: %s is empty: without a secret anybody could call", w.opts.SecretFile)
	}
	return secret, nil
}

// ServeHTTP takes one delivery.
func (w *Webhook) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	refuse := func(result string, status int, why string) {
		w.opts.Heard(result)
		http.Error(out, why, status)
	}
	if r.Method != http.MethodPost {
		out.Header().Set("Allow", http.MethodPost)
		refuse("refused", http.StatusMethodNotAllowed, "deliveries are POSTed")
		return
	}
	if r.ContentLength > maxBody {
		refuse("refused", http.StatusRequestEntityTooLarge, "a delivery has at most 1 MiB")
		return
	}
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	default:
		out.Header().Set("Retry-After", "1")
		refuse("failed", http.StatusServiceUnavailable, "too many deliveries at once")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(out, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		refuse("refused", http.StatusRequestEntityTooLarge, "a delivery has at most 1 MiB")
		return
	case err != nil:
		refuse("refused", http.StatusRequestTimeout, "the body did not arrive")
		return
	}
	secret, err := w.secret()
	if err != nil {
		refuse("failed", http.StatusServiceUnavailable, "the secret cannot be read here")
		return
	}
	now := time.Now()
	if !genuine(r.Header, body, secret, now) {
		refuse("refused", http.StatusUnauthorized, "the signature or token is not right")
		return
	}
	if w.repeated(sha256.Sum256(body), now) {
		w.opts.Heard("repeated")
	} else {
		w.opts.Heard("accepted")
		select {
		case w.looks <- struct{}{}:
		default: // one is waiting already
		}
	}
	out.WriteHeader(http.StatusAccepted)
}

// genuine tells whether a delivery was made by who knows the secret. A header that is
// there and wrong is not made good by another one.
func genuine(h http.Header, body []byte, secret string, now time.Time) bool {
	switch {
	case h.Get("X-Hub-Signature-256") != "":
		sum, found := strings.CutPrefix(h.Get("X-Hub-Signature-256"), "sha256=")
		raw, err := hex.DecodeString(sum)
		return found && err == nil && hmac.Equal(raw, code([]byte(secret), body))
	case h.Get("Webhook-Signature") != "":
		return standard(h, body, secret, now)
	case h.Get("X-Gitlab-Token") != "":
		// Hashed first, so that not even the length can be measured.
		got, want := sha256.Sum256([]byte(h.Get("X-Gitlab-Token"))), sha256.Sum256([]byte(secret))
		return subtle.ConstantTimeCompare(got[:], want[:]) == 1
	}
	return false
}

// standard verifies what the Standard Webhooks specification says: signed are the
// delivery's name, its time and its body; several keys may sign while one is rotated.
func standard(h http.Header, body []byte, secret string, now time.Time) bool {
	key := []byte(secret)
	if encoded, found := strings.CutPrefix(secret, "whsec_"); found {
		var err error
		if key, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return false
		}
	}
	seconds, err := strconv.ParseInt(h.Get("Webhook-Timestamp"), 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > maxSkew {
		return false
	}
	want := code(key, []byte(h.Get("Webhook-Id")+"."+h.Get("Webhook-Timestamp")+"."), body)
	for signature := range strings.FieldsSeq(h.Get("Webhook-Signature")) {
		encoded, found := strings.CutPrefix(signature, "v1,")
		raw, err := base64.StdEncoding.DecodeString(encoded)
		if found && err == nil && hmac.Equal(raw, want) {
			return true
		}
	}
	return false
}

func code(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, p := range parts {
		_, _ = mac.Write(p) // never fails
	}
	return mac.Sum(nil)
}

// repeated tells whether a body was heard lately. It goes by the body, not by the
// delivery's name in a header: that is not signed, and so costs a replayer nothing.
func (w *Webhook) repeated(body [sha256.Size]byte, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at, found := w.heard[body]; found && now.Sub(at) < w.opts.Lately {
		return true
	}
	if len(w.heard) >= maxHeard {
		for b, at := range w.heard {
			if now.Sub(at) >= w.opts.Lately {
				delete(w.heard, b)
			}
		}
	}
	if len(w.heard) >= maxHeard { // genuine ones, so many of them: forgetting costs a look each
		clear(w.heard)
	}
	w.heard[body] = now
	return false
}
