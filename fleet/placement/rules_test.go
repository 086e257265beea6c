package placement_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/placement"
)

// of is a tenant of a team.
func of(team, name string, spec fleet.TenantSpec) *fleet.Tenant {
	t := tenant(name)
	t.Source.Path = "tenants/" + team + "/" + name + "/tenant.yaml"
	t.Spec = spec
	return t
}

func declare(f *fleet.Fleet, tenants ...*fleet.Tenant) *fleet.Fleet {
	f.Tenants = map[string]*fleet.Tenant{}
	for _, t := range tenants {
		f.Tenants[t.Metadata.Name] = t
	}
	return f
}

// costly has tenants of class small request half a core and a GiB, and of none nothing.
var costly = placement.Known{Footprint: func(class string) placement.Footprint {
	if class == "small" {
		return placement.Footprint{MilliCPU: 500, Memory: 1 << 30}
	}
	return placement.Footprint{}
}}

func TestHardRules(t *testing.T) {
	gold := fleet.Taint{Key: "pool", Value: "gold"}
	front := fleet.Spread{Group: "front"}
	tests := []struct {
		name, reason string
		change       func(*fleet.Shard)
		store        func(*fleet.DataStore)
		request      func(*placement.Request)
		there        fleet.TenantSpec // of a tenant of team web on the shard
		want         string           // the rule; empty takes it
		message, fix string
	}{
		{
			name: "provider installed", reason: "an empty list is all, others name each",
			change: func(s *fleet.Shard) { s.Spec.Providers = []string{"kamaji", "native"} },
		}, {
			name: "provider missing", reason: "nothing on the shard would make it",
			change: func(s *fleet.Shard) { s.Spec.Providers = []string{"kamaji"} },
			want:   placement.ProviderMissing, message: "provider native of the tenant's class small is not among spec.providers in shards/a.yaml",
			fix: "install native on shard a, and add it to spec.providers in shards/a.yaml",
		}, {
			name: "its team's", reason: "a pool of its own",
			change: func(s *fleet.Shard) { s.Spec.Teams = []string{"art", "web"} },
		}, {
			name: "other teams'", reason: "a pool of others",
			change: func(s *fleet.Shard) { s.Spec.Teams = []string{"art"} },
			want:   placement.Dedicated, message: "it is for team art alone (spec.teams in shards/a.yaml), and the tenant is of team web",
			fix: "add team web to spec.teams in shards/a.yaml",
		}, {
			name: "other teams' datastore", reason: "a datastore may be theirs, too",
			store: func(s *fleet.DataStore) { s.Spec.Teams = []string{"art", "dev"} },
			want:  placement.NoDataStore, message: "datastore a-1 is for teams art, dev alone, and the tenant is of team web",
			fix: "add team web to spec.teams in datastores/a-1.yaml",
		}, {
			name: "tolerated", reason: "every taint has its toleration",
			change:  func(s *fleet.Shard) { s.Spec.Taints = []fleet.Taint{gold} },
			request: func(r *placement.Request) { r.Tolerations = []fleet.Taint{{Key: "x"}, gold} },
		}, {
			name: "one of two", reason: "one toleration is not enough",
			change:  func(s *fleet.Shard) { s.Spec.Taints = []fleet.Taint{gold, {Key: "quiet"}} },
			request: func(r *placement.Request) { r.Tolerations = []fleet.Taint{gold} },
			want:    placement.Tainted, message: "class small does not tolerate its taint quiet (spec.taints in shards/a.yaml)",
			fix: "add quiet to spec.tolerations of class small, or choose a class that tolerates it",
		}, {
			name: "another value", reason: "a key alone is not enough",
			change:  func(s *fleet.Shard) { s.Spec.Taints = []fleet.Taint{gold} },
			request: func(r *placement.Request) { r.Tolerations = []fleet.Taint{{Key: "pool", Value: "silver"}} },
			want:    placement.Tainted, message: "taint pool=gold",
		}, {
			name: "another group", reason: "groups are apart from themselves only", there: fleet.TenantSpec{Spread: fleet.Spread{Group: "back"}},
			request: func(r *placement.Request) { r.Tenant.Spec.Spread, r.Spec.Spread = front, front },
		}, {
			name: "its group", reason: "one on a shard", there: fleet.TenantSpec{Spread: front},
			request: func(r *placement.Request) { r.Tenant.Spec.Spread, r.Spec.Spread = front, front },
			want:    placement.GroupThere, message: "1 of the group front of team web are there, and the tenant wants at most 1 on a shard (spec.spread)",
			fix: "raise spec.spread.maxPerShard to 2, or declare another shard",
		}, {
			name: "two of its group", reason: "it says so", there: fleet.TenantSpec{Spread: front},
			request: func(r *placement.Request) {
				r.Tenant.Spec.Spread.Group = "front"
				r.Spec.Spread = fleet.Spread{Group: "front", MaxPerShard: 2}
			},
		}, {
			name: "another team's group", reason: "a group is a team's", there: fleet.TenantSpec{Spread: front},
			request: func(r *placement.Request) {
				*r.Tenant = *of("art", "acme", fleet.TenantSpec{Class: "small", Spread: front})
				r.Spec.Spread = front
			},
		}, {
			name: "just enough", reason: "what is left is what it requests", there: fleet.TenantSpec{Class: "small"},
			change: func(s *fleet.Shard) { s.Spec.Capacity.CPU, s.Spec.Capacity.Memory = "1", "2Gi" },
		}, {
			name: "too little CPU", reason: "what is requested is not there", there: fleet.TenantSpec{Class: "small"},
			change: func(s *fleet.Shard) { s.Spec.Capacity.CPU = "999m" },
			want:   placement.CPUFull, message: "its tenants request 500m of 999m CPU, and a tenant of class small requests 500m (spec.capacity.cpu in shards/a.yaml)",
			fix: "raise spec.capacity.cpu in shards/a.yaml",
		}, {
			name: "too little memory", reason: "likewise", there: fleet.TenantSpec{Class: "small"},
			change: func(s *fleet.Shard) { s.Spec.Capacity.Memory = "1535Mi" },
			want:   placement.MemoryFull, message: "its tenants request 1024 of 1535 MiB memory, and a tenant of class small requests 1024 MiB (spec.capacity.memory in shards/a.yaml)",
			fix: "raise spec.capacity.memory in shards/a.yaml",
		}, {
			name: "nothing requested", reason: "who needs nothing fits where there is nothing left", there: fleet.TenantSpec{Class: "small"},
			change:  func(s *fleet.Shard) { s.Spec.Capacity.CPU = "500m" },
			request: func(r *placement.Request) { r.Tenant.Spec.Class, r.Spec.Class = "free", "free" },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ds := store("a-1", 0, "a")
			if tt.store != nil {
				tt.store(ds)
			}
			f := declare(fleetOf(shard("a", tt.change), ds), of("web", "there", tt.there))
			r := placement.Request{Tenant: of("web", "acme", fleet.TenantSpec{Class: "small"}), Spec: fleet.TenantSpec{Class: "small"}, Provider: "native"}
			if tt.request != nil {
				tt.request(&r)
			}
			_, err := costly.New(f, ledgerOf(living("there", "a", "a-1", ""))).Place(r)
			var unplaced *placement.Unplaced
			if !errors.As(err, &unplaced) {
				if tt.want != "" {
					t.Fatalf("it was placed: %v (%s)", err, tt.reason)
				}
				return
			}
			got := unplaced.Rejections[0]
			if got.Reason != tt.want || !strings.Contains(got.Message, tt.message) || tt.fix != "" && unplaced.Fix() != tt.fix {
				t.Errorf("%s: got %+v, want %s: %s; %s", tt.reason, got, tt.want, tt.message, tt.fix)
			}
		})
	}
}

