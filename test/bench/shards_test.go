package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tenantry/tenantry/git/gittest"
	"github.com/tenantry/tenantry/test/cluster"
	"github.com/tenantry/tenantry/test/fleetgen"
	"github.com/tenantry/tenantry/test/observe"
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
	log, args, err := observe.NewAudit(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	made := fleetgen.New(fleetgen.Options{Seed: fleetSeed, Tenants: hostedTenants, Classes: 10, Shards: 2, Providers: []string{"kamaji"}})
	clusters := cluster.Start(b, cluster.Options{Names: made.Shards, APIServerArgs: args})
	kubeconfigs := b.TempDir()
	for _, name := range made.Shards {
		observe.Admit(b, clusters, name, kubeconfigs)
	}
	repo := gittest.New(b, gittest.Options{})
	repo.MustCommit("main", made.Files)

	d := observe.Start(b, repo.URL, kubeconfigs)
	start := time.Now()
	observe.Await(b, "all tenants are ready", 5*time.Minute, func() bool { return d.Ready() == hostedTenants })
	say("onboard_1000_seconds", time.Since(start).Seconds(), "s")
	observe.Await(b, "nothing is written any more", time.Minute, observe.Quiet(b, log, 3*time.Second))
	created(b, log)

	d.Stop()
	if _, err := log.Next(); err != nil {
		b.Fatal(err)
	}
	d = observe.Start(b, repo.URL, kubeconfigs)
	observe.Await(b, "all tenants are seen to be ready", 2*time.Minute, func() bool { return d.Ready() == hostedTenants })
	unchanged(b, log, d, repo)
	commitToApplied(b, log, d, repo, made)
}

func say(name string, value float64, unit string) {
	fmt.Fprintln(os.Stdout, figure{name, value, unit})
}

// created says what it cost to make everything.
func created(b *testing.B, log *observe.Audit) {
	all, err := log.Next()
	if err != nil {
		b.Fatal(err)
	}
	writes, objects := observe.Count(all, observe.Request.Writes)
	requests, _ := observe.Count(all, func(r observe.Request) bool { return !r.Lease() })
	say("objects_created", float64(len(objects)), "objects")
	say("writes_per_object_created", float64(writes)/float64(len(objects)), "requests")
	say("requests_per_object_created", float64(requests)/float64(len(objects)), "requests")
	for _, r := range all {
		if r.Writes() && objects[r.Object()] > 1 {
			b.Logf("written more than once: %s, answered %d", r.Object(), r.ResponseStatus.Code)
		}
	}
}

// unchanged says what is written, and asked at all, when nothing has changed: by a
// daemon that has just begun, with a commit that changes no tenant, and in a minute
// in which nothing happens.
func unchanged(b *testing.B, log *observe.Audit, d *observe.Daemon, repo *gittest.Fixture) {
	commit := repo.MustCommit("main", map[string]string{"README.md": "Nothing about tenants.\n"})
	if err := d.Deliver(commit); err != nil {
		b.Fatal(err)
	}
	observe.Await(b, "nothing is asked any more", time.Minute, observe.Quiet(b, log, 5*time.Second))
	all, err := log.Next()
	if err != nil {
		b.Fatal(err)
	}
	writes, objects := observe.Count(all, observe.Request.Writes)
	say("writes_unchanged", float64(writes), "requests")
	if writes > 0 {
		b.Logf("written although nothing changed: %v", slices.Sorted(maps.Keys(objects)))
	}
	<-time.After(time.Minute)
	if all, err = log.Next(); err != nil {
		b.Fatal(err)
	}
	others, objects := observe.Count(all, func(r observe.Request) bool { return !r.Lease() })
	say("quiet_minute_requests_beyond_leases", float64(others), "requests")
	if others > 0 {
		b.Logf("asked in a quiet minute: %v", slices.Sorted(maps.Keys(objects)))
	}
	say("quiet_minute_lease_requests", float64(len(all)-others), "requests")
}

// commitToApplied changes one tenant after the other. What counts is from when the
// push is acknowledged until the shard's API server has answered the write.
func commitToApplied(b *testing.B, log *observe.Audit, d *observe.Daemon, repo *gittest.Fixture, made *fleetgen.Fleet) {
	var took []float64
	written := 0
	for i := range samples {
		dir := made.Tenants[i*len(made.Tenants)/samples]
		commit := repo.MustCommit("main", map[string]string{dir + "/tenant.yaml": made.Scaled(dir, 4)})
		pushed := time.Now()
		if err := d.Deliver(commit); err != nil {
			b.Fatal(err)
		}
		observe.Await(b, filepath.Base(dir)+" is applied", time.Minute, func() bool {
			all, err := log.Next()
			if err != nil {
				b.Fatal(err)
			}
			for _, r := range all {
				if !r.Writes() {
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
