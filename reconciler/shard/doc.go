// Package shard is the edge of one management cluster: it carries out the core's
// effects there (Watch, Do, Remember) and reports what is so (Lease, Observed,
// Synced, Done).
//
//	            ┌ keeper ── the Lease: may we act, until when ───────┐
//	Handle ──► queue ──► work ── anchor, apply, derive, delete ──┐   │
//	            └──────► watch ── one reflector a kind ──────────┤   │
//	                                                             ▼   ▼
//	                                              view ──► outbox ──► events
//
// Everything that happens while the Lease is held without a break is one term.
// Its end cancels all requests under way; every request's deadline lies before
// the lease's own. Work that was asked for in one term is refused in the next.
//
// The view knows of each object that was reported its uid and resourceVersion,
// no more: it tells news from echoes (a watch event that is older than the
// response to our own write), and finds out what vanished while nobody watched.
// Objects are cut down to what the core needs before anything is stored.
//
// # What it guarantees
//
// An object is written by exactly one request, a server-side apply. One that is
// expected to be absent is looked for first, and left alone when it is somebody
// else's, unless it is to be adopted. Nothing is deleted but by uid and resourceVersion, nothing is ever
// deleted to be made anew.
//
// A Secret's content never leaves this package: what is reported is a hash and
// the fingerprint of a certificate, and an API server's message about a Secret
// is replaced by the fields that it names.
//
// # Drift
//
// managedFields say, for every kind and without a look at the content, who set
// which field last. So an object is as our last apply left it as long as our entry
// there holds the very fields that this apply set:
//
//	apply   fields = the object's, by the server's own schema ─► annotation tenantry.io/fields
//	watch   our entry's fields = the annotation's? ── no ─► Object.Drifted ─► core: apply by force
//
// The schema is read lazily, a kind at a time, and kept by the server's content
// hash. When it cannot be read, or the server sees other fields than it says, the
// apply's own answer is taken for the truth and the annotation written once more.
// An object without the annotation (an older version's) counts as drifted: one
// write heals it. Before a healing the object's managedFields are read once more,
// to name who took what.
//
// Not seen are: fields that somebody adds and we do not own (tenantry diff shows
// them), a writer who uses our own manager's name, and admission that rewrites our
// values within our own request. Our entry goes altogether only when somebody edits
// managedFields itself, or takes our label away and lets the object out of our
// sight; since labels and annotations can be copied, such an object is taken for
// somebody else's and reported as Foreign, never healed.
//
// # Differences
//
// A Viewer holds no Lease and writes nothing. That an object differs is found by
// jsondiff of fluxcd/pkg/ssa: a read, a dry run of the daemon's own apply, and what
// differs between both answers as a JSON patch. What it alone would lose is added:
//
//   - It pairs the items of lists by their places; a container put in front of others
//     would change them all. So where items have names, those of the dry run are put
//     in the places of the live ones before it compares.
//   - Of metadata it tells which labels and annotations are added or replaced. That a
//     label of ours would be removed, an owner or a finalizer changed, is a difference
//     too; so jsondiff compares metadata once more, in full.
//   - It masks data and stringData of a Secret. kubectl's annotation with what was
//     applied last quotes both, so nothing of a Secret is shown but its type and its
//     labels.
//   - It asks about whatever stands there, and gives no managedFields away. Its client
//     asks about nothing that is not the owner's, or to be adopted, binds the dry run to
//     the uid that was read, and keeps the answers: they say who has changed what.
//
// # Adoption
//
// An object that ran before it was declared has somebody else's marks, or none, and is
// named by its uid. It is taken over as it is: a dry run of the very apply tells whether
// that would change anything but marks of ours, and if so nothing is written. Then its
// managedFields are written: the fields that the apply sets go from all others to us, or
// they would stay when they are declared no more. The apply makes it ours; until then
// whoever stops begins anew. Both writes are good for the resourceVersion that the one
// before has seen, so nobody's change is lost in between.
//
// # What it leaves to others
//
// What to do is the core's to decide; whether the cluster behind the kubeconfig
// is the right one is, too. Keeping the Lease is reconciler/lease's.
//
// # Why
//
// A shared informer keeps every object in full and tells nobody what vanished
// between two lives of it; client-go's convenient clients repeat requests that
// the API server asks to be repeated later. With ten thousand tenants and leases
// that end, both matter: so reflectors write straight into the view, and
// requests are sent once.
package shard
