package ledger

import "time"

// Kinds of ledger files. Each file starts with apiVersion (fleet.APIVersion) and kind.
const (
	KindTenant    = "TenantEntry"
	KindDataStore = "DataStoreEntry"
	KindClass     = "ClassEntry"
	KindShard     = "ShardEntry"
)

// Ledger is all decisions in force at one tip, by name. It never changes; With
// gives a changed copy.
type Ledger struct {
	Tenants    map[string]*Tenant
	DataStores map[string]*DataStore
	Classes    map[string]*Class
	Shards     map[string]*Shard
}

// Lifecycle is where a tenant stands between its first commit and its end.
//
//	Living ──file removed, brake open──► Tombstoned ──retention over──► Purging ──all gone──► Purged
//	   ▲                                     │
//	   └────────────── revert ───────────────┘
type Lifecycle string

// Lifecycles.
const (
	Living     Lifecycle = "Living"
	Tombstoned Lifecycle = "Tombstoned"
	Purging    Lifecycle = "Purging"
	Purged     Lifecycle = "Purged"
)

// Tenant is the ledger's file tenants/<hh>/<name>.yaml. <hh> is the first byte
// of the name's SHA-256 in hex.
type Tenant struct {
	Name string `json:"name"`
	// UID is the tenant's identity, given once.
	UID string `json:"uid"`
	// Source is the folder of the declaration (tenants/<team>/<name>).
	Source string `json:"source"`
	// Provider is frozen with the first decision.
	Provider  string    `json:"provider"`
	Placement Placement `json:"placement"`
	// Adopted is what it was taken over from; nil when Tenantry made it.
	Adopted *Adopted `json:"adopted,omitempty"`
	// Epoch rises with every change of placement and lifecycle, from 1.
	Epoch     int64     `json:"epoch"`
	Lifecycle Lifecycle `json:"lifecycle"`
	// Held names the last good declaration while the current one cannot be used.
	Held *Held `json:"held,omitempty"`
	// Tombstone is set from Tombstoned on, and kept as the final record.
	Tombstone *Tombstone `json:"tombstone,omitempty"`
}

// Placement is where a tenant lives.
type Placement struct {
	Shard string `json:"shard"`
	// DataStore is empty when the provider keeps the tenant's state itself.
	DataStore string `json:"dataStore,omitempty"`
	// Address is the endpoint's IP address, or Host its DNS name: exactly one.
	Address string `json:"address,omitempty"`
	Host    string `json:"host,omitempty"`
}

// Held says which declared tree is in force instead of the newest one.
type Held struct {
	// Commit is the declared commit, for people; Tree its root tree, which the
	// ledger mounts under sources/<tree>.
	Commit string `json:"commit"`
	Tree   string `json:"tree"`
	// Reason is a CamelCase word: Invalid, NotRendered, Moved, Frozen, ClassUnusable,
	// DeletionBrake, and of datastores Removed.
	Reason string `json:"reason"`
}

// Tombstone is what remains of a removed tenant.
type Tombstone struct {
	// Since is when the removal was decided; PurgeAfter when its data may go (UTC, seconds).
	Since      time.Time `json:"since"`
	PurgeAfter time.Time `json:"purgeAfter"`
	// Commit is the declared commit without the tenant, which caused the removal.
	Commit string `json:"commit"`
	// Tree is the last declared root tree with the tenant, mounted under
	// sources/<tree> until it is purged.
	Tree string `json:"tree,omitempty"`
	// Declaration is the last tenant.yaml as written.
	Declaration string `json:"declaration"`
	// PurgedAt is when the last object was gone.
	PurgedAt *time.Time `json:"purgedAt,omitempty"`
}

// DataStore is the ledger's file datastores/<name>.yaml: the identity of a
// managed datastore. It is never torn down by itself: one that disappears from
// the declared branch stays, and Removed says so.
type DataStore struct {
	Name     string `json:"name"`
	UID      string `json:"uid"`
	Source   string `json:"source"`
	Provider string `json:"provider"`
	// BaseVersion is the version of the provider's base in force.
	BaseVersion string `json:"baseVersion"`
	Shard       string `json:"shard"`
	// Adopted is what it was taken over from; nil when Tenantry made it.
	Adopted *AdoptedDataStore `json:"adopted,omitempty"`
	Epoch   int64             `json:"epoch"`
	// Held names the last good declaration while the current one is broken or
	// gone (Reason Invalid or Removed).
	Held *Held `json:"held,omitempty"`
}

// Class is the ledger's file classes/<name>.yaml: what of a class is in force.
type Class struct {
	Name     string `json:"name"`
	Provider string `json:"provider"`
	// BaseVersion is the version of the provider's base in force.
	BaseVersion string `json:"baseVersion"`
	// Commit is where the tree was declared, for people; Tree is the class's
	// folder, mounted under sources/<tree>.
	Commit string `json:"commit"`
	Tree   string `json:"tree"`
	// ProviderTree is the folder of a provider of the fleet's own, mounted likewise; empty
	// when the binary carries the provider. Both trees together are the class in force.
	ProviderTree string `json:"providerTree,omitempty"`
}

// Key names the content in force: the class's folder, and its provider's where that is
// the fleet's own.
func (c *Class) Key() string { return ClassKey(c.Tree, c.ProviderTree) }

// ClassKey is the Key of a class of these trees.
func ClassKey(tree, providerTree string) string {
	if providerTree == "" {
		return tree
	}
	return tree + " " + providerTree
}

// Shard is the ledger's file shards/<name>.yaml.
type Shard struct {
	Name string `json:"name"`
	// Identity is the uid of the shard's kube-system namespace, pinned at first contact.
	Identity string `json:"identity"`
	// Kinds are all kinds ever applied there, sorted, as <group>/<version>/<kind>
	// (core kinds as v1/<kind>): where to look for what is ours.
	Kinds []string `json:"kinds,omitempty"`
}
