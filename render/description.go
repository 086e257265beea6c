package render

import "github.com/tenantry/tenantry/fleet"

// Capabilities are what a provider's control planes can live through.
type Capabilities struct {
	// Sleep is true when a control plane may be scaled to nothing and back.
	Sleep bool `json:"sleep,omitempty"`
	// DataStoreChange is true when a living control plane may come to another datastore.
	DataStoreChange bool `json:"dataStoreChange,omitempty"`
	// VersionChange says how a living control plane may come to another version of
	// Kubernetes; absent when it may not.
	VersionChange *VersionChange `json:"versionChange,omitempty"`
	// Reasons say why a capability is lacking, by its name, for who asks for it.
	Reasons map[string]string `json:"reasons,omitempty"`
}

// VersionChange is by how much a version may change at once.
type VersionChange struct {
	// Minors is how many minor versions may be gone up at once.
	Minors int `json:"minors,omitempty"`
	// Downgrade is true when a version may fall.
	Downgrade bool `json:"downgrade,omitempty"`
}

// Description is what a provider.yaml says: how the objects of a provider are read, and what
// may be rendered.
type Description struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   fleet.Metadata `json:"metadata"`
	// BaseVersion is a whole number. Whatever changes what is rendered is a new version.
	BaseVersion  string       `json:"baseVersion"`
	Capabilities Capabilities `json:"capabilities,omitempty"`
	// Tenant, Teardown and DataStore are the units that the provider renders: a tenant, what
	// takes a removed tenant's data away, and a datastore.
	Tenant    *section `json:"tenant"`
	Teardown  *section `json:"teardown,omitempty"`
	DataStore *section `json:"dataStore,omitempty"`
}

// The parts of a description. Fields that hold a CEL program have type expression. What is
// said of fields here, docs/schemas tells to who writes a provider.
type (
	section struct {
		// Kinds may be rendered, by the base and by classes.
		Kinds []kind `json:"kinds"`
		// Stateful kinds bear state: they are never removed from a living owner, even if
		// nothing renders them any more.
		Stateful []kind `json:"stateful,omitempty"`
		// External tells that the section describes datastores that run elsewhere.
		External bool `json:"external,omitempty"`
		// Grants say what the base alone may put outside of the unit's namespace.
		Grants []grant `json:"grants,omitempty"`
		// Require says what rendered objects have to keep.
		Require []demand `json:"require,omitempty"`
		// Health is judged in this order; the first rule that is not current speaks.
		Health []rule `json:"health"`
		// Outputs are facts that are read from objects.
		Outputs []output `json:"outputs,omitempty"`
		// Kubeconfig says where the tenant's admin kubeconfig is.
		Kubeconfig *secretKey `json:"kubeconfig,omitempty"`
		// Derive says which kubeconfigs are made on the shard, of certificates.
		Derive []derivation `json:"derive,omitempty"`
		// Footprint says what objects cost that are no workloads themselves.
		Footprint []workload `json:"footprint,omitempty"`
		// Import says how what runs already is declared.
		Import *importing `json:"import,omitempty"`
	}
	workload struct {
		Kind kind `json:"kind"`
		// Replicas is the path of how many pods there are; Resources are the paths of
		// what each of a pod's containers requests.
		Replicas  string   `json:"replicas"`
		Resources []string `json:"resources"`
	}
	grant struct {
		Kind kind `json:"kind"`
		// Namespace is CEL over tenant; absent for cluster-scoped kinds.
		Namespace expression `json:"namespace,omitempty"`
	}
	rule struct {
		Kind kind `json:"kind"`
		// Name is the object's; a trailing * stands for anything.
		Name string `json:"name"`
		// Reason is a CamelCase word; Message is CEL over object. ReasonFor is CEL over
		// object, too: a word that is more exact than Reason, when there is an object.
		Reason    string     `json:"reason"`
		ReasonFor expression `json:"reasonFor,omitempty"`
		Message   expression `json:"message"`
		// Current, Failed and Asleep are CEL over object; Failed wins.
		Current expression `json:"current"`
		Failed  expression `json:"failed,omitempty"`
		Asleep  expression `json:"asleep,omitempty"`
		// InProgress overrides Failed, for trouble that is known to pass.
		InProgress expression `json:"inProgress,omitempty"`
		// Remark is of objects that a unit may have and works without: what is wrong with
		// them is told, and the unit is current all the same.
		Remark bool `json:"remark,omitempty"`
	}
	output struct {
		// Name is version, endpoint, or what kubeconfig.revision names.
		Name string `json:"name"`
		Kind kind   `json:"kind"`
		// Object is its name; a trailing * stands for anything. Value is CEL over object that
		// gives a text, empty while there is none.
		Object string     `json:"object"`
		Value  expression `json:"value"`
	}
	secretKey struct {
		// Secret is CEL over tenant: the Secret's name. Key is the one of its data.
		Secret expression `json:"secret"`
		Key    string     `json:"key"`
		// Revision names an output that changes whenever the kubeconfig does. It is there
		// when somebody else makes the Secret: it carries no label of ours then, so no
		// watch sees it, and it is looked at once for each revision.
		Revision string `json:"revision,omitempty"`
	}
	derivation struct {
		// Secret is CEL over tenant: the name of the Secret that is made. Key is the one of
		// its data.
		Secret expression `json:"secret"`
		Key    string     `json:"key"`
		// Certificate is CEL over tenant: the Secret that the credentials come from.
		Certificate expression `json:"certificate"`
		// Server, Cluster and User are CEL over tenant: what the kubeconfig says.
		Server  expression `json:"server"`
		Cluster expression `json:"cluster"`
		User    expression `json:"user"`
	}
)
