package git_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantry/tenantry/git"
)

// sender answers requests without a network.
type sender func(*http.Request) (*http.Response, error)

func (s sender) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

// lines writes lines of Git's protocol; an empty one is a flush.
func lines(texts ...string) string {
	var out strings.Builder
	for _, text := range texts {
		if text == "" {
			out.WriteString("0000")
			continue
		}
		fmt.Fprintf(&out, "%04x%s", len(text)+4, text)
	}
	return out.String()
}

func TestRequestsGoThroughTheTransport(t *testing.T) {
	const tip = "1234567890123456789012345678901234567890"
	list := lines("# service=git-upload-pack\n", "", tip+" refs/heads/elsewhere\x00side-band-64k\n", "")
	var asked []string
	r := open(t, git.Options{
		URL: "https://git.example.org/fleet.git", Read: git.Credentials{Username: "reader", Password: "secret"},
		Transport: sender(func(r *http.Request) (*http.Response, error) {
			name, password, _ := r.BasicAuth()
			asked = append(asked, r.Method+" "+r.URL.String()+" "+name+":"+password)
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(list)), Request: r}, nil
		}),
	})
	if tips := fetch(t, r, "main"); len(tips) != 0 {
		t.Errorf("found %v", tips)
	}
	const want = "GET https://git.example.org/fleet.git/info/refs?service=git-upload-pack reader:secret"
	if len(asked) != 1 || asked[0] != want {
		t.Errorf("asked for %q, want %q", asked, want)
	}
}

// A transport that never answers is no reason to wait for ever, and one that takes long
// over a large request is not silent.
func TestSilenceEndsRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, git.Options{URL: "https://git.example.org/fleet.git", Timeout: time.Minute, Transport: sender(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})})
		began := time.Now()
		_, err := r.Fetch(t.Context(), "main")
		if took := time.Since(began); !errors.Is(err, git.ErrUnreachable) || !strings.Contains(err.Error(), "silent for 1m0s") || took != time.Minute {
			t.Errorf("got %v after %s, want that it was silent for a minute", err, took)
		}
	})
}

func TestLongUploadsAreNotSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := lines("# service=git-receive-pack\n", "", strings.Repeat("0", 40)+" capabilities^{}\x00report-status\n", "")
		r := open(t, git.Options{URL: "https://git.example.org/fleet.git", Timeout: time.Minute, Transport: sender(func(r *http.Request) (*http.Response, error) {
			answer := list
			if r.Method == http.MethodPost {
				if err := readSlowly(r.Context(), r.Body); err != nil {
					return nil, err
				}
				answer = lines("unpack ok\n", "ok refs/heads/main\n", "")
			}
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
		})})
		began := time.Now()
		large := bytes.Repeat([]byte("x"), 1<<20)
		if _, err := r.Push(t.Context(), git.Draft{Branch: "main", Message: "Begin", When: noon, Files: map[string][]byte{"large": large}}); err != nil {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

// readSlowly takes more than a minute, but never a whole one between two pieces.
func readSlowly(ctx context.Context, body io.Reader) error {
	for piece := make([]byte, 512); ; {
		pause := time.NewTimer(50 * time.Second)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pause.C:
		}
		if _, err := body.Read(piece); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}
