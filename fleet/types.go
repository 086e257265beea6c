package fleet

import "time"

// APIVersion is the version of every kind in a fleet repository.
const APIVersion = "tenantry.io/v1alpha1"

// Kinds of a fleet repository.
const (
	KindFleet     = "Fleet"
	KindShard     = "Shard"
	KindDataStore = "DataStore"
	KindClass     = "ControlPlaneClass"
	KindTenant    = "Tenant"
)

// Fleet is everything one commit declares, valid and indexed by name.
// It never changes after Load; share it freely.
type Fleet struct {
	// Name is fleet.yaml's metadata.name, for people; it may be empty.
	Name       string
	Settings   Settings
	Shards     map[string]*Shard
	DataStores map[string]*DataStore
	Classes    map[string]*Class
	Tenants    map[string]*Tenant

	// Broken names what is declared but cannot be used, by kind and name.
	// What is broken is held as it was; it is not absent.
	Broken map[Ref]Broken
	// SettingsBroken is true when fleet.yaml is there but invalid, or missing.
	// Settings are the defaults then, and nothing may be deleted.
	SettingsBroken bool
	// Opaque lists paths below the folders of declarations that cannot be looked
	// into (a symbolic link, a submodule, a folder where a file should be): what
	// they declare is unknown. See Absent.
	Opaque []string
}

// Ref names one declaration.
type Ref struct{ Kind, Name string }

// Broken is a declaration that is there but cannot be used.
type Broken struct {
	// Path is the declaration's file, relative to the repository's root.
	Path string
	// Paths are all files that declare this name when there are several, sorted.
	Paths []string
	// Candidates are the tenants among Paths that are valid in themselves: who
	// knows which was there first may go on with that one.
	Candidates []*Tenant
	// Message is the first finding on one line, for people: file:line:col: field: message.
	Message string
}

// Metadata is what every declaration carries beside its spec.
type Metadata struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
}

// Source says where a declaration stands.
type Source struct {
	// Path is the declaration's file, relative to the repository's root
	// (tenants/web/acme/tenant.yaml).
	Path string
	// Raw is the declaration as it was written.
	Raw []byte
}

// Settings are the fleet's own settings (fleet.yaml, kind Fleet).
type Settings struct {
	Deletion Deletion `json:"deletion,omitempty"`
}

// Deletion bounds how fast tenants may go.
type Deletion struct {
	// Retention is how long a removed tenant's data is kept; default 72h.
	// It is written as a Go duration ("72h", "90m").
	Retention time.Duration `json:"retention,omitempty"`
	// Limit and Percent are the brake: within 24 hours at most
	// max(Limit, Percent of the fleet's tenants) are removed. Defaults 3 and 5.
	Limit   int `json:"limit,omitempty"`
	Percent int `json:"percent,omitempty"`
	// AllowLast lets the last tenant of a fleet be removed; default false.
	AllowLast bool `json:"allowLast,omitempty"`
}

// Shard is a management cluster (shards/<name>.yaml).
type Shard struct {
	Metadata Metadata  `json:"metadata"`
	Spec     ShardSpec `json:"spec"`
	Source   Source    `json:"-"`
}

// ShardSpec is what a shard offers. Exactly one of AddressPool and Domain is set.
type ShardSpec struct {
	// AddressPool lists the IP addresses for tenants' endpoints, each an
	// address ("10.0.0.7"), a range ("10.0.0.10-10.0.0.50") or a CIDR.
	AddressPool []string `json:"addressPool,omitempty"`
	// Domain gives tenants the host name <tenant>.<domain>.
	Domain   string   `json:"domain,omitempty"`
	Capacity Capacity `json:"capacity,omitempty"`
	// Cordon stops new tenants from being placed here.
	Cordon bool `json:"cordon,omitempty"`
}

// Capacity bounds what is placed somewhere. Zero is no bound.
type Capacity struct {
	Tenants int `json:"tenants,omitempty"`
}

// DataStore is where control planes keep their state (datastores/<name>.yaml).
type DataStore struct {
	Metadata Metadata      `json:"metadata"`
	Spec     DataStoreSpec `json:"spec"`
	Source   Source        `json:"-"`
}

