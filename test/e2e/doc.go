// Package e2e tests the whole program from outside: the real binary, a real Git
// server over smart HTTP, real API servers. What it asserts is the world: objects
// on shards, branches as Git shows them, answers of tenants, exit codes and output
// of the command. It looks at nothing inside.
//
// Two runs of management clusters serve all tests of the package:
//
//	light   shards p and q without a node: a few lines here say what a kubelet and a
//	        load balancer would (kubelet_test.go). Tests of decisions take one each and
//	        run side by side.
//	full    shards a and b with a node, so that tenants' control planes really run.
//
// The daemon has the rights that examples/install/shard gives it, and no others; what
// tests do as people and controllers, they do as administrators.
//
// TestConformance has control planes of every provider live through the same moments, from
// newborn to purged, those of a provider of the fleet's own as well; what their controllers
// write is in testdata/lives.
//
// Every test has a repository and a fleet of its own, and names of tenants and
// datastores that no other test has: what earlier tests left on a shard belongs to
// owners that its ledger does not know.
//
// # Why
//
// What a daemon does when it dies, when a push is refused, when a cluster is gone
// cannot be told by fakes: they would do what their author believes. So faults are
// made outside of the program too: by hooks of the Git server, by a proxy before
// an API server, by signals.
package e2e
