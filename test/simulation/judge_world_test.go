package simulation

import (
	"fmt"
	"strings"
	"time"

	"github.com/tenantry/tenantry/reconciler/lease"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// worldRules are what breaks the rules about what is done to the world, and what comes
// close.
var worldRules = []broken{
	// What is written.
	{"Written", "an object that is as it was decided", func(c *court) {
		o := ours("v1", "ConfigMap", "tenant-ant", "extra", "uid-ant", 1)
		o["data"] = map[string]any{"ours": "2"}
		c.apply("a-1", "blue", o)
	}, ""},
	{"Undecided", "what is written nowhere cannot be taken back", func(c *court) {
		c.apply("a-1", "blue", ours("v1", "ConfigMap", "tenant-ant", "more", "uid-nobody", 1))
	}, "DecideFirst"},
	{"NotYet", "nor may an epoch that is to come", func(c *court) {
		c.apply("a-1", "blue", ours("v1", "ConfigMap", "tenant-ant", "more", "uid-ant", 2))
	}, "DecideFirst"},
	{"AnchorNotYet", "an anchor beyond the ledger would lock its owner out", func(c *court) {
		c.write("a-1", "blue", anchor("uid-ant", 7))
	}, "DecideFirst"},
	{"Both", "one tenant on two shards", func(c *court) {
		c.judge.given[decision{"uid-ant", "us", 1}] = true
		c.write("a-1", "red", anchor("uid-ant", 1))
		c.apply("a-1", "red", ours("v1", "Namespace", "", "tenant-ant", "uid-ant", 1))
	}, "OneShard"},
	{"Older", "a late writer brings back what was", func(c *court) {
		c.goes("ant")
		c.write("a-1", "blue", anchor("uid-ant", 2))
		c.apply("a-1", "blue", ours("v1", "ConfigMap", "tenant-ant", "extra", "uid-ant", 2))
		c.judge.anchors[place{"blue", "uid-ant"}] = height{}
		c.apply("a-1", "blue", ours("v1", "ConfigMap", "tenant-ant", "extra", "uid-ant", 1))
	}, "OlderOverNewer"},
	{"OlderThanAnchor", "also where its objects are gone", func(c *court) {
		c.goes("ant")
		c.write("a-1", "blue", anchor("uid-ant", 2))
		c.apply("a-1", "blue", ours("v1", "ConfigMap", "tenant-ant", "more", "uid-ant", 1))
	}, "OlderOverNewer"},
	{"BeforeAnchor", "and nobody would be stopped by one that comes later", func(c *court) {
		c.goes("ant")
		c.apply("a-1", "blue", ours("v1", "ConfigMap", "tenant-ant", "extra", "uid-ant", 2))
	}, "OlderOverNewer"},
	{"TheirAnchor", "unless people have taken it away", func(c *court) {
		if err := c.clusters["blue"].server.Delete(apiserver.Key{Version: "v1", Kind: "ConfigMap", Namespace: lease.Namespace, Name: "anchor-uid-ant"}); err != nil {
			c.t.Fatal(err)
		}
		c.apply("a-1", "blue", ours("v1", "ConfigMap", "tenant-ant", "more", "uid-ant", 1))
	}, ""},
	{"AnchorFalls", "an anchor is the highest", func(c *court) {
		c.goes("ant")
		c.write("a-1", "blue", anchor("uid-ant", 2))
		c.write("a-1", "blue", anchor("uid-ant", 1))
	}, "OlderOverNewer"},
	{"Adopted", "an object that was there is somebody's", func(c *court) {
		c.theirs("blue", object("v1", "ConfigMap", "tenant-ant", "theirs", map[string]any{"data": map[string]any{"a": "b"}}))
		c.apply("a-1", "blue", ours("v1", "ConfigMap", "tenant-ant", "theirs", "uid-ant", 1))
	}, "Foreign"},
	{"Copied", "a copied label proves nothing", func(c *court) {
		c.theirs("blue", ours("v1", "ConfigMap", "tenant-ant", "copy", "uid-ant", 1))
		c.delete("a-1", "blue", apiserver.Key{Version: "v1", Kind: "ConfigMap", Namespace: "tenant-ant", Name: "copy"}, preconditions)
	}, "Foreign"},
	{"TheirField", "what people have added to ours stays", func(c *court) {
		o := ours("v1", "ConfigMap", "tenant-ant", "extra", "uid-ant", 1)
		o["data"] = map[string]any{"ours": "1", "theirs": "2"}
		c.theirs("blue", o)
		c.write("a-1", "blue", ours("v1", "ConfigMap", "tenant-ant", "extra", "uid-ant", 1))
	}, "Foreign"},
	{"OurField", "what people have changed of ours is put right", func(c *court) {
		o := ours("v1", "ConfigMap", "tenant-ant", "extra", "uid-ant", 1)
		o["data"] = map[string]any{"ours": "2", "theirs": "2"}
		c.theirs("blue", o)
		c.apply("a-1", "blue", ours("v1", "ConfigMap", "tenant-ant", "extra", "uid-ant", 1))
	}, ""},
	{"OtherOwner", "an object does not change hands", func(c *court) {
		c.apply("a-1", "blue", ours("v1", "ConfigMap", "tenant-ant", "extra", "uid-bee", 1))
	}, "Identity"},
	{"TornDownAlive", "it would write its data anew", func(c *court) {
		c.overdue("ant")
		c.decide("a-1", c.purging("ant"))
		c.write("a-1", "blue", anchor("uid-ant", 3))
		c.theirs("blue", object("v1", "Namespace", "", "elsewhere", nil))
		c.apply("a-1", "blue", ours("v1", "ConfigMap", "elsewhere", "remove", "uid-ant", 3))
	}, "TearDown"},
	{"Ending", "what was begun before a tenant is torn down comes to its end", func(c *court) {
		c.overdue("ant")
		c.write("a-1", "blue", anchor("uid-ant", 2))
		c.decide("a-1", c.purging("ant"))
		c.theirs("blue", object("v1", "Namespace", "", "elsewhere", nil))
		c.apply("a-1", "blue", ours("v1", "ConfigMap", "elsewhere", "settings", "uid-ant", 2))
	}, ""},
	{"Spinning", "who writes again and again is at odds with itself", func(c *court) {
		for i := range 25 {
			c.again("a-1", i)
			c.sleep(10 * time.Second)
			c.stay()
		}
	}, "HotLoop"},
	{"Dueling", "whom people take the Lease away from hears of it with the next renewal", func(c *court) {
		c.taken("blue", "b-1")
		for i := range 25 {
			c.again([]string{"a-1", "b-1"}[i%2], i)
		}
	}, ""},
	{"DuelingOn", "and writes no more from then on", func(c *court) {
		c.taken("blue", "b-1")
		c.sleep(13 * time.Second)
		c.again("a-1", 0)
	}, "Lease"},
	{"SpinningInADuel", "who answers nobody's write is at odds with itself", func(c *court) {
		c.taken("blue", "b-1")
		for i := range 25 {
			c.again("b-1", i)
		}
	}, "HotLoop"},
	{"Chatting", "nor is a ledger a heartbeat", func(c *court) {
		for i := range 70 {
			changes := c.held("ant")
			changes.Tenants["ant"].Held.Reason = "Invalid" + strings.Repeat("Too", i)
			c.decide("a-1", changes)
		}
	}, "HotLoop"},
	{"Reporting", "nor a status branch", func(c *court) {
		for i := range 3 {
			c.commitAs("a-1", statusBranch, map[string][]byte{"status/eu/_shard.yaml": {byte('a' + i)}}, "observe")
			c.sleep(4 * time.Second)
		}
	}, "HotLoop"},
	{"Hammering", "nor is an API server a clock", func(c *court) {
		c.acts("a-1", time.Now(), "", func() error {
			for range requestsAMinute + 1 {
				c.judge.asked(c.acting)
			}
			return nil
		})
	}, "HotLoop"},

	// What is deleted.
	{"Pruned", "what nobody wants any more", func(c *court) {
		c.delete("a-1", "blue", extra, preconditions)
	}, ""},
	{"Unconditional", "it may be another one by now", func(c *court) {
		c.delete("a-1", "blue", extra, `{"preconditions":{"uid":"u"}}`)
	}, "Deletion"},
	{"OwnerUnknown", "who knows nothing of an owner does not know that it is gone", func(c *court) {
		c.judge.given[decision{"uid-old", "eu", 1}] = true
		c.write("a-1", "blue", anchor("uid-old", 1))
		c.apply("a-1", "blue", ours("v1", "ConfigMap", "tenant-ant", "old", "uid-old", 1))
		c.delete("a-1", "blue", apiserver.Key{Version: "v1", Kind: "ConfigMap", Namespace: "tenant-ant", Name: "old"}, preconditions)
	}, "Deletion"},
	{"Wanted", "where nothing says what is wanted, what is there is", func(c *court) {
		c.unclassed()
		c.sleep(10 * time.Minute) // else it may be that what was in force before is still gone by
		c.stay()
		c.judge.reached["a-1"] = time.Now()
		c.delete("a-1", "blue", extra, preconditions)
	}, "Deletion"},
	{"HomeOfTheLiving", "all of it would go", func(c *court) {
		c.delete("a-1", "blue", apiserver.Key{Version: "v1", Kind: "Namespace", Name: "tenant-ant"}, preconditions)
	}, "State"},
	{"HomeOfTheRemoved", "its data is to be kept", func(c *court) {
		c.goes("ant")
		c.delete("a-1", "blue", apiserver.Key{Version: "v1", Kind: "Namespace", Name: "tenant-ant"}, preconditions)
	}, "State"},
	{"HomeOfThePurged", "when its time is over all of it goes", func(c *court) {
		c.overdue("ant")
		c.decide("a-1", c.purging("ant"))
		c.delete("a-1", "blue", apiserver.Key{Version: "v1", Kind: "Namespace", Name: "tenant-ant"}, preconditions)
	}, ""},
	{"Stale", "who has not heard of Git knows not what is wanted", func(c *court) {
		c.sleep(3 * time.Minute)
		c.stay()
		c.delete("a-1", "blue", extra, preconditions)
	}, "Fresh"},

	// Who may write.
	{"NeverHeld", "whose Lease it is not", func(c *court) {
		c.apply("b-1", "blue", ours("v1", "ConfigMap", "tenant-ant", "extra", "uid-ant", 1))
		c.apply("b-1", "blue", ours("v1", "ConfigMap", "tenant-ant", "more", "uid-ant", 1))
	}, "Lease"},
	{"Stolen", "from one who has just renewed it", func(c *court) {
		c.sleep(10 * time.Second)
		c.hold("b-1", "blue")
	}, "Lease"},
	{"Expired", "who says nothing for so long is gone", func(c *court) {
		c.sleep(16 * time.Second)
		c.hold("b-1", "blue")
	}, ""},
	{"TooLate", "another one may have it by then", func(c *court) {
		c.sleep(14*time.Second + time.Millisecond)
		c.apply("a-1", "blue", ours("v1", "ConfigMap", "tenant-ant", "more", "uid-ant", 1))
	}, "Lease"},
	{"AfterAnother", "it is another's now", func(c *court) {
		c.sleep(16 * time.Second)
		c.hold("b-1", "blue")
		c.sleep(time.Millisecond)
		c.apply("a-1", "blue", ours("v1", "ConfigMap", "tenant-ant", "more", "uid-ant", 1))
	}, "Lease"},
	{"UnderWay", "what was asked for in time may still arrive", func(c *court) {
		asked := time.Now()
		c.sleep(time.Second)
		c.release("a-1", "blue")
		c.acts("a-1", asked, "", func() error {
			_, err := c.clusters["blue"].server.Apply("tenantry", ours("v1", "ConfigMap", "tenant-ant", "more", "uid-ant", 1))
			return err
		})
	}, ""},
	{"AfterRelease", "nothing is asked for after it was given back", func(c *court) {
		c.release("a-1", "blue")
		c.sleep(time.Millisecond)
		c.apply("a-1", "blue", ours("v1", "ConfigMap", "tenant-ant", "more", "uid-ant", 1))
	}, "Lease"},

	// Whom others may not delay.
	{"Forgotten tenant", "nothing is wrong, and it has no place", func(c *court) {
		c.commit("more", map[string][]byte{tenantFile("web", "cat"): tenantDeclared("cat", "hosted", ", shard: eu")})
		for range 20 {
			c.sleep(time.Minute)
			c.weatherOf("a", "red").cut = true // which is none of its business
			c.judge.watch()
		}
	}, "Fair"},
	{"Forgotten while a trap is set", "what has not struck is no excuse", func(c *court) {
		c.trap, c.spell = &trap{aim: aim{replica: "a"}}, &spell{aim: aim{replica: "a"}}
		c.commit("more", map[string][]byte{tenantFile("web", "cat"): tenantDeclared("cat", "hosted", ", shard: eu")})
		for range 20 {
			c.sleep(time.Minute)
			c.judge.watch()
		}
	}, "Fair"},
	{"Delayed tenant", "its own shard is not well", func(c *court) {
		c.commit("more", map[string][]byte{tenantFile("web", "cat"): tenantDeclared("cat", "hosted", ", shard: eu")})
		for range 20 {
			c.sleep(time.Minute)
			c.weatherOf("a", "blue").cut = true
			c.judge.watch()
		}
	}, ""},
}

// again has a life write the same object once more, otherwise than before.
func (c *court) again(who string, i int) {
	o := ours("v1", "ConfigMap", "tenant-ant", "extra", "uid-ant", 1)
	o["data"] = map[string]any{"ours": fmt.Sprint(i)}
	c.apply(who, "blue", o)
}

// taken has people delete a Lease, and another life take it.
func (c *court) taken(cluster, by string) {
	key := apiserver.Key{Group: "coordination.k8s.io", Version: "v1", Kind: "Lease", Namespace: lease.Namespace, Name: lease.Name}
	if err := c.clusters[cluster].server.Delete(key); err != nil {
		c.t.Fatal(err)
	}
	c.hold(by, cluster)
}
