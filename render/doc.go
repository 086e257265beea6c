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
// docs/providers.md is the contract. [ReadProvider] reads a folder, which may be anybody's,
// and says all that is wrong with its description, with places; package trial tries one by
// the data in its testdata/.
//
// One binary carries several versions of a base: <name>/ holds the newest, and older ones
// that tenants still have stand beside it as <name>-<baseVersion>/, each a whole provider.
// Which one a tenant or datastore is rendered from, the ledger says. In every tree that is
// built the base stands at providers/<name>, so a class's overlay names none.
//
// A class is an ordinary overlay (resources: [../../providers/native]), with a stamp/
// of its own for its tenants' parameters if it wants. A tenant may have a Component of
// its own, as far as its class allows. What a tenant is in the end comes from one
// document of kind Tenant, in which every value is resolved; stamps have no other source.
//
//	provider's base ─┐
//	                 ├─ build ─► shape ─ stamp ─► template ─┐   (Kustomize; once a class)
//	class's overlay ─┘                                      ├─ fill ─► policy ─► Unit
//	tenant + class + placement ─► Tenant document ──────────┘   (each tenant)
//
// A template is canonical JSON with holes. Of a tenant with a Component, the Component
// alone is built over the filled objects, and what came out is held against the class's
// bounds before it is closed like any other.
//
// # Why
//
// A Kustomize build costs ten milliseconds and must run alone in its process, and
// Kustomize's replacements cost some more; filling values into bytes costs a hundredth
// of that and runs side by side. So the shape that the tenants of a class share is built
// once, and stamped once with marks instead of values. Tests hold it against one plain
// `kustomize build` of the same tree, and against what [Renderer.Export] gives, for
// every input and for classes and tenants that are generated.
//
// Marks carry the types of their values, because Kustomize gives a value the type of
// the field that it goes into. Two things that depend on the value itself are refused:
// values that are no text in fields that a replacement makes (Kustomize reads them in
// one way in one layer and in another in the next), and replacements into the middle
// of a text that is YAML (it is written anew as the value has it).
//
// Kustomize fetches URLs even from a file system in memory, panics on some patches
// and overflows the stack on cyclic aliases. What classes and tenants bring is therefore
// checked before Kustomize sees it (check.go), and what comes out is checked again
// (bounds.go, policy.go), because only the output says what a shard would be asked to
// hold. Roles are ours alone: they let spec.access.groups read one Secret (access.go).
package render
