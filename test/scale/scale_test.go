package scale

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/tenantry/tenantry/git/gittest"
	"github.com/tenantry/tenantry/test/cluster"
	"github.com/tenantry/tenantry/test/fleetgen"
	"github.com/tenantry/tenantry/test/observe"
)

var (
	tenants = flag.Int("tenants", 200, "how many tenants the fleet has")
	shards  = flag.Int("shards", 2, "on how many management clusters")
	quiet   = flag.Duration("quiet", 5*time.Minute, "for how long it is left alone")
)

// rounds are those in which tenants come.
const rounds = 10

// BenchmarkScale takes a fleet from nothing to rest.
func BenchmarkScale(b *testing.B) {
	for b.Loop() {
		newRun(b).all(b)
	}
}

// run is one fleet with its shards and its daemon.
type run struct {
	made        *fleetgen.Fleet
	log         *observe.Audit
	repo        *gittest.Fixture
	kubeconfigs string
	bare        *bare
	daemon      *observe.Daemon
	// applied are the control planes that were written, and when last.
	applied map[string]time.Time
	writes  int
	peak    float64
	figures map[string]float64
}

func newRun(b *testing.B) *run {
	log, args, err := observe.NewAudit(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	r := &run{log: log, kubeconfigs: b.TempDir(), applied: map[string]time.Time{}, figures: map[string]float64{}}
	r.made = fleetgen.New(fleetgen.Options{Seed: 3, Tenants: *tenants, Classes: 20, Shards: *shards, Providers: []string{"kamaji"}, PatchEvery: 20})
	clusters := cluster.Start(b, cluster.Options{Names: r.made.Shards, APIServerArgs: args})
	configs := map[string]*rest.Config{}
	for _, name := range r.made.Shards {
		observe.Admit(b, clusters, name, r.kubeconfigs)
		configs[name] = clusters.Shard(b, name).Config(b)
	}
	r.bare = newBare(b, r.made, configs)
	r.repo = gittest.New(b, gittest.Options{})
	return r
}

func (r *run) all(b *testing.B) {
	r.figure("scale_tenants", float64(*tenants), "tenants")
	r.figure("scale_shards", float64(*shards), "shards")
	nobody := maps.Clone(r.made.Files)
	maps.DeleteFunc(nobody, func(file, _ string) bool { return strings.HasPrefix(file, "tenants/") })
	r.repo.MustCommit("main", nobody)
	r.daemon = observe.Start(b, r.repo.URL, r.kubeconfigs)
	r.rest(b)
	r.onboard(b)
	r.change(b)
	r.again(b)
	r.alone(b)
	r.figure("replica_peak_rss_mib", r.peak, "MiB")
	r.bound(b)
}

func (r *run) figure(name string, value float64, unit string) {
	r.figures[name] = value
	fmt.Fprintf(os.Stdout, "figure: %s %g %s\n", name, value, unit)
}

// follow reads what the API servers have noted by now.
func (r *run) follow(b *testing.B) {
	b.Helper()
	all, err := r.log.Next()
	if err != nil {
		b.Fatal(err)
	}
	for _, q := range all {
		if !q.Writes() {
			continue
		}
		r.writes++
		if q.ObjectRef.Resource == "tenantcontrolplanes" && q.ResponseStatus.Code < 300 {
			r.applied[q.ObjectRef.Name] = q.StageTimestamp
		}
	}
}

// rest waits until the daemon asks nothing any more.
func (r *run) rest(b *testing.B) {
	b.Helper()
	observe.Await(b, "the daemon is at rest", 10*time.Minute, observe.Quiet(b, r.log, 3*time.Second))
	r.follow(b)
}

// until waits until all of these were written after a time, and gives when the last was.
func (r *run) until(b *testing.B, names []string, after time.Time) time.Time {
	b.Helper()
	observe.Await(b, fmt.Sprintf("%d tenants are applied", len(names)), 30*time.Minute, func() bool {
		r.follow(b)
		return !slices.ContainsFunc(names, func(n string) bool { return !r.applied[n].After(after) })
	})
	last := after
	for _, n := range names {
		if at := r.applied[n]; at.After(last) {
			last = at
		}
	}
	return last
}

// onboard has tenants come in rounds, each followed by the bare loop with as many.
func (r *run) onboard(b *testing.B) {
	var ratios []float64
	total, bare, count := time.Duration(0), time.Duration(0), 0
	for dirs := range slices.Chunk(r.made.Tenants, max(1, *tenants/rounds)) {
		files, names := map[string]string{}, []string{}
		for _, dir := range dirs {
			names = append(names, path.Base(dir))
			for file, content := range r.made.Files {
				if strings.HasPrefix(file, dir+"/") {
					files[file] = content
				}
			}
		}
		commit := r.repo.MustCommit("main", files)
		pushed := time.Now()
		if err := r.daemon.Deliver(commit); err != nil {
			b.Fatal(err)
		}
		took := r.until(b, names, pushed).Sub(pushed)
		count += len(names)
		observe.Await(b, "they are ready", 10*time.Minute, func() bool { return r.daemon.Ready() == count })
		r.rest(b)
		limit := r.bare.send(b, names)
		r.rest(b)
		total, bare = total+took, bare+limit
		ratios = append(ratios, limit.Seconds()/took.Seconds())
		b.Logf("%d more tenants in %v, bare in %v", len(names), took, limit)
	}
	slices.Sort(ratios)
	r.figure("all_applied_seconds", total.Seconds(), "s")
	r.figure("bare_seconds", bare.Seconds(), "s")
	r.figure("apply_vs_limit_ratio", ratios[len(ratios)/2], "ratio")
	r.figure("writes_per_tenant", float64(r.writes)/float64(count), "requests")
}

// change has one commit touch every tenant: all classes say something else.
func (r *run) change(b *testing.B) {
	files := map[string]string{}
	for file := range r.made.Files {
		name, found := strings.CutSuffix(file, "/class.yaml")
		if !found {
			continue
		}
		files[name+"/kustomization.yaml"] = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../../providers/kamaji]\npatches:\n" +
			"- target: {kind: TenantControlPlane}\n  patch: |\n    - {op: add, path: /spec/controlPlane/deployment/extraArgs, value: {apiServer: [--goaway-chance=0.001]}}\n"
	}
	var names []string
	for _, dir := range r.made.Tenants {
		names = append(names, path.Base(dir))
	}
	commit := r.repo.MustCommit("main", files)
	pushed := time.Now()
	if err := r.daemon.Deliver(commit); err != nil {
		b.Fatal(err)
	}
	r.figure("class_change_applied_seconds", r.until(b, names, pushed).Sub(pushed).Seconds(), "s")
	observe.Await(b, "all are ready", 10*time.Minute, func() bool { return r.daemon.Ready() == len(names) })
	r.rest(b)
}

