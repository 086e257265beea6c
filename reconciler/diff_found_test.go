package reconciler

import (
	"testing"

	"github.com/tenantry/tenantry/reconciler/shard"
)

func TestFound(t *testing.T) {
	changed := []shard.Change{{Field: "spec.replicas", From: 3, To: 2}}
	tests := []struct {
		name, reason string
		owner        Differs
		want         bool
	}{
		{"Nothing", "all is as it should be", Differs{}, false},
		{"Problem", "what could not be compared may differ", Differs{Problem: "ShardUnavailable"}, true},
		{"Others", "what others have set is theirs", Differs{Objects: []shard.Difference{{Others: []shard.Other{{Manager: "helm"}}}}}, false},
		{"Drifted", "it would be written", Differs{Objects: []shard.Difference{{Action: shard.Drifted, Changes: changed}}}, true},
		{"Missing", "it would be made", Differs{Objects: []shard.Difference{{Action: shard.Missing}}}, true},
		{"Adopts", "it is taken over as it is", Differs{Objects: []shard.Difference{{Action: shard.Adopts}}}, false},
		{"Blocked", "it is not, as long as it differs", Differs{Objects: []shard.Difference{{Action: shard.Adopts, Changes: changed}}}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (&Diff{Owners: []Differs{tt.owner}}).Found(); got != tt.want {
				t.Errorf("it found something: %t, want %t: %s", got, tt.want, tt.reason)
			}
		})
	}
}
