// Package ledger holds what Tenantry has decided: who is who (uids), where
// everybody lives, what is held, removed and purged. It is the content of the
// branch tenantry-ledger, one small YAML file an entry:
//
//	tenants/<hh>/<name>.yaml   TenantEntry     <hh> is the first byte of the name's SHA-256
//	datastores/<name>.yaml     DataStoreEntry
//	classes/<name>.yaml        ClassEntry
//	shards/<name>.yaml         ShardEntry
//	sources/<tree>             every declared tree that an entry names, so that Git keeps it
//	README.md                  what the branch is
//
// Read gives the whole ledger or an error that names the file: nothing may be
// decided on a part of it. Changes are decisions in the making; With shows the
// ledger after them, Draft what they are as files and trees of one commit, and
// Message what they are in words.
//
// The package is pure: it knows paths and bytes, and leaves Git to others.
//
// # Why
//
// The files outlive the program, so they are plain: every entry stands alone,
// says its kind and version, and has its fields in a fixed order, so that a
// decision is a small diff that a person can read. A field that this version
// does not know means that a newer one has decided something that this one
// would drop: such a ledger is refused, not rewritten.
package ledger
