package simulation

import (
	"time"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/test/simulation/gitserver"
)

// broken is what breaks a rule, or none (an empty want).
type broken struct {
	name, reason string
	do           func(*court)
	want         string
}

// ledgerRules are what breaks the rules about what is decided, and what comes close.
var ledgerRules = []broken{
	// What is decided.
	{"Unreadable", "nobody can go by a ledger that nobody can read", func(c *court) {
		c.push("a-1", ledger.Changes{}, c.git.Tip(declaredBranch), map[string][]byte{"tenants/00/ant.yaml": []byte("kind: [")})
	}, "Ledger"},
	{"Undeclared", "only what was declared is decided about", func(c *court) {
		c.push("a-1", c.held("ant"), "1234", nil)
	}, "Ledger"},
	{"NobodysPlace", "a tenant is placed because it is declared", func(c *court) {
		c.decide("a-1", ledger.Changes{Tenants: map[string]*ledger.Tenant{"cat": living("cat", "10.1.0.3")}})
	}, "Ledger"},
	{"Twice", "the same decision is committed once", func(c *court) {
		c.commitAs("a-1", ledgerBranch, map[string][]byte{}, "Decide\n\nSource-Commit: "+c.git.Tip(declaredBranch))
	}, "OnTop"},
	{"OverOthers", "a decision stands on the ledger that it was taken on", func(c *court) {
		log := c.git.Log(ledgerBranch)
		c.decide("a-1", c.held("ant"))
		c.acts("a-1", time.Now(), "", func() error {
			c.judge.pushed(gitserver.Push{Branch: ledgerBranch, Old: log[0] + "0", New: c.git.Tip(ledgerBranch)})
			return nil
		})
	}, "OnTop"},
	{"Held", "a tenant may be held as it was", func(c *court) { c.decide("a-1", c.held("ant")) }, ""},
	{"HeldAsItWasBefore", "not as it was before that", func(c *court) {
		changes := c.held("ant")
		c.commit("change", map[string][]byte{tenantFile("web", "ant"): tenantDeclared("ant", "hosted", ", version: v1.36.4")})
		c.decide("a-1", changes)
	}, "Hold"},
	{"HeldAsAnother", "nor as another commit has it", func(c *court) {
		changes := c.held("ant")
		changes.Tenants["ant"].Held.Commit = c.git.Tip(ledgerBranch)
		c.decide("a-1", changes)
	}, "Hold"},
	{"HeldForNothing", "and the ledger has what it is held as", func(c *court) {
		changes := c.held("ant")
		c.push("a-1", changes, c.git.Tip(declaredBranch), map[string][]byte{
			ledger.SourcePath(changes.Tenants["ant"].Held.Tree) + "/" + tenantFile("web", "ant"): nil,
		})
	}, "Hold"},
	{"RemovedAsAnother", "what was removed is remembered as it was", func(c *court) {
		c.undeclares("ant")
		changes := c.tombstoned("ant")
		changes.Tenants["ant"].Tombstone.Declaration = "another"
		c.decide("a-1", changes)
	}, "Hold"},
	{"RemovedWhileHeld", "or was held as", func(c *court) {
		c.decide("a-1", c.held("ant"))
		c.commit("change", map[string][]byte{tenantFile("web", "ant"): tenantDeclared("ant", "hosted", ", version: v1.36.4")})
		held := c.l.Tenants["ant"].Held
		c.undeclares("ant")
		changes := c.tombstoned("ant")
		e := changes.Tenants["ant"]
		e.Held, e.Tombstone.Tree, e.Tombstone.Declaration = nil, held.Tree, string(tenantDeclared("ant", "hosted", ""))
		c.decide("a-1", changes)
	}, ""},
	{"TheirNotes", "what people keep beside our decisions stays", func(c *court) {
		c.push("a-1", c.held("ant"), c.git.Tip(declaredBranch), map[string][]byte{"NOTES": []byte("ours")})
	}, "Foreign"},
	{"TheirBranch", "people alone declare", func(c *court) {
		c.commitAs("a-1", declaredBranch, map[string][]byte{"x": []byte("y")}, "help")
	}, "Foreign"},
	{"TheirStatus", "files of people stay below status/, too", func(c *court) {
		c.commitAs("a-1", statusBranch, map[string][]byte{"status/eu/notes.txt": []byte("x")}, "observe")
	}, "Foreign"},
	{"OurStatus", "our own are ours", func(c *court) {
		c.commitAs("a-1", statusBranch, map[string][]byte{"status/eu/_shard.yaml": []byte("x"), "status/eu/" + ledger.Dir("ant") + "/ant.yaml": []byte("x")}, "observe")
	}, ""},
	{"Canary", "a key in a commit is out", func(c *court) {
		c.commitAs("a-1", statusBranch, map[string][]byte{"status/eu/_shard.yaml": []byte("-----BEGIN PRIVATE KEY-----")}, "observe")
	}, "Secrets"},
	{"CanaryInMessage", "so is one in its message", func(c *court) {
		c.commitAs("a-1", statusBranch, map[string][]byte{"status/eu/_shard.yaml": []byte("x")}, "UFJJVkFURSBLRVk=")
	}, "Secrets"},
	{"CanaryInLog", "and one in a log", func(c *court) {
		_, _ = c.replicas[0].log.Write([]byte("level=DEBUG msg=\"PRIVATE KEY\""))
		c.judge.acted(Act{Do: "wait"})
	}, "Secrets"},
	{"Forgotten", "an entry says that the name is taken", func(c *court) {
		c.decide("a-1", ledger.Changes{Tenants: map[string]*ledger.Tenant{"ant": nil}})
	}, "Monotone"},
	{"Moved", "its data is where it was", func(c *court) {
		c.decide("a-1", as(c.l.Tenants["ant"], func(e *ledger.Tenant) { e.Placement.Shard, e.Epoch = "us", 2 }))
	}, "Monotone"},
	{"EpochFalls", "a shard would refuse it, or believe it", func(c *court) {
		c.goes("ant")
		c.declares("ant")
		c.decide("a-1", as(c.l.Tenants["ant"], func(e *ledger.Tenant) { e.Lifecycle, e.Tombstone, e.Epoch = ledger.Living, nil, 1 }))
	}, "Monotone"},
	{"Revived", "what is declared again in time comes back", func(c *court) {
		c.goes("ant")
		c.declares("ant")
		c.decide("a-1", as(c.l.Tenants["ant"], func(e *ledger.Tenant) { e.Lifecycle, e.Tombstone, e.Epoch = ledger.Living, nil, 3 }))
	}, ""},
	{"StraightToPurging", "there is no way to the end but by retention", func(c *court) {
		c.undeclares("ant")
		c.decide("a-1", as(c.l.Tenants["ant"], func(e *ledger.Tenant) {
			e.Tombstone = c.tombstoned("ant").Tenants["ant"].Tombstone
			e.Lifecycle, e.Epoch = ledger.Purging, 2
			e.Tombstone.PurgeAfter = e.Tombstone.Since
		}))
	}, "Monotone"},
	{"OtherCluster", "a shard is one cluster", func(c *court) {
		c.decide("a-1", ledger.Changes{Shards: map[string]*ledger.Shard{"us": {Name: "us", Identity: "cluster-green"}}})
	}, "Monotone"},
	{"KindsLost", "what is not watched is lost from sight", func(c *court) {
		c.decide("a-1", ledger.Changes{Shards: map[string]*ledger.Shard{"eu": {Name: "eu", Identity: "cluster-blue", Kinds: []string{"v1/Namespace"}}}})
	}, "Monotone"},
	{"BaseUnasked", "a commit moves a class to another base", func(c *court) {
		c.decide("a-1", ledger.Changes{Classes: map[string]*ledger.Class{"hosted": {Name: "hosted", Provider: "kamaji", BaseVersion: "2", Commit: "c1", Tree: "t1"}}})
	}, "Monotone"},
	{"NewStore", "a datastore has one identity", func(c *court) {
		next := *c.l.DataStores["sql-eu"]
		next.UID = "other"
		c.decide("a-1", ledger.Changes{DataStores: map[string]*ledger.DataStore{"sql-eu": &next}})
	}, "Monotone"},
	{"NewIdentity", "a living tenant would lose its data", func(c *court) {
		c.decide("a-1", as(c.l.Tenants["ant"], func(e *ledger.Tenant) { e.UID = "other" }))
	}, "Identity"},
	{"OldIdentity", "who takes a name gets nobody's data with it", func(c *court) {
		c.ends("bee")
		c.declares("bee")
		next := living("bee", "10.1.0.9")
		next.UID = "uid-ant"
		c.decide("a-1", ledger.Changes{Tenants: map[string]*ledger.Tenant{"bee": next}})
	}, "Identity"},
	{"Twins", "nor do two tenants that come at once", func(c *court) {
		c.declares("cat", "dog")
		cat, dog := living("cat", "10.1.0.3"), living("dog", "10.1.0.4")
		dog.UID = cat.UID
		c.decide("a-1", ledger.Changes{Tenants: map[string]*ledger.Tenant{"cat": cat, "dog": dog}})
	}, "Identity"},
	{"StoreOfATenant", "nor a datastore and a tenant", func(c *court) {
		next := *c.l.DataStores["sql-eu"]
		next.Name, next.UID, next.Source = "etcd-eu", "uid-ant", "datastores/etcd-eu.yaml"
		c.decide("a-1", ledger.Changes{DataStores: map[string]*ledger.DataStore{"etcd-eu": &next}})
	}, "Identity"},
	{"NewUnderOldName", "a name is free when nothing is left of whom it belonged to", func(c *court) {
		c.ends("bee")
		c.declares("bee")
		next := living("bee", "10.1.0.2")
		next.UID = "uid-new"
		c.decide("a-1", ledger.Changes{Tenants: map[string]*ledger.Tenant{"bee": next}})
	}, ""},
	{"OtherFolder", "the same name elsewhere is another tenant", func(c *court) {
		c.commit("move", map[string][]byte{tenantFile("web", "ant"): nil, tenantFile("ops", "ant"): tenantDeclared("ant", "hosted", "")})
		c.decide("a-1", as(c.l.Tenants["ant"], func(e *ledger.Tenant) { e.Source = "tenants/ops/ant" }))
	}, "Identity"},
	{"SaidMove", "unless it says where it comes from", func(c *court) {
		c.commit("move", map[string][]byte{tenantFile("web", "ant"): nil, tenantFile("ops", "ant"): tenantDeclared("ant", "hosted", ", movedFrom: tenants/web/ant")})
		c.decide("a-1", as(c.l.Tenants["ant"], func(e *ledger.Tenant) { e.Source = "tenants/ops/ant" }))
	}, ""},
	{"OneAddress", "two tenants would answer for each other", func(c *court) {
		c.declares("cat")
		c.decide("a-1", ledger.Changes{Tenants: map[string]*ledger.Tenant{"cat": living("cat", "10.1.0.1")}})
	}, "Addresses"},
	{"RewoundLedger", "what the shard remembers was decided", func(c *court) {
		log := c.git.Log(ledgerBranch)
		c.decide("a-1", c.held("ant"))
		c.hold("a-1", "blue")
		c.sleep(time.Minute)
		c.move(ledgerBranch, log[0])
		c.l = ledger.Empty().With(ledger.Changes{Tenants: c.l.Tenants, Shards: c.l.Shards, DataStores: c.l.DataStores, Classes: c.l.Classes})
		c.decide("a-1", c.held("bee"))
	}, "Rewound"},
	{"RewoundAtOnce", "be it that it remembers more since a moment ago", func(c *court) {
		log := c.git.Log(ledgerBranch)
		c.decide("a-1", c.held("ant"))
		c.hold("a-1", "blue")
		c.sleep(time.Minute)
		c.decide("a-1", c.held("bee"))
		c.hold("a-1", "blue")
		c.move(ledgerBranch, log[0])
		c.l = c.l.With(ledger.Changes{Tenants: map[string]*ledger.Tenant{"ant": living("ant", "10.1.0.1")}})
		held := c.held("bee")
		held.Tenants["bee"].Held.Reason = "Moved"
		c.decide("a-1", held)
	}, "Rewound"},
	{"BegunAnew", "what any Lease remembers was decided", func(c *court) {
		c.hold("a-1", "blue")
		c.sleep(10 * time.Minute)
		c.decide("a-1", c.held("ant"))
		c.hold("a-1", "blue")
		c.move(ledgerBranch, "")
		c.l = ledger.Empty()
		c.decide("a-1", ledger.Changes{Shards: map[string]*ledger.Shard{"eu": {Name: "eu", Identity: "cluster-blue"}}})
	}, "Rewound"},
	{"RewoundDeclared", "what the shard remembers was accepted", func(c *court) {
		first := c.git.Tip(declaredBranch)
		c.declares("cat")
		c.hold("a-1", "blue")
		c.sleep(time.Minute)
		c.move(declaredBranch, first)
		c.decide("a-1", c.held("ant"))
	}, "Rewound"},

	// Who may go.
	{"Removed", "a file that is gone", func(c *court) { c.goes("ant") }, ""},
	{"StillThere", "a file that is broken is there", func(c *court) {
		c.commit("break", map[string][]byte{tenantFile("web", "ant"): []byte("kind: [")})
		c.decide("a-1", c.tombstoned("ant"))
	}, "Removal"},
	{"Elsewhere", "and so is one that was moved", func(c *court) {
		c.commit("move", map[string][]byte{tenantFile("web", "ant"): nil, tenantFile("ops", "ant"): tenantDeclared("ant", "hosted", "")})
		c.decide("a-1", c.tombstoned("ant"))
	}, "Removal"},
	{"NoSettings", "nobody knows how fast", func(c *court) {
		c.commit("remove", map[string][]byte{tenantFile("web", "ant"): nil, "fleet.yaml": []byte("kind: [")})
		c.decide("a-1", c.tombstoned("ant"))
	}, "Removal"},
	{"TooMany", "within a day, by however many commits", func(c *court) {
		c.fill("cat", "dog", "eel", "fox")
		for _, name := range []string{"cat", "dog", "eel", "fox"} {
			c.goes(name)
		}
	}, "Brake"},
	{"ASecondDay", "as many again the next day", func(c *court) {
		c.fill("cat", "dog", "eel", "fox")
		for _, name := range []string{"cat", "dog", "eel"} {
			c.goes(name)
		}
		c.sleep(25 * time.Hour)
		c.stay()
		c.goes("fox")
	}, ""},
	{"TheLast", "an empty fleet is a mistake", func(c *court) {
		c.goes("ant")
		c.goes("bee")
	}, "Brake"},
	{"KeptTooShort", "what was promised is kept", func(c *court) {
		c.undeclares("ant")
		changes := c.tombstoned("ant")
		changes.Tenants["ant"].Tombstone.PurgeAfter = changes.Tenants["ant"].Tombstone.Since.Add(time.Minute)
		c.decide("a-1", changes)
	}, "Retention"},
	{"Backdated", "and counted from when the file was gone", func(c *court) {
		c.sleep(9 * time.Minute)
		c.stay()
		c.undeclares("ant")
		changes := c.tombstoned("ant")
		stone := changes.Tenants["ant"].Tombstone
		stone.Since, stone.PurgeAfter = stone.Since.Add(-9*time.Minute), stone.PurgeAfter.Add(-9*time.Minute)
		c.decide("a-1", changes)
	}, "Retention"},
	{"PurgedTooSoon", "retention ends when it ends", func(c *court) {
		c.goes("ant")
		c.sleep(9 * time.Minute)
		c.decide("a-1", c.purging("ant"))
	}, "Retention"},
	{"PurgedByAWrongClock", "by the clock of who decides", func(c *court) {
		c.goes("ant")
		c.replicas[0].skew = time.Hour
		c.decide("a-1", c.purging("ant"))
	}, ""},
	{"TakenBackInTime", "a revert before the end counts, seen or not", func(c *court) {
		c.goes("ant")
		source := c.git.Tip(declaredBranch)
		c.sleep(9 * time.Minute)
		c.declares("ant")
		c.sleep(2 * time.Minute)
		c.push("a-1", c.purging("ant"), source, nil)
	}, "Removal"},
	{"TakenBackLate", "so does one after it, while the tenant is there", func(c *court) {
		c.overdue("ant")
		c.declares("ant")
		c.decide("a-1", c.purging("ant"))
	}, "Removal"},
	{"BuriedAlive", "what is left belongs to nobody", func(c *court) {
		c.overdue("ant")
		c.decide("a-1", c.purging("ant"))
		c.decide("a-1", c.purged("ant"))
	}, "Removal"},
}
