package render

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// judged is a unit's objects with the given contents; the others are present and
// newborn, or absent.
func judged(t *testing.T, u *Unit, present bool, contents map[string]string) []Judged {
	t.Helper()
	var out []Judged
	for _, o := range u.Objects {
		j := Judged{ID: o.ID, Present: present}
		if present && u.Provider.Judges(o.ID) {
			if err := yaml.Unmarshal(o.JSON, &j.Content); err != nil {
				t.Fatal(err)
			}
		}
		if status, ok := contents[o.ID.Kind]; ok && present {
			var more map[string]any
			if err := yaml.Unmarshal([]byte(status), &more); err != nil {
				t.Fatal(err)
			}
			for k, v := range more {
				j.Content[k] = v
			}
		}
		out = append(out, j)
	}
	return out
}

const (
	jobDone     = "status: {succeeded: 1, conditions: [{type: SuccessCriteriaMet, status: 'True'}, {type: Complete, status: 'True'}]}"
	jobTrying   = "status: {active: 1, failed: 3}"
	jobFailed   = "status: {failed: 101, conditions: [{type: Failed, status: 'True', reason: BackoffLimitExceeded}]}"
	deployed    = "status: {observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1, conditions: [{type: Progressing, status: 'True'}]}"
	deploying   = "status: {observedGeneration: 1, replicas: 2, updatedReplicas: 1, availableReplicas: 1}"
	stuck       = "status: {observedGeneration: 1, replicas: 1, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded}]}"
	addressed   = "status: {loadBalancer: {ingress: [{ip: 10.0.0.7, ipMode: VIP}]}}"
	misplaced   = "status: {loadBalancer: {ingress: [{ip: 10.0.0.8}]}}"
	membersUp   = "status: {observedGeneration: 1, replicas: 3, updatedReplicas: 3, readyReplicas: 3}"
	membersLess = "status: {observedGeneration: 1, replicas: 3, updatedReplicas: 3, readyReplicas: 2}"
)

