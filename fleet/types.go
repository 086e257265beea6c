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
	KindProvider  = "Provider"
	KindApproval  = "Approval"
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
	// Providers are the fleet's own.
	Providers map[string]*Provider
	// Approvals are what people have said yes to, Approved the items of them all.
	Approvals map[string]*Approval
	Approved  map[ApprovalItem]bool

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
	// Name is the same as that of the declaration's file or folder: lower-case
	// letters, digits and '-', at most 63 characters, of tenants and datastores 40. That
	// of an Approval is made of its items.
	Name string `json:"name"`
	// Labels are Kubernetes labels; those of tenantry.io are Tenantry's own.
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
	// Deletion bounds how fast tenants may go.
	Deletion Deletion `json:"deletion,omitempty"`
}

// Deletion bounds how fast tenants may go.
type Deletion struct {
	// Retention is how long a removed tenant's data is kept; default 72h.
	// It is written as a Go duration ("72h", "90m").
	Retention time.Duration `json:"retention,omitempty"`
	// Limit and Percent are the brake: within 24 hours at most
	// max(Limit, Percent of the fleet's tenants) are removed. Limit is a number of
	// tenants; default 3.
	Limit int `json:"limit,omitempty"`
	// Percent is the brake's other half, 0 to 100; default 5.
	Percent int `json:"percent,omitempty"`
	// AllowLast lets the last tenant of a fleet be removed; default false.
	AllowLast bool `json:"allowLast,omitempty"`
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
	// Provider is the one whose control planes keep their state here: tenants of
	// classes of this provider are placed on it; default "native".
	Provider string `json:"provider,omitempty"`
	// Driver is "etcd", "PostgreSQL" or "MySQL"; a managed datastore is etcd.
	Driver string `json:"driver"`
	// Shards names the shards whose tenants may use it: exactly one so far.
	Shards []string `json:"shards"`
	// Capacity bounds how many tenants keep their state here.
	Capacity Capacity `json:"capacity,omitempty"`
	// Teams are those whose tenants alone are placed here; empty is all.
	Teams []string `json:"teams,omitempty"`
	// Managed asks Tenantry to run the datastore on its shard.
	Managed *ManagedDataStore `json:"managed,omitempty"`
	// Endpoints of a datastore that runs elsewhere, each host:port with a DNS name or
	// an IP address as host (db.example.com:5432, [fd00::1]:2379).
	Endpoints []string `json:"endpoints,omitempty"`
	// BasicAuth is how PostgreSQL and MySQL let the provider in; they need it or TLS.
	// It is not for etcd, nor for a managed datastore.
	BasicAuth *BasicAuth `json:"basicAuth,omitempty"`
	// TLS is required for an etcd that runs elsewhere; it is not for a managed datastore.
	TLS *TLS `json:"tls,omitempty"`
	// Adopt names the object by which the shard knows this datastore already.
	Adopt *AdoptDataStore `json:"adopt,omitempty"`
}

// SecretKey names one value of a Secret that exists on the shard. Nothing that
// unlocks anything is in a fleet repository; references are.
type SecretKey struct {
	// Namespace is the Secret's namespace on the shard.
	Namespace string `json:"namespace"`
	// Name is the Secret's name.
	Name string `json:"name"`
	// Key is the one of the Secret's data.
	Key string `json:"key"`
}

// BasicAuth is a user name and a password.
type BasicAuth struct {
	// Username is where the user's name is.
	Username SecretKey `json:"username"`
	// Password is where the password is.
	Password SecretKey `json:"password"`
}

// TLS says whom a datastore's clients trust, and who they are.
type TLS struct {
	// CA is the authority; etcd needs its private key too, which signs tenants' certificates.
	CA KeyPair `json:"ca"`
	// Client is the provider's own certificate with its private key; etcd needs it.
	Client *KeyPair `json:"client,omitempty"`
}

// KeyPair is a certificate and its private key.
type KeyPair struct {
	// Certificate is where the certificate is, in PEM.
	Certificate SecretKey `json:"certificate"`
	// PrivateKey is where its private key is, in PEM.
	PrivateKey *SecretKey `json:"privateKey,omitempty"`
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
	// Own is the provider when it is the fleet's own, and nil when it is not.
	Own *Provider `json:"-"`
}

