// Package render turns declarations into Units: the objects that a shard shall
// hold, in order, with ownership and digests on them.
//
// It is the only package that knows Kustomize, and it is pure: everything it reads
// is in its arguments or in the binary (providers/). A provider is a folder:
//
//	providers/<name>/provider.yaml         how health is read, what may be rendered, what is derived
//	providers/<name>/kustomization.yaml    a tenant's base, with placeholders in capitals
//	providers/<name>/stamp/                a Component whose replacements fill the placeholders in
//	providers/<name>/stamp/<variant>/      further replacements, for some tenants only
//	providers/<name>/teardown/             what takes a removed tenant's data away, if that is ours to do
//	providers/<name>/datastore/            a datastore: a managed one, or what tells of one that runs elsewhere
//
// A class is an ordinary overlay (resources: [../../providers/<name>]). What a tenant
// is in the end comes from one document of kind Tenant, in which every value is
// resolved; the stamp's replacements have no other source.
//
//	provider's base ─┐
//	                 ├─ build ─► shape ─ stamp ─► template ─┐   (Kustomize; once a class)
//	class's overlay ─┘                                      ├─ fill ─► policy ─► Unit
//	tenant + class + placement ─► Tenant document ──────────┘   (each tenant)
//
// # Why
//
// A Kustomize build costs ten milliseconds and must run alone in its process, and
// Kustomize's replacements cost some more; filling values in costs a tenth of that
// and runs side by side. So the shape that the tenants of a class share is built
// once, and stamped once with marks instead of values. A test proves that one plain
// `kustomize build` of the same tree, with the tenant's own document, gives the same.
//
// Kustomize fetches URLs even from a file system in memory, panics on some patches
// and overflows the stack on cyclic aliases. A class is therefore checked before
// Kustomize sees it (check.go), and what comes out is checked again (policy.go),
// because only the output says what a shard would be asked to hold.
package render
