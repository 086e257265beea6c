package fleet

import "k8s.io/apimachinery/pkg/api/resource"

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
	Domain string `json:"domain,omitempty"`
	// Capacity bounds what is placed here.
	Capacity ShardCapacity `json:"capacity,omitempty"`
	// Cordon stops new tenants from being placed here; default false.
	Cordon bool `json:"cordon,omitempty"`
	// Providers are those that are installed here; empty is all.
	Providers []string `json:"providers,omitempty"`
	// Teams are those whose tenants alone are placed here; empty is all.
	Teams []string `json:"teams,omitempty"`
	// Taints keep tenants away whose class tolerates not all of them.
	Taints []Taint `json:"taints,omitempty"`
}

// Capacity bounds what is placed somewhere.
type Capacity struct {
	// Tenants is how many tenants there may be, removed ones that may come back
	// included; 0, the default, is no bound.
	Tenants int `json:"tenants,omitempty"`
}

// ShardCapacity bounds what is placed on a shard.
type ShardCapacity struct {
	// Tenants is how many tenants there may be, removed ones that may come back
	// included; 0, the default, is no bound.
	Tenants int `json:"tenants,omitempty"`
	// CPU is how much tenants may request in all, by what their classes render, as a
	// Kubernetes quantity ("32", "500m"); absent is no bound.
	CPU string `json:"cpu,omitempty"`
	// Memory likewise ("128Gi"); absent is no bound.
	Memory string `json:"memory,omitempty"`
}

// MilliCPU is CPU in thousandths of a core; 0 is no bound.
func (c ShardCapacity) MilliCPU() int64 {
	q, err := resource.ParseQuantity(c.CPU)
	if err != nil {
		return 0
	}
	return q.MilliValue()
}

// Bytes is Memory in bytes; 0 is no bound.
func (c ShardCapacity) Bytes() int64 {
	q, err := resource.ParseQuantity(c.Memory)
	if err != nil {
		return 0
	}
	return q.Value()
}

// Taint is Kubernetes' own, on a shard instead of a node; as a toleration it is met by a
// taint of the same key and value.
type Taint struct {
	// Key is that of a label.
	Key string `json:"key"`
	// Value is that of a label; absent is the empty one.
	Value string `json:"value,omitempty"`
	// Effect is "NoSchedule", also when it is absent: who lives there already stays.
	Effect string `json:"effect,omitempty"`
}

// Meets tells whether a toleration is for a taint.
func (t Taint) Meets(other Taint) bool { return t.Key == other.Key && t.Value == other.Value }
