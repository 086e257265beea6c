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

// DataStoreSpec describes a datastore: one that Tenantry runs (Managed), or one
// that runs elsewhere (Endpoints, BasicAuth, TLS). Exactly one of Managed and
// Endpoints is set.
type DataStoreSpec struct {
	// Provider is the one whose control planes keep their state here; default "native".
	Provider string `json:"provider,omitempty"`
	// Driver is "etcd", "PostgreSQL" or "MySQL"; a managed datastore is etcd.
	Driver string `json:"driver"`
	// Shards names the shards whose tenants may use it: exactly one so far.
	Shards   []string `json:"shards"`
	Capacity Capacity `json:"capacity,omitempty"`
	// Managed asks Tenantry to run the datastore on its shard.
	Managed *ManagedDataStore `json:"managed,omitempty"`
	// Endpoints are host:port of a datastore that runs elsewhere.
	Endpoints []string `json:"endpoints,omitempty"`
	// BasicAuth is how PostgreSQL and MySQL let the provider in.
	BasicAuth *BasicAuth `json:"basicAuth,omitempty"`
	// TLS is required for etcd.
	TLS *TLS `json:"tls,omitempty"`
}

// SecretKey names one value of a Secret that exists on the shard. Nothing that
// unlocks anything is in a fleet repository; references are.
type SecretKey struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Key       string `json:"key"`
}

// BasicAuth is a user name and a password.
type BasicAuth struct {
	Username SecretKey `json:"username"`
	Password SecretKey `json:"password"`
}

// TLS says whom a datastore's clients trust, and who they are.
type TLS struct {
	// CA is the authority; etcd needs its private key too, which signs tenants' certificates.
	CA KeyPair `json:"ca"`
	// Client is the provider's own certificate; etcd needs it.
	Client *KeyPair `json:"client,omitempty"`
}

// KeyPair is a certificate and its private key.
type KeyPair struct {
	Certificate SecretKey  `json:"certificate"`
	PrivateKey  *SecretKey `json:"privateKey,omitempty"`
}

// ManagedDataStore is an etcd that Tenantry runs as a StatefulSet.
type ManagedDataStore struct {
	// Replicas is 1, 3 or 5; default 3.
	Replicas int `json:"replicas,omitempty"`
	// Storage is a member's volume, a Kubernetes quantity; default 8Gi.
	Storage string `json:"storage,omitempty"`
	// StorageClass is the shard's storage class; empty is the default class.
	StorageClass string `json:"storageClass,omitempty"`
}

// Class is what a tenant chooses (classes/<name>/class.yaml, kind
// ControlPlaneClass). Its folder may be an ordinary Kustomize overlay on
// ../../providers/<provider>; its stamp/ folder may be a Component of replacements
// that fill tenants' parameters in.
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
	// Parameters is an OpenAPI schema of what tenants may say in spec.parameters;
	// absent is nothing.
	Parameters *Schema `json:"parameters,omitempty"`
	// Allow bounds what tenants may say and patch; absent lets them say everything
	// and patch nothing.
	Allow *Allow `json:"allow,omitempty"`
}

// Schema is an OpenAPI v3 schema of type object whose properties are parameters.
type Schema struct {
	// Type is "object".
	Type       string               `json:"type"`
	Properties map[string]Parameter `json:"properties"`
	Required   []string             `json:"required,omitempty"`
}

// Parameter is the OpenAPI v3 schema of one parameter: the part of OpenAPI that a
// single value needs.
type Parameter struct {
	// Type is "string", "integer", "boolean" or "array" (of strings).
	Type        string `json:"type"`
	Description string `json:"description,omitempty"`
	// Default is the value of tenants that do not say another one.
	Default any   `json:"default,omitempty"`
	Enum    []any `json:"enum,omitempty"`
	// Pattern, MinLength and MaxLength bound a string, or the strings of an array.
	Pattern   string `json:"pattern,omitempty"`
	MinLength *int64 `json:"minLength,omitempty"`
	MaxLength *int64 `json:"maxLength,omitempty"`
	// Minimum and Maximum bound an integer.
	Minimum *int64 `json:"minimum,omitempty"`
	Maximum *int64 `json:"maximum,omitempty"`
	// MinItems and MaxItems bound an array.
	MinItems *int64 `json:"minItems,omitempty"`
	MaxItems *int64 `json:"maxItems,omitempty"`
}

