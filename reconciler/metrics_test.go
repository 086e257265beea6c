package reconciler

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantry/tenantry/reconciler/core"
)

// reasons gives the problems that a scrape shows.
func (m *metrics) reasons(t *testing.T) []string {
	t.Helper()
	families, err := m.gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, f := range families {
		if f.GetName() == "tenantry_problem" {
			for _, g := range f.GetMetric() {
				reasons = append(reasons, g.GetLabel()[0].GetValue())
			}
		}
	}
	return reasons
}

func TestGaugesShowTheLastOfManySteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, c := newMetrics(nil), core.New(core.Config{}, nil)
		c.Step(core.Kubeconfigs{Shards: []string{"main"}}, time.Now())
		c.Step(core.LedgerRead{Problem: core.Missing}, time.Now())
		m.observe(c, time.Millisecond)
		c.Step(core.LedgerRead{Problem: core.Rewound}, time.Now())
		c.Step(core.Declared{Problem: core.Missing, Message: "it is gone"}, time.Now())
		m.observe(c, time.Millisecond)
		if ready := m.ready(); !slices.Contains(ready, "DeclaredMissing: it is gone") {
			t.Errorf("readiness %q is behind", ready)
		}
		if got := m.reasons(t); !slices.Equal(got, []string{"LedgerMissing", "Starting"}) {
			t.Errorf("problems %v: counted with every step", got)
		}
		<-time.After(tellEvery)
		m.pass(c)
		if got := m.reasons(t); !slices.Equal(got, []string{"DeclaredMissing", "LedgerRewound"}) {
			t.Errorf("problems %v, want what the last step left", got)
		}
	})
}

func TestOnlyALoopThatIsStuckIsStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, c := newMetrics(nil), core.New(core.Config{}, nil)
		for range 200 { // nothing happens for longer than it may be stuck
			<-time.After(5 * time.Second)
			m.pass(c)
		}
		if said := m.alive(time.Now()); said != nil {
			t.Errorf("an idle loop: %q", said)
		}
		<-time.After(stalled + time.Second)
		if said := m.alive(time.Now()); len(said) != 1 {
			t.Errorf("a stuck loop: %q", said)
		}
	})
}

func TestAnswerGivesEachProblemALine(t *testing.T) {
	w := httptest.NewRecorder()
	answer(w, []string{"GitUnreachable: first\n\tsecond", "Other: third"})
	if got, want := w.Body.String(), "GitUnreachable: first second\nOther: third\n"; got != want || w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %q, want %q", w.Code, got, want)
	}
}
