// Package reconciler makes it so: it runs the core (package core) between its
// edges to Git and to the shards.
//
// Run is one loop. It takes events from the edges, one at a time, steps the core,
// and hands the effects out; edges never wait for each other. Everything that
// decides is in core; everything that talks is in the edges:
//
//	repository   the three branches: fetch, read, commit
//	shard        one management cluster: observe, apply, delete, derive
//	lease        the Lease that says who works on a shard
//	datastore    the inside of a shared etcd, from a Job on its shard
//
// Compare runs the same core on the same branches, and carries out nothing: its
// questions are answered, its decisions are taken for committed, and every object that
// it would have is shown to its shard's API server in a dry run. So what a preview says
// cannot differ from what the daemon would do.
package reconciler