// DataStoreSpec describes a datastore. Only managed etcd exists so far.
type DataStoreSpec struct {
	// Driver is "etcd".
	Driver string `json:"driver"`
	// Shards names the shards whose tenants may use it; a managed datastore
	// names exactly one, on which it runs.
	Shards   []string `json:"shards"`
	Capacity Capacity `json:"capacity,omitempty"`
	// Managed asks Tenantry to run the datastore on its shard.
	Managed *ManagedDataStore `json:"managed,omitempty"`
}

// ManagedDataStore is an etcd that Tenantry runs as a StatefulSet.
type ManagedDataStore struct {
	// Provider renders it; default "native".
	Provider string `json:"provider,omitempty"`
	// Replicas is 1, 3 or 5; default 3.
	Replicas int `json:"replicas,omitempty"`
	// Storage is a member's volume, a Kubernetes quantity; default 8Gi.
	Storage string `json:"storage,omitempty"`
	// StorageClass is the shard's storage class; empty is the default class.
	StorageClass string `json:"storageClass,omitempty"`
}

// Class is what a tenant chooses (classes/<name>/class.yaml, kind
// ControlPlaneClass). Its folder may be an ordinary Kustomize overlay on
// ../../providers/<provider>.
type Class struct {
	Metadata Metadata  `json:"metadata"`
	Spec     ClassSpec `json:"spec"`
	Source   Source    `json:"-"`
	// Files is the class's folder, relative path to content; class.yaml included.
	Files map[string][]byte `json:"-"`
	// Tree is the content hash of the folder, as Git names it; empty when the
	// fs.FS that was loaded knows no hashes.
	Tree string `json:"-"`
}

// ClassSpec holds the class's choices; a tenant may override what Tenant has.
type ClassSpec struct {
	// Provider names the kind of control plane: "native".
	Provider string `json:"provider"`
	// Version is the Kubernetes version, vMAJOR.MINOR.PATCH.
	Version string `json:"version,omitempty"`
	// Replicas of the control plane; default 1.
	Replicas int     `json:"replicas,omitempty"`
	Network  Network `json:"network,omitempty"`
}

// Network is the tenant's inside.
type Network struct {
	// ServiceCIDR and PodCIDR default to 10.96.0.0/16 and 10.244.0.0/16.
	ServiceCIDR string `json:"serviceCIDR,omitempty"`
	PodCIDR     string `json:"podCIDR,omitempty"`
	// Domain is the cluster's DNS domain; default cluster.local.
	Domain string `json:"domain,omitempty"`
}

// Tenant is one declared control plane (tenants/<team>/<name>/tenant.yaml).
type Tenant struct {
	Metadata Metadata   `json:"metadata"`
	Spec     TenantSpec `json:"spec"`
	Source   Source     `json:"-"`
}

// TenantSpec is what a tenant asks for. Only Class is required. Empty fields
// take the class's value when rendering (see Resolve).
type TenantSpec struct {
	Class string `json:"class"`
	// Version is the Kubernetes version, vMAJOR.MINOR.PATCH; default the class's.
	Version string `json:"version,omitempty"`
	// Replicas of the control plane; default the class's.
	Replicas int     `json:"replicas,omitempty"`
	Network  Network `json:"network,omitempty"`
	// Shard pins the tenant to one shard.
	Shard string `json:"shard,omitempty"`
	// ShardSelector chooses among shards by their labels.
	ShardSelector map[string]string `json:"shardSelector,omitempty"`
	// DataStore pins the tenant to one datastore.
	DataStore string `json:"dataStore,omitempty"`
	// MovedFrom is the folder that this declaration was moved from
	// (tenants/<team>/<name>); it carries identity across a move.
	MovedFrom string `json:"movedFrom,omitempty"`
}

// Team is the folder above the tenant's: tenants/<team>/<name>/tenant.yaml.
func (t *Tenant) Team() string { return teamOf(t.Source.Path) }

// Dir is the tenant's folder (tenants/<team>/<name>).
func (t *Tenant) Dir() string { return dirOf(t.Source.Path) }
