package simulation

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

var extra = apiserver.Key{Version: "v1", Kind: "ConfigMap", Namespace: "tenant-ant", Name: "extra"}

const preconditions = `{"preconditions":{"uid":"u","resourceVersion":"1"}}`

// TestRules: a judge that never complains proves nothing. What breaks a rule is told by
// its name, and what does not is not.
func TestRules(t *testing.T) {
	for _, tt := range slices.Concat(ledgerRules, worldRules) {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := open(t)
				tt.do(c)
				if rule, _, _ := strings.Cut(c.judge.violation, ":"); rule != tt.want {
					t.Errorf("%s: got %q, want rule %q", tt.reason, c.judge.violation, tt.want)
				}
			})
		})
	}
}

// sleep lets time pass in which nobody does anything.
func (c *court) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}