func TestScores(t *testing.T) {
	bounded := func(tenants int, cpu string) func(*fleet.Shard) {
		return func(s *fleet.Shard) { s.Spec.Capacity = fleet.ShardCapacity{Tenants: tenants, CPU: cpu} }
	}
	in := func(region string) func(*fleet.Shard) {
		return func(s *fleet.Shard) { s.Metadata.Labels = map[string]string{"region": region} }
	}
	prefer := fleet.TenantSpec{Class: "small", Prefer: []map[string]string{{"region": "eu", "tier": "a"}, {"region": "eu"}}}
	tests := []struct {
		name, reason string
		fleet        *fleet.Fleet
		spec         fleet.TenantSpec
		want         []string // shards, the best first
	}{
		{
			name: "share of tenants", reason: "one of ten is less than one of five",
			fleet: fleetOf(shard("a", bounded(5, "")), shard("b", bounded(10, "")), store("a-1", 0, "a"), store("b-1", 0, "b")),
			want:  []string{"b", "a"},
		}, {
			name: "most of what is taken", reason: "the part that runs out first counts",
			fleet: fleetOf(shard("a", bounded(100, "1")), shard("b", bounded(10, "100")), store("a-1", 0, "a"), store("b-1", 0, "b")),
			want:  []string{"b", "a"},
		}, {
			name: "CPU alone", reason: "without a bound of tenants only CPU counts",
			fleet: fleetOf(shard("a", bounded(0, "100")), shard("b", bounded(100, "")), store("a-1", 0, "a"), store("b-1", 0, "b")),
			want:  []string{"a", "b"},
		}, {
			name: "without any bound", reason: "it is weighed as one for a thousand",
			fleet: fleetOf(shard("a", bounded(999, "")), shard("b", nil), shard("c", bounded(1001, "")), store("a-1", 0, "a"), store("b-1", 0, "b"), store("c-1", 0, "c")),
			want:  []string{"c", "b", "a"},
		}, {
			name: "preference", reason: "it goes before load, entry by entry",
			fleet: fleetOf(shard("a", nil), shard("b", in("eu")), shard("c", func(s *fleet.Shard) {
				s.Metadata.Labels = map[string]string{"region": "eu", "tier": "a"}
				s.Spec.Capacity.Tenants = 1
			}), store("a-1", 0, "a"), store("b-1", 0, "b"), store("c-1", 0, "c")),
			spec: prefer, want: []string{"c", "b", "a"},
		}, {
			name: "fill of the datastore", reason: "shards alike, the emptier datastore wins",
			fleet: fleetOf(shard("a", nil), shard("b", nil), store("a-1", 10, "a"), store("b-1", 20, "b")),
			want:  []string{"b", "a"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.spec.Class == "" {
				tt.spec.Class = "small"
			}
			state := costly.New(tt.fleet, nil)
			r := placement.Request{Tenant: of("web", "acme", tt.spec), Spec: tt.spec, Provider: "native"}
			var got []string
			for i, c := range state.Explain(r) {
				if got = append(got, c.Shard); c.Score == nil || c.Chosen != (i == 0) {
					t.Errorf("candidate %d is %+v", i, c)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Fatalf("%s: want (-) got (+):\n%s", tt.reason, diff)
			}
			if p, err := state.Place(r); err != nil || p.Shard != tt.want[0] {
				t.Errorf("it was placed on %+v, %v", p, err)
			}
		})
	}
}

func TestExplain(t *testing.T) {
	f := fleetOf(shard("a", nil), shard("b", func(s *fleet.Shard) {
		s.Metadata.Labels = map[string]string{"region": "eu"}
		s.Spec.Capacity.Tenants = 8
	}), shard("c", func(s *fleet.Shard) { s.Spec.Cordon = true }), store("a-1", 3, "a"), store("b-1", 0, "b"), store("c-1", 0, "c"))
	f.Broken[fleet.Ref{Kind: fleet.KindShard, Name: "torn"}] = fleet.Broken{Path: "shards/torn.yaml", Message: "is empty"}
	state := placement.New(f, nil)
	r := ask("acme", fleet.TenantSpec{Prefer: []map[string]string{{"region": "eu"}}})
	want := []string{
		"b: it is chosen: with it 12.5 % of the shard is taken, 0.1 % of datastore b-1, preference 1 of 1",
		"a: it takes it: with it 0.1 % of the shard is taken, 33.3 % of datastore a-1, not preferred",
		"c: Cordoned: it is cordoned (spec.cordon in shards/c.yaml)",
		"torn: ShardInvalid: its declaration shards/torn.yaml is invalid: is empty",
	}
	for range 2 { // asking counts nothing
		var got []string
		for _, c := range state.Explain(r) {
			text := c.Shard + ": "
			if c.Reason != "" {
				text += c.Reason + ": "
			}
			got = append(got, text+c.Message)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("want (-) got (+):\n%s", diff)
		}
	}
	got := state.Explain(ask("acme", fleet.TenantSpec{Shard: "nowhere"}))
	if len(got) != 1 || got[0].Reason != placement.ShardUnknown {
		t.Errorf("pinned to nowhere: %+v", got)
	}
}

// What a placed tenant requests, and its group, are those of the declaration that it
// follows, whatever the newest one says.
func TestTheDeclarationInForceCounts(t *testing.T) {
	known := costly
	held := of("web", "there", fleet.TenantSpec{Class: "small", Spread: fleet.Spread{Group: "front"}})
	known.InForce = func(*ledger.Tenant) *fleet.Tenant { return held }
	f := fleetOf(shard("a", func(s *fleet.Shard) { s.Spec.Capacity.CPU = "600m" }), store("a-1", 0, "a"))
	l := ledgerOf(living("there", "a", "a-1", ""))
	for spec, want := range map[*fleet.TenantSpec]string{
		{Class: "small"}: placement.CPUFull,
		{Class: "free", Spread: fleet.Spread{Group: "front"}}: placement.GroupThere,
	} {
		_, err := known.New(f, l).Place(placement.Request{Tenant: of("web", "acme", *spec), Spec: *spec, Provider: "native"})
		var unplaced *placement.Unplaced
		if !errors.As(err, &unplaced) || unplaced.Rejections[0].Reason != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// The order of ties is the same for ever: a replica of another version must choose the same.
func TestTiesNeverChange(t *testing.T) {
	var f []any
	for i := range 8 {
		name := fmt.Sprint("s", i)
		f = append(f, shard(name, nil), store(name, 0, name))
	}
	got := ""
	for i := range 16 {
		name := fmt.Sprint("t", i)
		p, err := placement.New(fleetOf(f...), nil).Place(placement.Request{Tenant: of("web", name, fleet.TenantSpec{}), Provider: "native"})
		if err != nil {
			t.Fatal(err)
		}
		got += " " + p.Shard
	}
	if want := " s3 s2 s5 s2 s3 s5 s6 s0 s7 s3 s1 s6 s3 s4 s3 s1"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestNearestFix(t *testing.T) {
	of := func(shard, reason, fix string) placement.Rejection {
		return placement.Rejection{Shard: shard, Reason: reason, Fix: fix}
	}
	tests := []struct {
		name, reason string
		rejections   []placement.Rejection
		want         string
	}{
		{"NoShards", "a fleet without shards has one fix", nil, "declare a shard in shards/"},
		{"Smallest", "to uncordon is less than to make room", []placement.Rejection{of("a", placement.Full, "enlarge a"), of("b", placement.Cordoned, "uncordon b")}, "uncordon b"},
		{"Same", "among equals the first by name", []placement.Rejection{of("b", placement.Full, "enlarge b"), of("a", placement.Full, "enlarge a")}, "enlarge a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (&placement.Unplaced{Rejections: tt.rejections}).Fix(); got != tt.want {
				t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
			}
		})
	}
	code, err := os.ReadFile("unplaced.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\t\w+ += "([A-Z]\w+)"`).FindAllStringSubmatch(string(code), -1)
	if len(found) < 15 {
		t.Fatalf("found %d reasons: the rule was tested on nothing", len(found))
	}
	for _, m := range found { // one without a rank would come before all
		u := placement.Unplaced{Rejections: []placement.Rejection{of("b", m[1], "another"), of("a", placement.ShardInvalid, "mend a")}}
		if got := u.Fix(); got != "mend a" {
			t.Errorf("%s has no rank among what is to be mended", m[1])
		}
	}
}
