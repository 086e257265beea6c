package simulation

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/reconciler/lease"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
	"github.com/tenantry/tenantry/test/simulation/controllers"
	"github.com/tenantry/tenantry/test/simulation/gitserver"
)

// court is a world in which a test says what replicas do, for the judge to see.
type court struct {
	*world
	t *testing.T
	l *ledger.Ledger // as it was pushed last
}

// open makes a world with two replicas that do nothing of their own, in which all has
// gone well so far: a-1 holds both Leases, tenant ant lives on shard eu with a ConfigMap,
// and bee is to be removed.
func open(t *testing.T) *court {
	t.Helper()
	w := &world{
		t: t, settings: defaults(), shared: shared(t), routes: map[route]*weather{}, clusters: map[string]*cluster{}, history: &History{},
		kubeconfigs: map[string]string{}, lacks: map[route]bool{},
	}
	w.judge = newJudge(w)
	w.network = &network{w: w, wake: make(chan struct{}, 1)}
	w.git = gitserver.New(gitserver.Options{Now: time.Now})
	for i, name := range clusterNames {
		c := &cluster{name: name, server: apiserver.New(apiserver.Options{Identity: "cluster-" + name, Now: time.Now, Seed: uint64(i)})}
		c.controllers = controllers.New(c.server, controllers.Options{Now: time.Now})
		c.server.Changed = func(change apiserver.Change) { w.judge.changed(c, change) }
		w.clusters[name], w.kubeconfigs[shardNames[i]] = c, name
		if err := c.begin(); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a", "b"} {
		r := &replica{w: w, name: name, log: &logbook{}}
		r.life = &life{replica: r, id: name + "-1", killed: make(chan struct{})}
		w.replicas = append(w.replicas, r)
	}
	c := &court{world: w, t: t, l: ledger.Empty()}
	files := w.fleetFiles()
	for _, name := range []string{"ant", "bee"} {
		files[tenantFile("web", name)] = tenantDeclared(name, "hosted", "")
	}
	w.commit("begin", files)
	for _, name := range clusterNames {
		c.write("a-1", name, object("v1", "Namespace", "", lease.Namespace, nil))
		c.hold("a-1", name)
	}
	c.decide("a-1", ledger.Changes{
		Tenants: map[string]*ledger.Tenant{"ant": living("ant", "10.1.0.1"), "bee": living("bee", "10.1.0.2")},
		Shards: map[string]*ledger.Shard{
			"eu": {Name: "eu", Identity: "cluster-blue", Kinds: []string{"v1/ConfigMap", "v1/Namespace"}},
			"us": {Name: "us", Identity: "cluster-red"},
		},
		DataStores: map[string]*ledger.DataStore{"sql-eu": {
			Name: "sql-eu", UID: "uid-sql", Source: "datastores/sql-eu.yaml", Provider: "kamaji", BaseVersion: "1", Shard: "eu", Epoch: 1,
		}},
		Classes: map[string]*ledger.Class{"hosted": {Name: "hosted", Provider: "kamaji", BaseVersion: "1", Commit: "c1", Tree: "hosted"}},
	})
	c.write("a-1", "blue", anchor("uid-ant", 1))
	for _, o := range []apiserver.Object{ours("v1", "Namespace", "", "tenant-ant", "uid-ant", 1), ours("v1", "ConfigMap", "tenant-ant", "extra", "uid-ant", 1)} {
		c.apply("a-1", "blue", o)
	}
	if w.judge.failed() {
		t.Fatalf("all has gone well, but %s", w.judge.violation)
	}
	return c
}

func living(name, address string) *ledger.Tenant {
	return &ledger.Tenant{
		Name: name, UID: "uid-" + name, Source: "tenants/web/" + name, Provider: "kamaji", Epoch: 1, Lifecycle: ledger.Living,
		Placement: ledger.Placement{Shard: "eu", DataStore: "sql-eu", Address: address},
	}
}

// as is a changed copy of an entry.
func as(e *ledger.Tenant, change func(*ledger.Tenant)) ledger.Changes {
	next := *e
	change(&next)
	return ledger.Changes{Tenants: map[string]*ledger.Tenant{next.Name: &next}}
}

func object(version, kind, namespace, name string, more map[string]any) apiserver.Object {
	meta := map[string]any{"name": name}
	if namespace != "" {
		meta["namespace"] = namespace
	}
	o := apiserver.Object{"apiVersion": version, "kind": kind, "metadata": meta}
	maps.Copy(o, more)
	return o
}

