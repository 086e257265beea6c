package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/reconciler/core"
)

func status(name, shard string, phase core.Phase) core.TenantStatus {
	return core.TenantStatus{Name: name, Shard: shard, Phase: phase}
}

func TestTally(t *testing.T) {
	acme, globex, initech := status("acme", "eu-1", core.Ready), status("globex", "eu-1", core.Ready), status("initech", "eu-2", core.Ready)
	tests := []struct {
		name, reason string
		declared     []string
		statuses     []core.TenantStatus
		answered     []string
		want, err    string
	}{
		{"All", "what the last line says is counted", []string{"acme", "globex", "initech"},
			[]core.TenantStatus{acme, globex, initech}, []string{"acme", "globex", "initech"},
			"3 tenants ready on 2 shards, 3 kubeconfigs answered", ""},
		{"OneShard", "a shard counts once", []string{"acme", "globex"}, []core.TenantStatus{acme, globex},
			[]string{"acme", "globex"}, "2 tenants ready on 1 shards, 2 kubeconfigs answered", ""},
		{"NotReady", "one that is not ready fails the demo", []string{"acme"},
			[]core.TenantStatus{status("acme", "eu-1", core.Failed)}, []string{"acme"}, "", "acme is Failed on eu-1"},
		{"Missing", "so does one that nobody reports", []string{"acme", "globex"}, []core.TenantStatus{acme},
			[]string{"acme", "globex"}, "", "globex is no status yet"},
		{"Silent", "and one whose API was not asked", []string{"acme"}, []core.TenantStatus{acme}, nil, "", "acme was not asked"},
		{"Stranger", "and one that nobody declared", []string{"acme"}, []core.TenantStatus{acme, globex},
			[]string{"acme"}, "", "2 tenants, want the 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			statuses, answered := map[string]core.TenantStatus{}, map[string]bool{}
			for _, s := range tt.statuses {
				statuses[s.Name] = s
			}
			for _, name := range tt.answered {
				answered[name] = true
			}
			got, err := tally(tt.declared, statuses, answered)
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: tally = %q, %v; want %q, %q", tt.reason, got, err, tt.want, tt.err)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	waiting := status("acme", "eu-1", core.Pending)
	waiting.Conditions = []core.Condition{
		{Type: "Held", Status: "False", Reason: "Following"},
		{Type: "Placed", Status: "True", Reason: "Placed"},
		{Type: "Ready", Status: "False", Reason: "WaitingForDataStore", Message: "datastore eu-1-a is not ready yet"},
	}
	held := status("acme", "", core.Held)
	held.Conditions = []core.Condition{{Type: "Held", Status: "True", Reason: "Invalid"}}
	tests := []struct {
		name, reason string
		status       core.TenantStatus
		want         string
	}{
		{"None", "nothing was committed of it", core.TenantStatus{}, "no status yet"},
		{"Waiting", "the first condition that is not as it should be", waiting, "Pending on eu-1: datastore eu-1-a is not ready yet"},
		{"Held", "being held is what should not be; without a message its reason", held, "Held: Invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := describe(tt.status); got != tt.want {
				t.Errorf("%s: describe = %q, want %q", tt.reason, got, tt.want)
			}
		})
	}
}

// The demo changes the example's shards; when their form changes, it must too.
func TestWithPoolOfTheExample(t *testing.T) {
	declaration, err := os.ReadFile("../../examples/quickstart/shards/eu-1.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := withPool(string(declaration), "127.99.1.10-127.99.1.20")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got, "\n    - 127.99.1.10-127.99.1.20\n") || strings.Contains(got, "127.71.") {
		t.Errorf("the pool was not replaced:\n%s", got)
	}
	if got, err := withPool("spec: {}\n", "127.99.1.10-127.99.1.20"); err == nil {
		t.Errorf("a declaration without a pool became %q, want an error", got)
	}
}

func TestEnvironment(t *testing.T) {
	own := []string{"HOME=/home/me", "GIT_DIR=/elsewhere", "KUBECONFIG=/precious", "TENANTRY_REPOSITORY=https://production.example.com",
		"https_proxy=http://proxy.example.com", "GITHUB_ACTIONS=true"}
	want := []string{"HOME=/home/me", "GITHUB_ACTIONS=true", "TENANTRY_REPOSITORY=ours"}
	if diff := cmp.Diff(want, environment(own, "TENANTRY_REPOSITORY=ours")); diff != "" {
		t.Errorf("settings of the person's own must not lead commands elsewhere (-want +got):\n%s", diff)
	}
}

func TestMissingBinaries(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"-devcluster", filepath.Join(temp, "devcluster")}, &out, &errs)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if last := lines[len(lines)-1]; code != 1 || !strings.HasPrefix(last, "demo: failed: ") || !strings.Contains(last, "make demo") {
		t.Errorf("code %d, last line %q; want 1, and what to do", code, last)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
	if code := run(t.Context(), []string{"surplus"}, &out, &errs); code != 2 {
		t.Errorf("misuse gives %d, want 2", code)
	}
}

func TestProcess(t *testing.T) {
	start := func(script string) *process {
		p, err := startProcess("it", filepath.Join(t.TempDir(), "it.log"), t.TempDir(), os.Environ(), []string{"sh", "-c", script})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	brief := start("echo first; echo why; echo a hint; exit 3")
	<-brief.done
	if err := brief.ended(); err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.HasSuffix(err.Error(), "last words: why a hint") {
		t.Errorf("ended = %v, want the status, and an error with its hint", err)
	}
	obedient := start("read line")
	if err := obedient.ended(); err != nil {
		t.Errorf("a running one has ended: %v", err)
	}
	if err := obedient.stop(time.Minute); err != nil {
		t.Errorf("stop: %v", err)
	}
	stubborn := start("trap '' TERM; echo up; while :; do read line; sleep 1; done")
	for len(stubborn.tail(1)) == 0 { // until the trap is set
		if err := stubborn.ended(); err != nil {
			t.Fatal(err)
		}
	}
	if err := stubborn.stop(100 * time.Millisecond); err == nil {
		t.Error("stop hides that force was needed")
	}
}

func TestShellStopsWithItsContext(t *testing.T) {
	var out bytes.Buffer
	s := &shell{dir: t.TempDir(), env: os.Environ(), out: newPrinter(&out)}
	if got, err := s.show(t.Context(), "echo one; echo two >&2"); err != nil || got != "one\ntwo\n" {
		t.Errorf("show = %q, %v", got, err)
	}
	if want := "  $ echo one; echo two >&2\n    one\n    two\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
	if _, err := s.quiet(t.Context(), "echo why >&2; exit 4"); err == nil || !strings.Contains(err.Error(), "exit status 4: why") {
		t.Errorf("quiet = %v, want the status and why", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := s.quiet(ctx, "sleep 60; true"); !errors.Is(err, ctx.Err()) || time.Since(began) > 30*time.Second {
		t.Errorf("quiet = %v after %s, want an end with its context", err, time.Since(began))
	}
}
