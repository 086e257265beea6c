package placement

// Use is how much of a shard is taken.
type Use struct {
	Shard string `json:"shard"`
	// Tenants are those that are not purged, of Capacity; 0 is no bound.
	Tenants  int `json:"tenants"`
	Capacity int `json:"capacity,omitempty"`
	// MilliCPU and Memory, in bytes, are what they request; both are 0 where no shard of
	// the fleet bounds what is requested, and bounds of 0 are none.
	MilliCPU      int64 `json:"milliCPU,omitempty"`
	MilliCPUBound int64 `json:"milliCPUBound,omitempty"`
	Memory        int64 `json:"memory,omitempty"`
	MemoryBound   int64 `json:"memoryBound,omitempty"`
	// DataStores are those that serve it, by name.
	DataStores []StoreUse `json:"dataStores,omitempty"`
}

// StoreUse is how many tenants keep their state in a datastore, of Capacity; 0 is no bound.
type StoreUse struct {
	Name     string `json:"name"`
	Tenants  int    `json:"tenants"`
	Capacity int    `json:"capacity,omitempty"`
}

// Uses says of every shard, by name, how much of it is taken.
func (s *State) Uses() []Use {
	all := make([]Use, len(s.shards))
	for i, sh := range s.shards {
		u := Use{
			Shard: sh.name, Tenants: sh.tenants, Capacity: sh.spec.Capacity.Tenants,
			MilliCPU: sh.requested.MilliCPU, MilliCPUBound: sh.bounds.MilliCPU, Memory: sh.requested.Memory, MemoryBound: sh.bounds.Memory,
		}
		for _, ds := range sh.stores {
			u.DataStores = append(u.DataStores, StoreUse{ds.name, ds.tenants, ds.spec.Capacity.Tenants})
		}
		all[i] = u
	}
	return all
}
