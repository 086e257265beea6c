package shard_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/tenantry/tenantry/reconciler/shard"
	"github.com/tenantry/tenantry/render"
)

// steps are an adoption's requests about planes; before is done ahead of each, and an
// error of its is the end of the daemon's connection.
type steps struct {
	http.RoundTripper
	mu     sync.Mutex
	before func(step string) error
}

func (s *steps) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPatch || r.URL.Query().Get("fieldManager") != render.FieldManager {
		return s.RoundTripper.RoundTrip(r)
	}
	step := "apply"
	switch {
	case r.URL.Query().Get("dryRun") != "":
		step = "dry run"
	case r.Header.Get("Content-Type") == string(types.MergePatchType):
		step = "handing over"
	}
	s.mu.Lock()
	before := s.before
	s.mu.Unlock()
	if before != nil {
		if err := before(step); err != nil {
			return nil, err
		}
	}
	return s.RoundTripper.RoundTrip(r)
}

func (s *steps) set(before func(step string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = before
}

func stepping(t *testing.T) (*strangers, *steps) {
	t.Helper()
	cfg, r := rest.CopyConfig(config(t)), &steps{}
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper {
		r.RoundTripper = next
		return r
	})
	return meet(t, begin(t, cfg)), r
}

// Nothing that changes in between is lost, or taken over unseen.
func TestAdoptionOfWhatChangesMeanwhile(t *testing.T) {
	s, r := stepping(t)
	s.apply("helm", "{spec: {replicas: 2, addons: {dns: {tag: v1}}}}")
	a := s.wants(string(s.stored().GetUID()), "{replicas: 2, addons: {dns: {tag: v1}}}")
	for n, step := range []string{"dry run", "handing over", "apply"} {
		t.Run(step, func(t *testing.T) {
			theirs := fmt.Sprintf("spec: {tier: t%d}", n)
			r.set(func(now string) error {
				if now == step {
					s.update("kubectl-edit", theirs)
				}
				return nil
			})
			f := s.do(s.work(a))
			if len(f) != 1 || f[0].Reason != "Conflict" {
				t.Errorf("failures are %+v", f)
			}
			if o := s.seen(a.Object.ID); o != nil {
				t.Errorf("it is reported as %+v", o)
			}
			if tier, _, _ := unstructured.NestedString(s.stored().Object, "spec", "tier"); tier != fmt.Sprintf("t%d", n) {
				t.Errorf("what was written meanwhile is %q now", tier)
			}
		})
	}
	r.set(func(now string) error {
		if now == "apply" {
			s.update("kubectl-edit", "spec: {replicas: 5}")
		}
		return nil
	})
	if f := s.do(s.work(a)); len(f) != 1 || f[0].Reason != "Conflict" {
		t.Errorf("failures are %+v", f)
	}
	r.set(nil)
	if f := s.do(s.work(a)); len(f) != 1 || f[0].Reason != "NotAdopted" || !strings.Contains(f[0].Message, "in spec.replicas: run") {
		t.Errorf("failures are %+v", f)
	}
	s.update("kubectl-edit", "spec: {replicas: 2}")
	s.mustDo(s.work(a))
	if o := s.seen(a.Object.ID); !o.Owned() || o.Drifted {
		t.Errorf("it is reported as %+v", o)
	}
}

// One that is made anew in between is another one.
func TestAdoptionOfWhatIsMadeAnewMeanwhile(t *testing.T) {
	for _, step := range []string{"dry run", "handing over", "apply"} {
		t.Run(step, func(t *testing.T) {
			s, r := stepping(t)
			s.apply("helm", "{spec: {replicas: 2}}")
			a := s.wants(string(s.stored().GetUID()), "{replicas: 2}")
			r.set(func(now string) error {
				if now == step {
					if err := s.planes.Delete(t.Context(), "prod", metav1.DeleteOptions{}); err != nil {
						t.Error(err)
					}
					s.apply("helm", "{spec: {replicas: 2}}")
				}
				return nil
			})
			if f := s.do(s.work(a)); len(f) != 1 || f[0].Reason != "Conflict" {
				t.Errorf("failures are %+v", f)
			}
			if got := s.stored(); len(got.GetLabels()) > 0 || holds(got)["helm (Apply)"] != `{"f:spec":{"f:replicas":{}}}` {
				t.Errorf("it was written: %v", got.Object)
			}
			r.set(nil)
			if f := s.do(s.work(a)); len(f) != 1 || f[0].Reason != "NotAdopted" {
				t.Errorf("failures are %+v", f)
			}
		})
	}
}

// Whoever stops half-way begins anew: until the last step it is not ours, and nothing of
// it has changed.
func TestAdoptionThatStops(t *testing.T) {
	for _, step := range []string{"dry run", "handing over", "apply"} {
		t.Run(step, func(t *testing.T) {
			s, r := stepping(t)
			before := s.apply("helm", "{spec: {replicas: 2, addons: {dns: {tag: v1}}}}")
			a := s.wants(string(before.GetUID()), "{replicas: 2, addons: {dns: {tag: v1}}}")
			r.set(func(now string) error {
				if now == step {
					return errors.New("the daemon is gone")
				}
				return nil
			})
			if f := s.do(s.work(a)); len(f) != 1 || f[0].Reason != "Unreachable" {
				t.Errorf("failures are %+v", f)
			}
			r.set(nil)
			half := s.stored()
			if diff := cmp.Diff(before.Object["spec"], half.Object["spec"]); diff != "" || len(half.GetLabels()) > 0 || s.seen(a.Object.ID) != nil {
				t.Errorf("half-way it is %v", half.Object)
			}
			viewer, err := shard.NewViewer(s.cfg)
			if err != nil {
				t.Fatal(err)
			}
			if d := viewer.Diff(t.Context(), s.owner, a.Object); d.Action != shard.Adopts || d.Differs() {
				t.Errorf("half-way the difference is %+v", d)
			}
			// Meanwhile less is declared: that is as good.
			less := s.wants(string(before.GetUID()), "{replicas: 2}")
			if d := viewer.Diff(t.Context(), s.owner, less.Object); d.Differs() {
				t.Errorf("declared with less the difference is %+v", d)
			}
			s.mustDo(s.work(a))
			after := s.stored()
			if o := s.seen(a.Object.ID); o == nil || !o.Owned() || o.Drifted || o.UID != string(before.GetUID()) || after.GetGeneration() != before.GetGeneration() {
				t.Errorf("it is reported as %+v", o)
			}
			if held := holds(after); len(held) != 1 {
				t.Errorf("it is held by %v", held)
			}
			// So does who did it all and was not heard.
			s.mustDo(s.work(a))
			if again := s.stored(); again.GetResourceVersion() != after.GetResourceVersion() {
				t.Errorf("it was written once more: %v", again.Object)
			}
		})
	}
}
