package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tenantry/tenantry/test/kamaji"
)

// onStore declares a tenant of Kamaji's in a datastore.
func (f *fleet) onStore(name, store string) {
	f.t.Helper()
	path, content := tenant(name, "replicas: 1", "dataStore: "+store)
	f.MustCommit(declared, map[string]string{path: strings.Replace(content, "class: standard", "class: hosted", 1)})
}

// dataStoreOf is where a TenantControlPlane is to have its state, and where it has it.
func (s *shard) dataStoreOf(name string) (wanted, has string, err error) {
	plane, err := s.plane(name)
	if err != nil {
		return "", "", err
	}
	wanted, _, _ = unstructured.NestedString(plane.Object, "spec", "dataStore")
	has, _, _ = unstructured.NestedString(plane.Object, "status", "storage", "dataStoreName")
	return wanted, has, nil
}

// A tenant comes to another datastore when a person has approved that, and not before; its
// control plane stays the same one. The way back is another approval.
func TestMigration(t *testing.T) {
	t.Parallel()
	s := take(t)
	s.playKamaji(t, kamaji.Options{Pause: 3 * time.Second})
	f := newFleet(t, "migrated", s)
	from, to := s.name+"-from", s.name+"-to"
	for _, store := range []string{from, to} {
		f.hosted(s, store)
		s.byHand(t, "Secret", map[string]any{
			"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"namespace": "default", "name": store},
			"stringData": map[string]any{"username": "kamaji", "password": "sesame"},
		})
	}
	f.onStore("mover", from)
	daemon := f.start()
	f.reach("Ready", "mover")
	was := f.mustEntry("mover")
	plane, err := s.plane("mover")
	if err != nil {
		t.Fatal(err)
	}

	f.onStore("mover", to)
	f.reach("Held", "mover")
	st, err := f.status("mover")
	if why := st.because("Held"); err != nil || !strings.Contains(why, "NeedsApproval") || !strings.Contains(why, "tenantry approve mover") {
		t.Errorf("it is held because %s (%v)", why, err)
	}
	out, errs, code := f.command("explain", "mover", "--repository", f.URL)
	if code != 0 || !strings.Contains(out, `what helps  have it approved: "tenantry approve TENANT"`) {
		t.Errorf("explain ended with %d and said\n%s%s", code, out, errs)
	}
	if wanted, has, err := s.dataStoreOf("mover"); err != nil || wanted != from || has != from {
		t.Errorf("nobody said yes, and it is to have its state in %s and has it in %s (%v)", wanted, has, err)
	}

	approve := func() {
		t.Helper()
		dir := f.checkout()
		out, errs, code := f.command("approve", "--fleet", dir, "--repository", f.URL)
		if code != 0 {
			t.Fatalf("approve ended with %d: %s", code, errs)
		}
		file := strings.TrimSpace(out)
		out, errs, code = f.command("diff", "mover", "--fleet", dir, "--repository", f.URL, "--kubeconfigs", f.kubeconfigs)
		if code != 1 || !strings.Contains(out, "would be decided first: Migrate mover from datastore ") || !strings.Contains(out, "spec.dataStore: ") {
			t.Errorf("diff of the approved folder ended with %d and said\n%s%s", code, out, errs)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			t.Fatal(err)
		}
		f.MustCommit(declared, map[string]string{filepath.ToSlash(rel): string(content)})
	}
	approve()
	f.eventually("its data is being brought there", func() error {
		log, err := f.Git("log", "--format=%s", decided)
		if err == nil && !strings.Contains(log, fmt.Sprintf("Migrate mover from datastore %s to %s\n", from, to)) {
			err = errors.New(log)
		}
		return err
	})
	daemon.kill() // whatever it has done by now
	f.start()
	arrived := func(store string) {
		t.Helper()
		f.eventually("it has its data in "+store, func() error {
			wanted, has, err := s.dataStoreOf("mover")
			if err == nil && (wanted != store || has != store) {
				err = fmt.Errorf("it is to have it in %s and has it in %s", wanted, has)
			}
			return err
		})
		f.eventually("it is told", func() error {
			st, err := f.status("mover")
			if err == nil && (st.Phase != "Ready" || st.DataStore != store) {
				err = fmt.Errorf("%+v", st)
			}
			return err
		})
	}
	arrived(to)
	is := f.mustEntry("mover")
	if is.UID != was.UID || is.Epoch != was.Epoch+1 || is.Placement.Address != was.Placement.Address || is.Placement.DataStore != to {
		t.Errorf("its entry is %+v, was %+v", is, was)
	}
	if again, err := s.plane("mover"); err != nil || again.GetUID() != plane.GetUID() {
		t.Errorf("its TenantControlPlane was made anew (%v)", err)
	}

	f.onStore("mover", from)
	f.reach("Held", "mover")
	approve()
	f.eventually("it is told that its data is on its way", func() error {
		st, err := f.status("mover")
		if why := st.because("Ready"); err == nil && !strings.Contains(why, "Migrating") {
			err = errors.New(why)
		}
		return err
	})
	arrived(from)
}
