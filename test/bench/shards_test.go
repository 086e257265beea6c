package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/tenantry/tenantry/git/gittest"
	"github.com/tenantry/tenantry/test/cluster"
	"github.com/tenantry/tenantry/test/fleetgen"
	"github.com/tenantry/tenantry/test/kamaji"
)

// The fleet on real API servers.
const (
	hostedTenants = 1000
	samples       = 220
)

// BenchmarkShards runs the daemon on two management clusters whose API servers note
// every request of it. What a provider's operator does is played.
func BenchmarkShards(b *testing.B) {
	for b.Loop() {
		measureShards(b)
	}
}

func measureShards(b *testing.B) {
	log, args, err := newAuditLog(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	made := fleetgen.New(fleetgen.Options{Seed: fleetSeed, Tenants: hostedTenants, Classes: 10, Shards: 2, Providers: []string{"kamaji"}})
	clusters := cluster.Start(b, cluster.Options{Names: made.Shards, APIServerArgs: args})
	kubeconfigs := b.TempDir()
	for _, name := range made.Shards {
		admit(b, clusters, name, kubeconfigs)
	}
	repo := gittest.New(b, gittest.Options{})
	repo.MustCommit("main", made.Files)

	d := startDaemon(b, repo.URL, kubeconfigs)
	start := time.Now()
	await(b, "all tenants are ready", 5*time.Minute, func() bool { return d.ready() == hostedTenants })
	say("onboard_1000_seconds", time.Since(start).Seconds(), "s")
	await(b, "nothing is written any more", time.Minute, quiet(b, log, 3*time.Second))
	created(b, log)

	d.stop()
	if _, err := log.next(); err != nil {
		b.Fatal(err)
	}
	d = startDaemon(b, repo.URL, kubeconfigs)
	await(b, "all tenants are seen to be ready", 2*time.Minute, func() bool { return d.ready() == hostedTenants })
	unchanged(b, log, d, repo)
	commitToApplied(b, log, d, repo, made)
}

func say(name string, value float64, unit string) {
	fmt.Fprintln(os.Stdout, figure{name, value, unit})
}

// admit does on a shard what an administrator does, and plays Kamaji there.
func admit(b *testing.B, c *cluster.Cluster, name, kubeconfigs string) {
	b.Helper()
	content, err := os.ReadFile(c.Admit(b, name))
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(kubeconfigs, name+".kubeconfig"), content, 0o600); err != nil {
		b.Fatal(err)
	}
	cfg := c.Shard(b, name).Config(b)
	if err := kamaji.Install(b.Context(), cfg); err != nil {
		b.Fatal(err)
	}
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		b.Fatal(err)
	}
	for _, made := range []struct {
		resource string
		object   map[string]any
	}{
		{"namespaces", map[string]any{"kind": "Namespace", "metadata": map[string]any{"name": "databases"}}},
		{"secrets", map[string]any{"kind": "Secret", "metadata": map[string]any{"name": "postgres", "namespace": "databases"}}},
	} {
		resource, object := made.resource, made.object
		object["apiVersion"] = "v1"
		o := &unstructured.Unstructured{Object: object}
		await(b, "the datastore's "+resource+" are there", time.Minute, func() bool {
			_, err := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: resource}).Namespace(o.GetNamespace()).
				Create(b.Context(), o, metav1.CreateOptions{})
			return err == nil
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := kamaji.Run(ctx, cfg, kamaji.Options{}); err != nil {
			b.Error(err)
		}
	})
	b.Cleanup(func() { cancel(); running.Wait() })
}

// quiet tells whether the daemon has asked nothing of the shards for a while.
func quiet(b *testing.B, log *auditLog, pause time.Duration) func() bool {
	requests, last := &auditLog{path: log.path, seen: map[string]bool{}}, time.Now()
	return func() bool {
		all, err := requests.next()
		if err != nil {
			b.Fatal(err)
		}
		if n, _ := count(all, func(r request) bool { return !r.lease() }); n > 0 {
			last = time.Now()
		}
		return time.Since(last) > pause
	}
}

// created says what it cost to make everything.
func created(b *testing.B, log *auditLog) {
	all, err := log.next()
	if err != nil {
		b.Fatal(err)
	}
	writes, objects := count(all, request.writes)
	requests, _ := count(all, func(r request) bool { return !r.lease() })
	say("objects_created", float64(len(objects)), "objects")
	say("writes_per_object_created", float64(writes)/float64(len(objects)), "requests")
	say("requests_per_object_created", float64(requests)/float64(len(objects)), "requests")
	for _, r := range all {
		if r.writes() && objects[r.object()] > 1 {
			b.Logf("written more than once: %s, answered %d", r.object(), r.ResponseStatus.Code)
		}
	}
}

// unchanged says what is written, and asked at all, when nothing has changed: by a
// daemon that has just begun, with a commit that changes no tenant, and in a minute
// in which nothing happens.
func unchanged(b *testing.B, log *auditLog, d *daemon, repo *gittest.Fixture) {
	commit := repo.MustCommit("main", map[string]string{"README.md": "Nothing about tenants.\n"})
	if err := d.deliver(commit); err != nil {
		b.Fatal(err)
	}
	await(b, "nothing is asked any more", time.Minute, quiet(b, log, 5*time.Second))
	all, err := log.next()
	if err != nil {
		b.Fatal(err)
	}
	writes, objects := count(all, request.writes)
	say("writes_unchanged", float64(writes), "requests")
	if writes > 0 {
		b.Logf("written although nothing changed: %v", slices.Sorted(maps.Keys(objects)))
	}
	<-time.After(time.Minute)
	if all, err = log.next(); err != nil {
		b.Fatal(err)
	}
	others, objects := count(all, func(r request) bool { return !r.lease() })
	say("quiet_minute_requests_beyond_leases", float64(others), "requests")
	if others > 0 {
		b.Logf("asked in a quiet minute: %v", slices.Sorted(maps.Keys(objects)))
	}
	say("quiet_minute_lease_requests", float64(len(all)-others), "requests")
}

// commitToApplied changes one tenant after the other. What counts is from when the
// push is acknowledged until the shard's API server has answered the write.
func commitToApplied(b *testing.B, log *auditLog, d *daemon, repo *gittest.Fixture, made *fleetgen.Fleet) {
	var took []float64
	written := 0
	for i := range samples {
		dir := made.Tenants[i*len(made.Tenants)/samples]
		commit := repo.MustCommit("main", map[string]string{dir + "/tenant.yaml": made.Scaled(dir, 4)})
		pushed := time.Now()
		if err := d.deliver(commit); err != nil {
			b.Fatal(err)
		}
		await(b, filepath.Base(dir)+" is applied", time.Minute, func() bool {
			all, err := log.next()
			if err != nil {
				b.Fatal(err)
			}
			for _, r := range all {
				if !r.writes() {
					continue
				}
				written++
				if r.ObjectRef.Resource == "tenantcontrolplanes" && r.ObjectRef.Name == filepath.Base(dir) {
					took = append(took, max(0, r.StageTimestamp.Sub(pushed).Seconds()*1000))
					return true
				}
			}
			return false
		})
	}
	slices.Sort(took)
	say("commit_to_applied_samples", float64(len(took)), "commits")
	say("commit_to_applied_p50_ms", took[len(took)/2], "ms")
	say("commit_to_applied_p99_ms", took[len(took)*99/100], "ms")
	say("writes_per_change", float64(written)/float64(len(took)), "requests")
}