// again starts the daemon over the applied fleet.
func (r *run) again(b *testing.B) {
	r.weigh(b)
	r.daemon.Stop()
	r.follow(b)
	before := r.writes
	begin := time.Now()
	r.daemon = observe.Start(b, r.repo.URL, r.kubeconfigs)
	observe.Await(b, "all are seen to be ready", 10*time.Minute, func() bool { return r.daemon.Ready() == *tenants })
	r.figure("restart_ready_seconds", time.Since(begin).Seconds(), "s")
	r.rest(b)
	r.figure("restart_writes", float64(r.writes-before), "requests")
}

// alone leaves the daemon to itself, twice as long as is measured: the overview of a fleet
// follows its last change by minutes.
func (r *run) alone(b *testing.B) {
	<-time.After(*quiet)
	r.follow(b)
	before, tips := r.writes, r.tips(b)
	used, err := r.daemon.Processor()
	if err != nil {
		b.Fatal(err)
	}
	<-time.After(*quiet)
	r.follow(b)
	after, err := r.daemon.Processor()
	if err != nil {
		b.Fatal(err)
	}
	commits := 0
	if r.tips(b) != tips {
		commits = 1
	}
	r.figure("quiet_writes", float64(r.writes-before), "requests")
	r.figure("quiet_commits", float64(commits), "commits")
	r.figure("quiet_cpu_percent", 100*(after-used).Seconds()/quiet.Seconds(), "percent")
	r.weigh(b)
}

// tips are the commits of the daemon's branches.
func (r *run) tips(b *testing.B) string {
	b.Helper()
	out, err := r.repo.Git("rev-parse", "tenantry-ledger", "tenantry-status")
	if err != nil {
		b.Fatal(err)
	}
	return out
}

func (r *run) weigh(b *testing.B) {
	b.Helper()
	mib, err := r.daemon.PeakMemory()
	if err != nil {
		b.Fatal(err)
	}
	r.peak = max(r.peak, mib)
}
