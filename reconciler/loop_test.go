package reconciler

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/reconciler/repository"
	"github.com/tenantry/tenantry/reconciler/shard"
)

// quiet is a reconciler whose Git never answers.
func quiet(t *testing.T) (r *reconciler, said *bytes.Buffer, kubeconfigs string) {
	t.Helper()
	said = &bytes.Buffer{}
	log := slog.New(slog.NewTextHandler(said, nil))
	kubeconfigs = t.TempDir()
	return &reconciler{
		opts: Options{
			Shards: func() (map[string]shard.Source, error) { return shard.FromKubeconfigDir(kubeconfigs) },
			Look:   5 * time.Second, Clock: time.Now, ID: "replica-1",
		}, log: log, core: core.New(core.Config{}, nil),
		git: repository.New(nil, repository.Branches{}, nil, log), shards: map[string]*shard.Shard{}, tasks: &errgroup.Group{},
		events: make(chan core.Event, 64), metrics: newMetrics(nil),
	}, said, kubeconfigs
}

func TestLoopWithoutEventsIsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, _ := quiet(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); r.loop(ctx) }()
		<-time.After(3 * stalled)
		if said := r.metrics.alive(time.Now()); said != nil {
			t.Errorf("an idle loop: %q", said)
		}
		cancel()
		<-ended
	})
}

func TestOneKubeconfigTooManyHidesNoOther(t *testing.T) {
	r, said, kubeconfigs := quiet(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the shards' edges end at once
	for _, name := range []string{"eu-1", "eu-1.yaml", "eu-2.kubeconfig"} {
		if err := os.WriteFile(filepath.Join(kubeconfigs, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		r.discover(ctx)
	}
	if err := r.tasks.Wait(); err != nil {
		t.Error(err)
	}
	if r.shards["eu-2"] == nil || len(r.shards) != 2 {
		t.Errorf("found %v", r.shards)
	}
	if n := strings.Count(said.String(), "both for shard eu-1"); n != 1 {
		t.Errorf("told %d times, want once:\n%s", n, said)
	}
	if err := os.RemoveAll(kubeconfigs); err != nil {
		t.Fatal(err)
	}
	r.discover(ctx)
	if !strings.Contains(said.String(), "no such file or directory") || len(r.shards) != 2 {
		t.Errorf("a folder that is gone: %v, %s", r.shards, said)
	}
}