// ClassSpec holds the class's choices; a tenant may override what Tenant has.
type ClassSpec struct {
	// Provider names the kind of control plane: "native", "kamaji", or a provider of
	// the fleet's own.
	Provider string `json:"provider"`
	// BaseVersion is that of the provider's base, a whole number in quotes. It takes all
	// tenants of the class there; without it they stay with the one in force, and a new
	// class begins with the newest.
	BaseVersion string `json:"baseVersion,omitempty"`
	// Version is the Kubernetes version, vMAJOR.MINOR.PATCH, of tenants that name none.
	Version string `json:"version,omitempty"`
	// Replicas of the control plane, 1 to 9; default 1.
	Replicas int `json:"replicas,omitempty"`
	// Network is the inside of tenants that say nothing else.
	Network Network `json:"network,omitempty"`
	// Tolerations let its tenants onto shards with taints: one for each taint.
	Tolerations []Taint `json:"tolerations,omitempty"`
	// Prefer is that of tenants that say none.
	Prefer []map[string]string `json:"prefer,omitempty"`
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
	Type string `json:"type"`
	// Properties are the parameters by name: letters and digits, first a lower-case
	// letter (nodePool), at most 64 of at most 63 characters each.
	Properties map[string]Parameter `json:"properties"`
	// Required are the names of parameters that every tenant says; they have no default.
	Required []string `json:"required,omitempty"`
}

// Parameter is the OpenAPI v3 schema of one parameter: the part of OpenAPI that a
// single value needs.
type Parameter struct {
	// Type is "string", "integer", "boolean" or "array" (of strings).
	Type string `json:"type"`
	// Description is for whoever writes a tenant.
	Description string `json:"description,omitempty"`
	// Default is the value of tenants that do not say another one.
	Default any `json:"default,omitempty"`
	// Enum lists all values that are allowed; of an array those of its strings.
	Enum []any `json:"enum,omitempty"`
	// Pattern is a regular expression of RE2, of at most 256 bytes, that a string, or
	// each string of an array, matches somewhere; anchor it with ^ and $.
	Pattern string `json:"pattern,omitempty"`
	// MinLength is the least number of characters of a string, or of each of an array.
	MinLength *int64 `json:"minLength,omitempty"`
	// MaxLength is the greatest number of characters of a string, or of each of an array.
	MaxLength *int64 `json:"maxLength,omitempty"`
	// Minimum is the least value of an integer.
	Minimum *int64 `json:"minimum,omitempty"`
	// Maximum is the greatest value of an integer.
	Maximum *int64 `json:"maximum,omitempty"`
	// MinItems is the least number of strings of an array.
	MinItems *int64 `json:"minItems,omitempty"`
	// MaxItems is the greatest number of strings of an array.
	MaxItems *int64 `json:"maxItems,omitempty"`
}

// Allow bounds what tenants of a class may say and patch. What the class itself says
// is within these bounds.
type Allow struct {
	// Fields of a tenant's spec that may be set: version, replicas, network,
	// parameters, access, shard, shardSelector, dataStore, prefer, spread. Absent
	// allows all; an empty list none.
	Fields []string `json:"fields,omitempty"`
	// Versions that a tenant may choose: minors ("v1.35") or versions ("v1.35.2").
	// Absent allows all.
	Versions []string `json:"versions,omitempty"`
	// Replicas that a tenant may choose; absent allows 1 to 9.
	Replicas *Range `json:"replicas,omitempty"`
	// Patches is what a tenant's own Kustomize files may change; absent is nothing.
	Patches []AllowedPatch `json:"patches,omitempty"`
	// Resources are kinds that a tenant's own Kustomize files may add in its
	// namespace, as <group>/<version>/<kind> (core kinds as v1/<kind>); absent is none.
	Resources []string `json:"resources,omitempty"`
	// Adopt lets tenants take over what runs on a shard already (spec.adopt); default
	// false. Whoever may write such a tenant may remove it with its data, too.
	Adopt bool `json:"adopt,omitempty"`
}