// Allow bounds what tenants of a class may say and patch.
type Allow struct {
	// Fields of a tenant's spec that may be set: version, replicas, network,
	// parameters, access, shard, shardSelector, dataStore. Absent allows all; an
	// empty list none.
	Fields []string `json:"fields,omitempty"`
	// Versions that a tenant may choose: minors ("v1.35") or versions ("v1.35.2").
	// Absent allows all.
	Versions []string `json:"versions,omitempty"`
	// Replicas that a tenant may choose.
	Replicas *Range `json:"replicas,omitempty"`
	// Patches is what a tenant's own Kustomize files may change; absent is nothing.
	Patches []AllowedPatch `json:"patches,omitempty"`
	// Resources are kinds that a tenant's own Kustomize files may add in its
	// namespace, as <group>/<version>/<kind> (core kinds as v1/<kind>).
	Resources []string `json:"resources,omitempty"`
}

// Range is a lowest and a highest number; zero is no bound.
type Range struct {
	Min int `json:"min,omitempty"`
	Max int `json:"max,omitempty"`
}

// AllowedPatch is what of one object may be changed.
type AllowedPatch struct {
	// Kind is <group>/<version>/<kind>, core kinds v1/<kind>.
	Kind string `json:"kind"`
	// Name is the object's.
	Name string `json:"name"`
	// Fields are paths such as spec.template.spec.tolerations: these fields, and all
	// below them.
	Fields []string `json:"fields"`
}

// Network is the tenant's inside.
type Network struct {
	// ServiceCIDR and PodCIDR default to 10.96.0.0/16 and 10.244.0.0/16.
	ServiceCIDR string `json:"serviceCIDR,omitempty"`
	PodCIDR     string `json:"podCIDR,omitempty"`
	// Domain is the cluster's DNS domain; default cluster.local.
	Domain string `json:"domain,omitempty"`
}

// Tenant is one declared control plane (tenants/<team>/<name>/tenant.yaml). Its
// folder may hold a Kustomize Component of its own, as far as its class allows.
type Tenant struct {
	Metadata Metadata   `json:"metadata"`
	Spec     TenantSpec `json:"spec"`
	Source   Source     `json:"-"`
	// Files is the tenant's folder, relative path to content, tenant.yaml left out;
	// nil when there is no kustomization in it.
	Files map[string][]byte `json:"-"`
	// Tree is the content hash of Files; empty without them.
	Tree string `json:"-"`
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
	// Parameters are values for the class's parameters: strings, integers (int64),
	// booleans and lists of strings.
	Parameters map[string]any `json:"parameters,omitempty"`
	// Access says who may read the tenant's kubeconfig on its shard.
	Access Access `json:"access,omitempty"`
	// MovedFrom is the folder that this declaration was moved from
	// (tenants/<team>/<name>); it carries identity across a move.
	MovedFrom string `json:"movedFrom,omitempty"`
}

// Access lets people read a tenant's kubeconfig, and nothing else of the shard.
type Access struct {
	// Groups are names of groups as the shard's API server authenticates them.
	Groups []string `json:"groups,omitempty"`
}

// Team is the folder above the tenant's: tenants/<team>/<name>/tenant.yaml.
func (t *Tenant) Team() string { return teamOf(t.Source.Path) }

// Dir is the tenant's folder (tenants/<team>/<name>).
func (t *Tenant) Dir() string { return dirOf(t.Source.Path) }
