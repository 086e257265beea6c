// Contract proves that API servers take what providers render: it starts a
// management cluster with the custom resource definitions of a folder, and applies
// to it, with strict field validation, everything that all providers render.
//
//	contract --crds DIR
//
// What is applied comes from three places: the providers' golden files, alone and as
// classes that change under a living tenant, the examples, and generated histories of
// tenants and datastores, whose steps are applied one over the other as they would be
// in a tenant's life. cert-manager's and
// Cluster API's own definitions come out of their Go modules; all others have to be in
// DIR. A kind that no definition there serves is a failure: what was not tried was not
// accepted.
//
// After each apply the controllers of other projects' kinds are played: they write
// finalizers, owners, labels and fields of the spec as the real ones do. No field of ours
// may be theirs then, and a second apply has to write nothing.
//
// What can be imported is made by hand, too, without marks: imported and rendered again, it
// has to be taken over by an apply that changes nothing but marks.
//
// The last line on standard output is
//
//	contract: ok: N objects of M kinds accepted by K CRDs
//
// where K counts the definitions that took at least one object. The exit code is 0,
// 1 when something was refused or is missing, 2 after misuse.
//
// # Why
//
// The definitions of Kamaji and its like are too large to copy and change with their
// projects, and Go types of theirs would tie us to one version. An API server judges
// by the same rules, defaults and transition rules that a shard will.
package main