// Range is a lowest and a highest number, both included; at least one of them is there.
type Range struct {
	// Min is the lowest number; absent is no bound.
	Min int `json:"min,omitempty"`
	// Max is the highest number; absent is no bound.
	Max int `json:"max,omitempty"`
}

// AllowedPatch is what of one object may be changed.
type AllowedPatch struct {
	// Kind is <group>/<version>/<kind>, core kinds v1/<kind>.
	Kind string `json:"kind"`
	// Name is the object's; * is any, for an object that is named as the tenant.
	Name string `json:"name"`
	// Fields are paths such as spec.template.spec.tolerations: these fields, and all
	// below them. Of metadata there are metadata.labels and metadata.annotations only.
	Fields []string `json:"fields"`
}

// Network is the tenant's inside.
type Network struct {
	// ServiceCIDR is the network of services; default 10.96.0.0/16.
	ServiceCIDR string `json:"serviceCIDR,omitempty"`
	// PodCIDR is the network of pods; default 10.244.0.0/16.
	PodCIDR string `json:"podCIDR,omitempty"`
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
	// Tree is the SHA-256 of Files, in hex; empty without them. tenant.yaml is not in it.
	Tree string `json:"-"`
}

// TenantSpec is what a tenant asks for. Only Class is required. Empty fields
// take the class's value when rendering (see Resolve).
type TenantSpec struct {
	// Class names a folder of classes/.
	Class string `json:"class"`
	// Version is the Kubernetes version, vMAJOR.MINOR.PATCH; default the class's.
	Version string `json:"version,omitempty"`
	// Replicas of the control plane, 1 to 9; default the class's.
	Replicas int `json:"replicas,omitempty"`
	// Network is the tenant's inside; what it leaves out is the class's.
	Network Network `json:"network,omitempty"`
	// Shard pins the tenant to one shard.
	Shard string `json:"shard,omitempty"`
	// ShardSelector chooses among shards by their labels: all of these.
	ShardSelector map[string]string `json:"shardSelector,omitempty"`
	// Prefer lists labels of shards, the dearest first: where several shards take the
	// tenant, one that has all labels of the first entry goes before one that has those
	// of the second only, and both go before the others.
	Prefer []map[string]string `json:"prefer,omitempty"`
	// Spread keeps tenants of one team apart.
	Spread Spread `json:"spread,omitempty"`
	// DataStore pins the tenant to one datastore, of the class's provider.
	DataStore string `json:"dataStore,omitempty"`
	// Parameters are values for the class's parameters: strings, integers (int64),
	// booleans and lists of strings.
	Parameters map[string]any `json:"parameters,omitempty"`
	// Access says who may read the tenant's kubeconfig on its shard.
	Access Access `json:"access,omitempty"`
	// MovedFrom is the folder that this declaration was moved from
	// (tenants/<team>/<name>); it carries identity across a move.
	MovedFrom string `json:"movedFrom,omitempty"`
	// Adopt names the control plane that runs on the shard already, and becomes this
	// tenant as it is. It needs Shard, and DataStore where the provider has any; the class
	// has to allow it.
	Adopt *Adopt `json:"adopt,omitempty"`
}

// Access lets people read a tenant's kubeconfig, and nothing else of the shard.
type Access struct {
	// Groups are names of groups as the shard's API server authenticates them, at most
	// 20; those of Kubernetes itself (system:…) are not for this.
	Groups []string `json:"groups,omitempty"`
}

// Spread keeps tenants of one team that name the same group on different shards.
type Spread struct {
	// Group is a name of the team's choice; other teams' groups are others.
	Group string `json:"group"`
	// MaxPerShard is how many of the group there may be on a shard for this tenant to be
	// placed there, itself included; default 1.
	MaxPerShard int `json:"maxPerShard,omitempty"`
}

// Team is the folder above the tenant's: tenants/<team>/<name>/tenant.yaml.
func (t *Tenant) Team() string { return teamOf(t.Source.Path) }

// Dir is the tenant's folder (tenants/<team>/<name>).
func (t *Tenant) Dir() string { return dirOf(t.Source.Path) }
