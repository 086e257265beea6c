package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// What people change is put right within seconds by exactly one write, whatever the
// kind; after a restart of the daemon, too. What they only add stays theirs.
func TestDriftIsHealed(t *testing.T) {
	t.Parallel()
	s := take(t)
	p := newProxy(t, s)
	var mu sync.Mutex
	writes := map[string]int{}
	p.stall(func(r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if r.Method != http.MethodGet {
			writes[r.Method+" "+r.URL.Path]++
		}
		return false
	})
	count := func(path string) int {
		mu.Lock()
		defer mu.Unlock()
		return writes["PATCH "+path]
	}
	f := newFleet(t, "drift", s)
	f.know(s.name, p.kubeconfig(t))
	f.declare("drift-one")
	f.start()
	f.reach("Ready", "drift-one")
	mu.Lock()
	for path, n := range writes {
		if strings.HasPrefix(path, "PATCH") && n != 1 {
			t.Errorf("%s %d times: to make an object takes one write", path, n)
		}
	}
	mu.Unlock()

	cases := []struct {
		kind, name, path string
		patch            string
		field            []string
	}{
		{
			kind: "ConfigMap", name: "kubeconfigs", path: "/api/v1/namespaces/tenant-drift-one/configmaps/kubeconfigs",
			patch: `{"data":{"controller-manager.conf":"theirs"}}`,
			field: []string{"data", "controller-manager.conf"},
		},
		{
			kind: "Deployment", name: "control-plane", path: "/apis/apps/v1/namespaces/tenant-drift-one/deployments/control-plane",
			patch: `{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":1,"automountServiceAccountToken":true}},"replicas":3}}`,
			field: []string{"spec", "replicas"},
		},
		{
			kind: "Secret", name: "drift-one-kubeconfig", path: "/api/v1/namespaces/tenant-drift-one/secrets/drift-one-kubeconfig",
			patch: `{"data":{"value":"dGhlaXJz"}}`,
			field: []string{"data", "value"},
		},
		{
			kind: "Certificate", name: "front-proxy-client", path: "/apis/cert-manager.io/v1/namespaces/tenant-drift-one/certificates/front-proxy-client",
			patch: `{"spec":{"commonName":"theirs"}}`,
			field: []string{"spec", "commonName"},
		},
	}
	change := func(kind, name, patch string) {
		t.Helper()
		_, err := s.client.Resource(resource(kind)).Namespace("tenant-drift-one").Patch(context.Background(), name,
			types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"})
		if err != nil {
			t.Fatal(err)
		}
	}
	heals := func(d *daemon, what string) {
		t.Helper()
		for _, c := range cases {
			name := "tenant-drift-one/" + c.name
			f.eventually(c.kind+" "+what+" is put right", func() error {
				now, err := s.there(c.kind, name)
				if err == nil && strings.Contains(fmt.Sprint(now.GetManagedFields()), "kubectl-edit") && now.GetAnnotations()["theirs"] == "" {
					err = errors.New("kubectl-edit has fields of it still")
				}
				return err
			})
		}
		f.eventually("the log tells of it", func() error {
			for _, c := range cases {
				if line := "object=" + c.kind; !strings.Contains(d.log.String(), line) || !strings.Contains(d.log.String(), `rival="kubectl-edit (Update)"`) {
					return fmt.Errorf("%s is not told of", c.kind)
				}
			}
			return nil
		})
	}
	values, before := map[string]any{}, map[string]int{}
	for _, c := range cases {
		o, err := s.there(c.kind, "tenant-drift-one/"+c.name)
		if err != nil {
			t.Fatal(err)
		}
		values[c.kind], before[c.kind] = field(o, c.field...), count(c.path)
		if values[c.kind] == nil {
			t.Fatalf("%s %s has no %v", c.kind, c.name, c.field)
		}
	}
	check := func(more int) {
		t.Helper()
		for _, c := range cases {
			o, err := s.there(c.kind, "tenant-drift-one/"+c.name)
			if err != nil {
				t.Fatal(err)
			}
			if now := field(o, c.field...); fmt.Sprint(now) != fmt.Sprint(values[c.kind]) {
				t.Errorf("%s %v is %v, want %v", c.kind, c.field, now, values[c.kind])
			}
			if n := count(c.path) - before[c.kind]; n != more {
				t.Errorf("%s was written %d times, want %d", c.kind, n, more)
			}
		}
	}

	began := time.Now()
	for _, c := range cases {
		change(c.kind, c.name, c.patch)
	}
	heals(f.daemon, "that somebody changed")
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	f.reach("Ready", "drift-one")
	check(1)

	// While nobody looks.
	f.daemon.stop(t)
	for _, c := range cases {
		change(c.kind, c.name, c.patch)
	}
	heals(f.start(), "that somebody changed meanwhile")
	f.reach("Ready", "drift-one")
	check(2)

	// What is not ours is left alone.
	change("ConfigMap", "kubeconfigs", `{"metadata":{"annotations":{"theirs":"yes"}}}`)
	change("ConfigMap", "kubeconfigs", cases[0].patch)
	f.eventually("ours is put right", func() error {
		o, err := s.there("ConfigMap", "tenant-drift-one/kubeconfigs")
		if err == nil && field(o, cases[0].field...) == "theirs" {
			err = errors.New("not yet")
		}
		return err
	})
	o, err := s.there("ConfigMap", "tenant-drift-one/kubeconfigs")
	if err != nil || o.GetAnnotations()["theirs"] != "yes" {
		t.Errorf("a field of somebody else's is gone: %v, %v", o.GetAnnotations(), err)
	}
}

// Two who want a field otherwise are told of, and the shard is spared their quarrel;
// the tenant stays what it is.
func TestContestedObject(t *testing.T) {
	t.Parallel()
	s := take(t)
	f := newFleet(t, "contest", s)
	f.declare("contest-one")
	f.start()
	f.reach("Ready", "contest-one")
	const name = "tenant-contest-one/kubeconfigs"
	f.eventually("it is contested", func() error {
		o, err := s.there("ConfigMap", name)
		if err != nil {
			return err
		}
		if field(o, "data", "controller-manager.conf") != "theirs" {
			_, err := s.client.Resource(resource("ConfigMap")).Namespace("tenant-contest-one").Patch(context.Background(), "kubeconfigs",
				types.MergePatchType, []byte(`{"data":{"controller-manager.conf":"theirs"}}`), metav1.PatchOptions{FieldManager: "stubborn"})
			if err != nil {
				return err
			}
		}
		st, err := f.status("contest-one")
		if why := st.because("Applied"); err == nil && !strings.Contains(why, "Contested") {
			err = errors.New(why)
		}
		return err
	})
	st, err := f.status("contest-one")
	if why := st.because("Applied"); err != nil || !strings.Contains(why, "ConfigMap/"+name+": data.controller-manager.conf is changed again and again by stubborn (Update)") {
		t.Errorf("it says %q, %v", why, err)
	}
	if st.Phase != "Ready" {
		t.Errorf("a contest makes it %s", st.Phase)
	}
	healed := strings.Count(f.daemon.log.String(), "healed an object")
	if healed != 5 {
		t.Errorf("it was healed %d times before it was left alone", healed)
	}
}