// ours is an object as we apply it.
func ours(version, kind, namespace, name, uid string, epoch int) apiserver.Object {
	o := object(version, kind, namespace, name, nil)
	meta := mapping(o, "metadata")
	meta["labels"] = map[string]any{"tenantry.io/uid": uid}
	slash := ""
	if namespace != "" {
		slash = "/"
	}
	meta["annotations"] = map[string]any{
		"tenantry.io/object": kind + slash + namespace + "/" + name, "tenantry.io/digest": "d", "tenantry.io/epoch": fmt.Sprint(epoch),
	}
	if kind == "ConfigMap" {
		o["data"] = map[string]any{"ours": "1"}
	}
	return o
}

func anchor(uid string, epoch int) apiserver.Object {
	return object("v1", "ConfigMap", lease.Namespace, "anchor-"+uid, map[string]any{"data": map[string]any{"epoch": fmt.Sprint(epoch)}})
}

// acts has a life do something, as if it had asked for it a moment before.
func (c *court) acts(who string, asked time.Time, body string, do func() error) {
	c.t.Helper()
	r := c.replicas[0]
	if who[0] == 'b' {
		r = c.replicas[1]
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPatch, "https://example.com/", http.NoBody)
	if err != nil {
		c.t.Fatal(err)
	}
	l := r.life
	if l.id != who {
		l = &life{replica: r, id: who}
	}
	c.acting = &exchange{life: l, req: req, asked: asked, body: []byte(body)}
	defer func() { c.acting = nil }()
	c.judge.reached[who] = latest(c.judge.reached[who], c.judge.began)
	if err := do(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *court) apply(who, cluster string, o apiserver.Object) {
	c.t.Helper()
	c.acts(who, time.Now(), "", func() error {
		_, err := c.clusters[cluster].server.Apply("tenantry", o)
		return err
	})
}

func (c *court) write(who, cluster string, o apiserver.Object) {
	c.t.Helper()
	c.acts(who, time.Now(), "", func() error {
		_, err := c.clusters[cluster].server.Write("tenantry", "", o)
		return err
	})
}

func (c *court) delete(who, cluster string, key apiserver.Key, body string) {
	c.t.Helper()
	c.acts(who, time.Now(), body, func() error { return c.clusters[cluster].server.Delete(key) })
}

// hold has a life take or renew a cluster's Lease; who is nobody gives it back.
func (c *court) hold(who, cluster string) {
	c.t.Helper()
	annotations := map[string]any{lease.AnnotationTip: c.git.Tip(ledgerBranch), lease.AnnotationAccepted: c.git.Tip(declaredBranch)}
	o := object("coordination.k8s.io/v1", "Lease", lease.Namespace, lease.Name, map[string]any{"spec": map[string]any{
		"holderIdentity": who, "leaseDurationSeconds": int64(15), "renewTime": time.Now().UTC().Format("2006-01-02T15:04:05.000000Z07:00"),
	}})
	mapping(o, "metadata")["annotations"] = annotations
	c.write(who, cluster, o)
}

// decide has a life push decisions about what is declared now.
func (c *court) decide(who string, changes ledger.Changes) {
	c.t.Helper()
	c.push(who, changes, c.git.Tip(declaredBranch), nil)
}

func (c *court) push(who string, changes ledger.Changes, source string, more map[string][]byte) {
	c.t.Helper()
	parts, err := c.l.Draft(changes)
	if err != nil {
		c.t.Fatal(err)
	}
	files := map[string][]byte{}
	for file, content := range parts.Files {
		files[file] = content
	}
	for folder, tree := range parts.Mounts {
		for file, content := range c.tree(tree) {
			files[folder+"/"+file] = content
		}
	}
	maps.Copy(files, more)
	c.l = c.l.With(changes)
	c.commitAs(who, ledgerBranch, files, "Decide\n\nSource-Commit: "+source+"\n")
}

// tree are the files of a declared tree; of the class's, which is called like it, its own.
func (c *court) tree(tree string) map[string][]byte {
	if tree == "hosted" {
		return map[string][]byte{"class.yaml": bytes.Clone(c.files()["classes/hosted/class.yaml"])}
	}
	for _, commit := range c.git.Log(declaredBranch) {
		if is, err := c.git.Tree(commit); err == nil && is == tree {
			files, _ := c.git.Files(commit) // as just found
			return files
		}
	}
	return nil
}

// last is the newest commit that declares a tenant, its tree, and what it declares.
func (c *court) last(name string) (commit, tree, declaration string) {
	c.t.Helper()
	for _, commit := range c.git.Log(declaredBranch) {
		if f, err := c.judge.fleetAt(commit); err == nil && f.Tenants[name] != nil {
			tree, err := c.git.Tree(commit)
			if err != nil {
				c.t.Fatal(err)
			}
			return commit, tree, string(f.Tenants[name].Source.Raw)
		}
	}
	c.t.Fatalf("tenant %s was never declared", name)
	return "", "", ""
}

func (c *court) commitAs(who, branch string, files map[string][]byte, message string) {
	c.t.Helper()
	old := c.git.Tip(branch)
	c.judge.reached[who] = time.Now()
	c.acts(who, time.Now(), "", func() error {
		tip, err := c.git.Commit(branch, files, message)
		c.judge.pushed(gitserver.Push{Branch: branch, Old: old, New: tip})
		return err
	})
}

// declares has people declare tenants, or declare them again.
func (c *court) declares(names ...string) {
	files := map[string][]byte{}
	for _, name := range names {
		files[tenantFile("web", name)] = tenantDeclared(name, "hosted", "")
	}
	c.commit("declare", files)
}

// undeclares has them remove one.
func (c *court) undeclares(name string) {
	c.commit("remove", map[string][]byte{tenantFile("web", name): nil})
}

// goes declares a tenant no more, and has it tombstoned.
func (c *court) goes(name string) {
	c.t.Helper()
	c.undeclares(name)
	c.decide("a-1", c.tombstoned(name))
}

// overdue has a tenant go, and time pass until its retention is over.
func (c *court) overdue(name string) {
	c.t.Helper()
	c.goes(name)
	c.sleep(11 * time.Minute)
	c.stay()
}

// ends has a tenant go until nothing is left of it.
func (c *court) ends(name string) {
	c.t.Helper()
	c.overdue(name)
	c.decide("a-1", c.purging(name))
	c.decide("a-1", c.purged(name))
}

func (c *court) tombstoned(name string) ledger.Changes {
	return as(c.l.Tenants[name], func(e *ledger.Tenant) {
		now := time.Now().UTC().Truncate(time.Second)
		e.Lifecycle, e.Epoch = ledger.Tombstoned, e.Epoch+1
		e.Tombstone = &ledger.Tombstone{Since: now, PurgeAfter: now.Add(c.settings.Retention), Commit: c.git.Tip(declaredBranch)}
		_, e.Tombstone.Tree, e.Tombstone.Declaration = c.last(name)
	})
}

func (c *court) purging(name string) ledger.Changes {
	return as(c.l.Tenants[name], func(e *ledger.Tenant) { e.Lifecycle, e.Epoch = ledger.Purging, e.Epoch+1 })
}

func (c *court) purged(name string) ledger.Changes {
	return as(c.l.Tenants[name], func(e *ledger.Tenant) {
		now, tombstone := time.Now().UTC().Truncate(time.Second), *e.Tombstone
		tombstone.PurgedAt, tombstone.Tree = &now, ""
		e.Lifecycle, e.Epoch, e.Tombstone = ledger.Purged, e.Epoch+1, &tombstone
	})
}

func (c *court) held(name string) ledger.Changes {
	return as(c.l.Tenants[name], func(e *ledger.Tenant) {
		e.Held = &ledger.Held{Reason: "Invalid"}
		e.Held.Commit, e.Held.Tree, _ = c.last(name)
	})
}

// stay has a-1 renew its Leases, or take them anew.
func (c *court) stay() {
	for _, name := range clusterNames {
		c.hold("a-1", name)
	}
}

func (c *court) release(who, cluster string) {
	o := object("coordination.k8s.io/v1", "Lease", lease.Namespace, lease.Name, map[string]any{"spec": map[string]any{"leaseDurationSeconds": int64(1)}})
	c.write(who, cluster, o)
}

// theirs is written by people.
func (c *court) theirs(cluster string, o apiserver.Object) {
	if _, err := c.clusters[cluster].server.Write("kubectl", "", o); err != nil {
		c.t.Fatal(err)
	}
}

// move has people move a branch.
func (c *court) move(branch, to string) {
	if err := c.git.Move(branch, to); err != nil {
		c.t.Fatal(err)
	}
	c.judge.look()
}

// fill declares and places more tenants.
func (c *court) fill(names ...string) {
	all := map[string]*ledger.Tenant{}
	for i, name := range names {
		all[name] = living(name, fmt.Sprintf("10.1.0.%d", 10+i))
	}
	c.declares(names...)
	c.decide("a-1", ledger.Changes{Tenants: all})
}

// unclassed has the ledger name a class that nobody can read, so that nothing says what is
// wanted.
func (c *court) unclassed() {
	next := *c.l.Classes["hosted"]
	next.Tree = "lost"
	c.decide("a-1", ledger.Changes{Classes: map[string]*ledger.Class{"hosted": &next}})
}
