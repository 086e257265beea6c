package render

import (
	"fmt"
	"path"
)

// OwnerKind says what kind of declaration a Unit belongs to.
type OwnerKind string

// Owner kinds.
const (
	OwnerTenant    OwnerKind = "tenant"
	OwnerDataStore OwnerKind = "datastore"
)

// Owner is whom objects belong to. UID is the identity; Name is for people.
type Owner struct {
	Kind OwnerKind
	Name string
	UID  string
}

func (o Owner) String() string { return fmt.Sprintf("%s %s", o.Kind, o.Name) }

// ObjectID names an object on a shard. Version is the one that is written and watched.
type ObjectID struct {
	Group, Version, Kind, Namespace, Name string
}

// String is the object's own name as it stands in the annotation
// tenantry.io/object: Deployment.apps/tenant-acme/control-plane, and
// Namespace/tenant-acme for cluster-scoped kinds.
func (id ObjectID) String() string {
	dot, slash := "", ""
	if id.Group != "" {
		dot = "."
	}
	if id.Namespace != "" {
		slash = "/"
	}
	return id.Kind + dot + id.Group + slash + id.Namespace + "/" + id.Name
}

// KindName writes the kind as the ledger does: <group>/<version>/<kind>, and
// <version>/<kind> in the core group.
func (id ObjectID) KindName() string { return path.Join(id.Group, id.Version, id.Kind) }

// Ownership on objects. Copied labels prove nothing: an object is ours when the
// label carries the owner's uid, the annotation names the object itself, and
// managedFields has our entry.
const (
	// FieldManager is our name in server-side apply.
	FieldManager = "tenantry"
	// LabelUID carries the owner's uid; every labelled watch selects on it.
	LabelUID = "tenantry.io/uid"
	// LabelTenant and LabelDataStore carry the owner's name, for people.
	LabelTenant    = "tenantry.io/tenant"
	LabelDataStore = "tenantry.io/datastore"
	// LabelManagedBy is Kubernetes' own label; its value is FieldManager.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// AnnotationObject carries the object's own name (ObjectID.String).
	AnnotationObject = "tenantry.io/object"
	// AnnotationDigest carries the digest of the object as rendered (Object.Digest).
	AnnotationDigest = "tenantry.io/digest"
	// AnnotationEpoch carries the epoch of the last write; it is outside of the digest
	// and is added by whoever writes.
	AnnotationEpoch = "tenantry.io/epoch"
	// AnnotationFields carries a hash of the fields that the last write made ours; it is
	// outside of the digest and is added by whoever writes.
	AnnotationFields = "tenantry.io/fields"
)

// Object is one rendered object, with ownership (all but the epoch) on it.
type Object struct {
	ID ObjectID
	// Digest is 32 hex digits over the object's canonical JSON, ownership annotations excluded.
	Digest string
	// JSON is the object in canonical form, ready to be applied once the epoch is added.
	JSON []byte
	// Adopts is the uid of the live object that is taken over as this one; empty for all
	// others, and once that is done.
	Adopts string
}

// Unit is what is applied, pruned and judged together. It never changes.
type Unit struct {
	Owner Owner
	// Objects in the order in which they are applied.
	Objects []Object
	// Digest covers all objects' ids and digests.
	Digest string
	// Provider knows how to judge it.
	Provider *Provider
	// Derived are the objects that cannot be rendered, made on the shard from others.
	Derived []Derived
	// Endpoint is the URL of a tenant's API server, as it was placed; empty otherwise.
	Endpoint string
	// Kubeconfig says where the tenant's admin kubeconfig will be; nil for units
	// that have none.
	Kubeconfig *SecretKey
	// References are what a datastore needs of Secrets that others put on the shard.
	References []Reference
}

// SecretKey names one value of a Secret.
type SecretKey struct {
	Namespace, Name, Key string
}

// Derived is an object that a shard's edge makes from objects that are on the
// shard: the kubeconfig Secret, from an issued certificate. It belongs to the
// unit and is pruned with it.
type Derived struct {
	// ID of the Secret that is made; Key is its data key.
	ID  ObjectID
	Key string
	// Certificate is the kubernetes.io/tls Secret (tls.crt, tls.key, ca.crt) that
	// the credentials are taken from.
	Certificate ObjectID
	// Server is the API server's URL; Cluster and User are names in the kubeconfig.
	Server, Cluster, User string
}
