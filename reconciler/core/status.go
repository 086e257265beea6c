package core

import "time"

// TenantStatus is the file status/<shard>/<hh>/<tenant>.yaml (or
// status/_unplaced/<tenant>.yaml) on the status branch: what is observed of a tenant.
type TenantStatus struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"` // TenantStatus
	Name       string `json:"name"`
	// UID is empty until the tenant is placed.
	UID string `json:"uid,omitempty"`
	// Source is the declaration's folder (tenants/<team>/<name>).
	Source    string `json:"source"`
	Class     string `json:"class,omitempty"`
	Provider  string `json:"provider,omitempty"`
	Shard     string `json:"shard,omitempty"`
	DataStore string `json:"dataStore,omitempty"`
	Phase     Phase  `json:"phase"`
	// Version is the observed Kubernetes version.
	Version string `json:"version,omitempty"`
	// Endpoint is the API server's URL.
	Endpoint   string         `json:"endpoint,omitempty"`
	Kubeconfig *KubeconfigRef `json:"kubeconfig,omitempty"`
	// Digest is the input digest: of the unit that was last applied in full.
	Digest string `json:"digest,omitempty"`
	Epoch  int64  `json:"epoch,omitempty"`
	// PurgeAfter is when a removed tenant's data goes.
	PurgeAfter *time.Time  `json:"purgeAfter,omitempty"`
	Conditions []Condition `json:"conditions"`
}

// Why is the condition that says best why a tenant is not simply ready; zero when
// it is.
func (s *TenantStatus) Why() Condition {
	kinds := []string{"Held", "Placed", "Applied", "Ready"}
	if s.Phase == Removed || s.Phase == Purging {
		kinds = []string{"Ready"} // whatever else is the matter with what is going away
	}
	for _, kind := range kinds {
		for _, c := range s.Conditions {
			if c.Type == kind && (c.Status != "True") != (kind == "Held") {
				return c
			}
		}
	}
	return Condition{}
}

// KubeconfigRef says where a tenant's kubeconfig is. It is never the kubeconfig.
type KubeconfigRef struct {
	Shard     string `json:"shard"`
	Namespace string `json:"namespace"`
	Secret    string `json:"secret"`
	Key       string `json:"key"`
	// Fingerprint is the SHA-256, in hex, of the client certificate's public key.
	Fingerprint string    `json:"fingerprint"`
	NotAfter    time.Time `json:"notAfter"`
}

// Condition follows Kubernetes' conventions.
type Condition struct {
	Type    string `json:"type"`   // Ready, Placed, Applied, Held
	Status  string `json:"status"` // True, False, Unknown
	Reason  string `json:"reason"`
	Message string `json:"message,omitempty"`
	// LastTransitionTime is when Status last changed (UTC, seconds).
	LastTransitionTime time.Time `json:"lastTransitionTime"`
}

// Phase is the one word that sums the conditions up.
type Phase string

// Phases.
const (
	Pending      Phase = "Pending"      // not placed yet, or waiting for its datastore
	Provisioning Phase = "Provisioning" // being made, or changing
	Ready        Phase = "Ready"        // its API answers
	Failed       Phase = "Failed"       // somebody has to look
	Held         Phase = "Held"         // we can't tell what is wanted; it keeps what it has
	Unknown      Phase = "Unknown"      // its shard cannot be reached
	Removed      Phase = "Removed"      // tombstoned: stopped, its data kept until purgeAfter
	Purging      Phase = "Purging"      // being torn down
)

// ShardStatus is the file status/<shard>/_shard.yaml.
type ShardStatus struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"` // ShardStatus
	Name       string `json:"name"`
	Identity   string `json:"identity,omitempty"`
	// Commit is the declared commit that everything on the shard has been brought to.
	Commit     string            `json:"commit,omitempty"`
	Tenants    int               `json:"tenants"`
	DataStores []DataStoreStatus `json:"dataStores,omitempty"`
	Conditions []Condition       `json:"conditions"`
}

// DataStoreStatus is what is observed of a datastore.
type DataStoreStatus struct {
	Name       string         `json:"name"`
	Tenants    int            `json:"tenants"`
	Secrets    []SecretStatus `json:"secrets,omitempty"`
	Conditions []Condition    `json:"conditions"`
}

// SecretStatus is what may be told of a Secret that a datastore refers to.
type SecretStatus struct {
	// Name is namespace/name.
	Name string `json:"name"`
	// Written is when its data was last written, as its shard says (UTC); absent while
	// it is not there, or cannot be looked at.
	Written *time.Time `json:"written,omitempty"`
}
