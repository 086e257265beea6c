package core

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// wantConventional holds a status file to Kubernetes' own rules for conditions.
func wantConventional(t testing.TB, file string, content []byte) {
	t.Helper()
	var st struct {
		Conditions []metav1.Condition `json:"conditions"`
		DataStores []struct {
			Conditions []metav1.Condition `json:"conditions"`
		} `json:"dataStores"`
	}
	if err := yaml.Unmarshal(content, &st); err != nil {
		t.Fatal(err)
	}
	all := [][]metav1.Condition{st.Conditions}
	for _, d := range st.DataStores {
		all = append(all, d.Conditions)
	}
	for _, conditions := range all {
		if len(conditions) == 0 {
			t.Errorf("%s has no conditions", file)
		}
		for _, fault := range validation.ValidateConditions(conditions, field.NewPath("conditions")) {
			t.Errorf("%s: %v\n%s", file, fault, content)
		}
	}
}

func TestWhy(t *testing.T) {
	yes, no, unknown := "True", "False", "Unknown"
	tests := []struct {
		name, reason string
		phase        Phase
		conditions   []Condition
		want         string
	}{
		{"Ready", "nothing is wrong", "", []Condition{{Type: "Placed", Status: yes}, {Type: "Applied", Status: yes}, {Type: "Ready", Status: yes}}, ""},
		{"First", "what comes first keeps the rest waiting", "", []Condition{{Type: "Ready", Status: no}, {Type: "Placed", Status: no}}, "Placed"},
		{"Unknown", "not to know is not to be ready", "", []Condition{{Type: "Placed", Status: yes}, {Type: "Applied", Status: unknown}}, "Applied"},
		{"Held", "whatever else is said: it is kept as it was", "", []Condition{{Type: "Ready", Status: no}, {Type: "Held", Status: yes}}, "Held"},
		{"NotHeld", "a condition of that kind is good when it is False", "", []Condition{{Type: "Ready", Status: yes}, {Type: "Held", Status: no}}, ""},
		{"Removed", "that it is gone outweighs what nobody needs to mend", Removed, []Condition{{Type: "Applied", Status: unknown}, {Type: "Ready", Status: no}}, "Ready"},
		{"Nothing", "a file of people's may say nothing", "", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (&TenantStatus{Phase: tt.phase, Conditions: tt.conditions}).Why().Type; got != tt.want {
				t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
			}
		})
	}
}

// The overview is made where the files are laid down; the core only says when.
func TestOverviewIsLookedAt(t *testing.T) {
	w := newWorld(t, "one", "two")
	w.commit(fleetFiles())
	w.settle()
	w.wantPhase("acme", Ready)
	w.pass(time.Minute)
	pushes := len(w.pushes)
	w.pass(time.Hour)
	if len(w.pushes) != pushes {
		t.Errorf("%d pushes in a quiet hour", len(w.pushes)-pushes)
	}

	w.renew = w.now.Add(6 * time.Minute) // the overview was left behind by this one
	w.commit(map[string]string{fileOf("bee"): tenantFile("bee", "replicas: 1")})
	w.pass(5 * time.Minute)
	if slices.Contains(w.pushes[pushes:], 0) || len(w.pushes) == pushes {
		t.Errorf("pushed %v files; it was not to be looked at yet", w.pushes[pushes:])
	}
	pushes = len(w.pushes)
	w.pass(5 * time.Minute)
	if got := w.pushes[pushes:]; len(got) != 1 || got[0] != 0 {
		t.Errorf("pushed %v files, want one look at the overview", got)
	}

	pushes = len(w.pushes)
	w.restart()
	w.pass(time.Minute)
	if got := w.pushes[pushes:]; len(got) != 1 || got[0] != 0 {
		t.Errorf("pushed %v files after a restart, want one look: the last one's end is not known", got)
	}
	w.core.cfg.ReadOnly = true
	pushes = len(w.pushes)
	w.restart()
	w.pass(time.Minute)
	if len(w.pushes) != pushes {
		t.Error("a read-only core looked after the overview")
	}
}

// Nobody is placed on a shard that was never reached; that is why, then, and not
// that there is none.
func TestUnmetShardsAreTold(t *testing.T) {
	w := newWorld(t, "one")
	w.queue = []Event{Kubeconfigs{[]string{"one"}}, Lease{Shard: "one", Err: errors.New("refused")}}
	files := fleetFiles()
	files[fileOf("bee")] = tenantFile("bee", "replicas: 1")
	w.commit(files)
	w.settle()
	want := "shard one cannot be reached: refused; there is no kubeconfig for shard two"
	if got := w.wantPhase("bee", Pending).Why(); got.Reason != "ShardUnavailable" || got.Message != want {
		t.Errorf("got %s: %s, want ShardUnavailable: %s", got.Reason, got.Message, want)
	}

	files["shards/one.yaml"] = strings.Replace(files["shards/one.yaml"], "spec: {", "spec: {cordon: true, ", 1)
	w.commit(files)
	w.settle()
	w.queue = append(w.queue, Lease{Shard: "one", Held: true, Identity: "cluster-one"})
	w.settle()
	got := w.wantPhase("bee", Pending).Why()
	if got.Reason != "Unplaceable" || !strings.Contains(got.Message, "cordoned") || !strings.HasSuffix(got.Message, "; there is no kubeconfig for shard two") {
		t.Errorf("got %s: %s", got.Reason, got.Message)
	}
}

// "Is my change out?" is answered by a shard's commit: not before it is.
func TestCommitIsToldWhenItIsOut(t *testing.T) {
	class := "classes/small/class.yaml"
	tests := []struct{ name, reason, file, content, version string }{
		{"Tenant", "it is to be applied", fileOf("acme"), tenantFile("acme", "shard: one, version: v1.36.4"), "v1.36.4"},
		{"Class", "it is to be put in force first", class, strings.Replace(fleetFiles()[class], "v1.36.3", "v1.36.4", 1), "v1.36.4"},
		{"New", "it is to be placed first", fileOf("bee"), tenantFile("bee", "shard: one"), "v1.36.3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := begun(t)
			w.pass(time.Minute)
			w.commit(map[string]string{tt.file: tt.content})
			told := false
			for range 200 {
				var event Event = Tick{}
				if len(w.queue) > 0 {
					event, w.queue = w.queue[0], w.queue[1:]
				}
				for _, e := range w.core.Step(event, w.now) {
					if p, ok := e.(PushStatus); ok && !told && strings.Contains(string(p.Files[shardPath("one")]), "commit: "+w.head.id+"\n") {
						told = true
						for _, st := range w.core.Tenants() {
							if st.Phase != Ready || st.Version != tt.version {
								t.Errorf("%s: told while %s is %s, %s", tt.reason, st.Name, st.Phase, st.Version)
							}
						}
					}
					w.do(e)
				}
				w.now = w.now.Add(50 * time.Millisecond)
			}
			if !told {
				t.Error("it is not told at all")
			}
		})
	}
}
