package simulation

import (
	"fmt"
	"maps"
	"path"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "k8s.io/apimachinery/pkg/util/json"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// Control planes that people run without us, all in one namespace, are declared as they are.

const (
	liveNamespace = "live"
	importedClass = head + "ControlPlaneClass\nmetadata: {name: imported}\nspec: {provider: kamaji, version: v1.36.3, allow: {adopt: true}}\n"
)

// adopt tenant= cluster= how=found|another|changed|gone|twice for=: what runs becomes a
// tenant as it is (found); by the uid of another one; after somebody has changed, or removed
// it; or by two tenants at once. What was changed is put right after a while.
func (w *world) adopt(a Act) {
	c, name := w.cluster(a), a.get("tenant", "ant")
	shard := w.judge.shardOf(c.name)
	if shard == "" {
		return // nobody knows yet which shard it is
	}
	live := w.runs(c, shard, name)
	if live == nil {
		return
	}
	uid := string(live.GetUID())
	if a.Args["how"] == "another" {
		uid = "another"
	}
	files := map[string][]byte{
		"classes/imported/class.yaml": []byte(importedClass),
		tenantFile("web", name):       adopting(name, name, shard, uid),
	}
	if a.Args["how"] == "twice" {
		files[tenantFile("web", "twin")] = adopting("twin", name, shard, uid)
	}
	for _, file := range w.filesOf(name) {
		if path.Dir(file) != path.Dir(tenantFile("web", name)) {
			files[file] = nil
		}
	}
	key := keyOfObject(live)
	switch a.Args["how"] {
	case "changed":
		changed := live.DeepCopy()
		if err := unstructured.SetNestedField(changed.Object, int64(5), "spec", "controlPlane", "deployment", "replicas"); err != nil {
			w.t.Fatal(err)
		}
		w.want(c, changed)
		w.lasts(a, func() {
			if have := c.server.Get(key); have != nil && !marksOf(key, have).owned {
				w.want(c, live)
			}
		})
	case "gone":
		w.did(live, c.server.Delete(key))
	}
	w.commit(a.String(), files)
}

// runs is the control plane that people have for a tenant; they make it if it is not there.
// Nil when it is ours, or cannot be made.
func (w *world) runs(c *cluster, shard, name string) *unstructured.Unstructured {
	unit, err := w.shared.newer.Tenant(w.live(shard, name))
	if err != nil {
		w.t.Fatal(err)
	}
	o := &unstructured.Unstructured{}
	if err := kjson.Unmarshal(unit.Objects[0].JSON, &o.Object); err != nil {
		w.t.Fatal(err)
	}
	o.SetLabels(nil)
	o.SetAnnotations(nil)
	key := keyOfObject(o)
	have := c.server.Get(key)
	if have == nil {
		space := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": liveNamespace}}}
		if c.server.Get(keyOfObject(space)) == nil {
			_, err := c.server.Write("kubectl-create", "", space.Object)
			w.did(space, err)
		}
		have, err = c.server.Write("kubectl-create", "", o.Object)
		if w.did(o, err); err != nil {
			return nil
		}
	}
	if marksOf(key, have).owned {
		return nil
	}
	return &unstructured.Unstructured{Object: have}
}

// want has people have what they run as they want it.
func (w *world) want(c *cluster, o *unstructured.Unstructured) {
	want := map[string]any{
		"apiVersion": o.GetAPIVersion(), "kind": o.GetKind(), "spec": o.Object["spec"],
		"metadata": map[string]any{"name": o.GetName(), "namespace": o.GetNamespace()},
	}
	_, err := c.server.Apply("kubectl", want)
	w.did(o, err)
}

// live is what people have before it is declared.
func (w *world) live(shard, name string) render.TenantInput {
	class := &fleet.Class{
		Metadata: fleet.Metadata{Name: "imported"},
		Spec:     fleet.ClassSpec{Provider: "kamaji", Version: "v1.36.3", Replicas: 1, Network: fleet.Network{ServiceCIDR: "10.96.0.0/16", PodCIDR: "10.244.0.0/16", Domain: "cluster.local"}},
	}
	t := &fleet.Tenant{Metadata: fleet.Metadata{Name: name}, Spec: fleet.TenantSpec{Class: "imported"}}
	in := render.InputOf(t, class)
	in.UID, in.BaseVersion, in.Lifecycle = "nobody", "1", ledger.Living
	in.Placement = ledger.Placement{Shard: shard, DataStore: "sql-" + shard, Address: liveAddress(shard, name)}
	in.DataStore = render.DataStoreInput{Name: in.Placement.DataStore, BaseVersion: "1"}
	in.Adopted = &ledger.Adopted{Namespace: liveNamespace, Name: name, Schema: "live_" + name, Username: "live_" + name}
	return in
}

func liveAddress(shard, name string) string {
	return fmt.Sprintf("10.9.%d.%d", slices.Index(shardNames, shard)+1, slices.Index(tenantNames, name)+2)
}

// adopting declares that a tenant is what runs by the name of live.
func adopting(name, live, shard, uid string) []byte {
	return tenantDeclared(name, "imported", fmt.Sprintf(", shard: %s, dataStore: sql-%s, adopt: {namespace: %s, name: %s, schema: live_%s, username: live_%s, address: %s, objects: {%s/%s/%s: %s}}",
		shard, shard, liveNamespace, live, live, live, liveAddress(shard, live), "TenantControlPlane.kamaji.clastix.io", liveNamespace, live, uid))
}

// asAdopted tells whether a tenant is declared to be what it is, or is being, taken over from.
func asAdopted(t *fleet.Tenant, e *ledger.Tenant) bool {
	return t != nil && e != nil && t.Spec.Adopt != nil && e.Adopted != nil && t.Dir() == e.Source && t.Spec.Shard == e.Placement.Shard &&
		ledger.AdoptedAs(t.Spec.Adopt).Done().Key() == e.Adopted.Done().Key()
}

// giveUp has people take back what they wanted adopted and is not what they have declared.
func (w *world) giveUp(mended, files map[string][]byte, f *fleet.Fleet, l *ledger.Ledger) {
	j := w.judge
	for _, name := range slices.Sorted(maps.Keys(tenantsIn(files))) {
		t, e := f.Tenants[name], l.Tenants[name]
		if e != nil && e.Lifecycle == ledger.Purged {
			e = nil
		}
		switch {
		case e == nil && (t == nil || t.Spec.Adopt == nil), e != nil && !e.Adopting():
			continue
		case e != nil && e.Lifecycle == ledger.Living:
			u, err := j.tenantUnit(j.ledgerTips.tip(), j.declaredTips.tip(), e)
			if asAdopted(t, e) && err == nil && j.adoptable(u, e) {
				continue
			}
		}
		for file := range files {
			if slices.ContainsFunc(tenantsIn(files)[name], func(p string) bool { return path.Dir(p) == path.Dir(file) }) {
				mended[file] = nil
			}
		}
	}
}