func TestJudgeTenant(t *testing.T) {
	r := newRenderer(t)
	living, err := r.Tenant(acme())
	if err != nil {
		t.Fatal(err)
	}
	in := acme()
	in.Lifecycle = "Tombstoned"
	sleeping, err := r.Tenant(in)
	if err != nil {
		t.Fatal(err)
	}
	version := map[string]string{"version": "v1.36.3"}
	tests := []struct {
		name     string
		reason   string
		unit     *Unit
		absent   bool
		contents map[string]string
		want     Health
	}{
		{
			name: "Nothing", unit: living, absent: true,
			reason: "Before the first apply nothing is there, which is no failure.",
			want:   Health{State: InProgress, Reason: "DataStoreAccess", Message: "Job.batch/datastore-eu-1-a/" + jobName(living) + " is not there yet", Outputs: map[string]string{}},
		},
		{
			name: "Newborn", unit: living,
			reason: "Objects without a status are on their way.",
			want:   Health{State: InProgress, Reason: "DataStoreAccess", Message: "the datastore has not admitted the tenant yet", Outputs: version},
		},
		{
			name: "Retrying", unit: living, contents: map[string]string{"Job": jobTrying},
			reason: "A Job that will try again is not stuck.",
			want:   Health{State: InProgress, Reason: "DataStoreAccess", Message: "the datastore has not admitted the tenant yet: 3 attempts failed", Outputs: version},
		},
		{
			name: "Refused", unit: living, contents: map[string]string{"Job": jobFailed, "Deployment": deployed, "Service": addressed},
			reason: "A Job that has given up does not try again.",
			want:   Health{State: Failed, Reason: "DataStoreAccess", Message: "the datastore has not admitted the tenant yet: 101 attempts failed", Outputs: version},
		},
		{
			name: "Starting", unit: living, contents: map[string]string{"Job": jobDone},
			reason: "The first rule that is not current speaks.",
			want:   Health{State: InProgress, Reason: "ControlPlane", Message: "0 of 1 control planes are available", Outputs: version},
		},
		{
			name: "RollingOut", unit: living, contents: map[string]string{"Job": jobDone, "Deployment": deploying, "Service": addressed},
			reason: "While an old pod is there, the tenant is not what was rendered.",
			want:   Health{State: InProgress, Reason: "ControlPlane", Message: "1 of 1 control planes are available", Outputs: version},
		},
		{
			name: "Unobserved", unit: living, contents: map[string]string{"Job": jobDone, "Deployment": "metadata: {generation: 2}\n" + deployed, "Service": addressed},
			reason: "A status of an older generation says nothing of this one.",
			want:   Health{State: InProgress, Reason: "ControlPlane", Message: "1 of 1 control planes are available", Outputs: version},
		},
		{
			name: "FailureFirst", unit: living, contents: map[string]string{"Job": jobTrying, "Deployment": stuck},
			reason: "What will not help itself is said first.",
			want:   Health{State: Failed, Reason: "ControlPlane", Message: "0 of 1 control planes are available", Outputs: version},
		},
		{
			name: "NoAddress", unit: living, contents: map[string]string{"Job": jobDone, "Deployment": deployed},
			reason: "A tenant that nobody can reach is not ready.",
			want:   Health{State: InProgress, Reason: "Endpoint", Message: "the load balancer has given no address yet", Outputs: version},
		},
		{
			name: "OtherAddress", unit: living, contents: map[string]string{"Job": jobDone, "Deployment": deployed, "Service": misplaced},
			reason: "Its certificate and kubeconfig name the placed address only.",
			want:   Health{State: InProgress, Reason: "Endpoint", Message: "the load balancer has given another address than the tenant was placed on", Outputs: version},
		},
		{
			name: "Current", unit: living, contents: map[string]string{"Job": jobDone, "Deployment": deployed, "Service": addressed},
			reason: "All is there.",
			want:   Health{State: Current, Outputs: version},
		},
		{
			name: "FallingAsleep", unit: sleeping, contents: map[string]string{"Job": jobDone, "Deployment": deployed, "Service": addressed},
			reason: "Pods are still running.",
			want:   Health{State: InProgress, Reason: "ControlPlane", Message: "the control plane is going to sleep", Outputs: version},
		},
		{
			name: "Asleep", unit: sleeping, contents: map[string]string{"Job": jobDone, "Deployment": "status: {observedGeneration: 1}", "Service": addressed},
			reason: "Nothing runs, as was asked for.",
			want:   Health{State: Current, Asleep: true, Outputs: version},
		},
		{
			name: "OddForm", unit: living, contents: map[string]string{"Job": "status: {conditions: 3}", "Deployment": deployed, "Service": addressed},
			reason: "What cannot be read is no failure of the tenant, and no panic.",
			want:   Health{State: InProgress, Reason: "NotUnderstood", Outputs: version},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.unit.Provider.Judge(judged(t, tt.unit, !tt.absent, tt.contents))
			if tt.want.Reason == "NotUnderstood" {
				got.Message = "" // CEL's own words
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func jobName(u *Unit) string {
	for _, o := range u.Objects {
		if o.ID.Kind == "Job" {
			return o.ID.Name
		}
	}
	return ""
}

func TestJudgeDataStore(t *testing.T) {
	r := newRenderer(t)
	unit, err := inputs(t)["providers/native/testdata/datastore.input.yaml"].render(r)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		reason   string
		contents map[string]string
		want     State
		because  string
	}{
		{"Newborn", "Members start.", nil, InProgress, "Members"},
		{"Quorum", "A member is missing: a restart of another would stop every tenant.", map[string]string{"StatefulSet": membersLess, "Job": jobDone}, InProgress, "Members"},
		{"WithoutAuthentication", "Any certificate would read everything: no tenant may come in.", map[string]string{"StatefulSet": membersUp, "Job": jobTrying}, InProgress, "Authentication"},
		{"AuthenticationFailed", "A person must look.", map[string]string{"StatefulSet": membersUp, "Job": jobFailed}, Failed, "Authentication"},
		{"Current", "Members are ready and authentication is on.", map[string]string{"StatefulSet": membersUp, "Job": jobDone}, Current, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := unit.Provider.Judge(judged(t, unit, true, tt.contents))
			if got.State != tt.want || got.Reason != tt.because {
				t.Errorf("%s\ngot %+v, want %s %s", tt.reason, got, tt.want, tt.because)
			}
		})
	}
}

// TestJudgeMissesWhatNoRuleNames: a unit with a part gone is not current, though
// every rule is.
func TestJudgeMissesWhatNoRuleNames(t *testing.T) {
	unit, err := newRenderer(t).Tenant(acme())
	if err != nil {
		t.Fatal(err)
	}
	objects := judged(t, unit, true, map[string]string{"Job": jobDone, "Deployment": deployed, "Service": addressed})
	for i := range objects {
		if objects[i].ID.Kind == "ConfigMap" {
			objects[i].Present = false
		}
	}
	want := Health{
		State: InProgress, Reason: "Missing", Message: "ConfigMap/tenant-acme/kubeconfigs is not there yet",
		Outputs: map[string]string{"version": "v1.36.3"},
	}
	if diff := cmp.Diff(want, unit.Provider.Judge(objects)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestJudges: observers keep the content of what is judged, and of nothing else.
func TestJudges(t *testing.T) {
	unit, err := newRenderer(t).Tenant(acme())
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, o := range unit.Objects {
		if unit.Provider.Judges(o.ID) {
			kinds[o.ID.Kind] = true
		}
	}
	if diff := cmp.Diff(map[string]bool{"Job": true, "Deployment": true, "Service": true}, kinds); diff != "" {
		t.Errorf("judged kinds (-want +got):\n%s", diff)
	}
}
