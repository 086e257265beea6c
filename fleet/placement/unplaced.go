package placement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Reasons why a shard does not take a tenant.
const (
	ShardInvalid    = "ShardInvalid"    // its declaration is broken: as good as cordoned
	ShardUnknown    = "ShardUnknown"    // the tenant pins a shard that is not declared
	NotSelected     = "NotSelected"     // the tenant's selector does not match
	Cordoned        = "Cordoned"        // no new tenants here
	ProviderMissing = "ProviderMissing" // the class's provider is not installed there
	Dedicated       = "Dedicated"       // it is for other teams
	Tainted         = "Tainted"         // it has a taint that the class does not tolerate
	GroupThere      = "GroupThere"      // the tenant's group is there already
	Full            = "Full"            // as many tenants as its capacity says
	CPUFull         = "CPUFull"         // as much CPU is requested as its capacity says
	MemoryFull      = "MemoryFull"      // as much memory
	NoDataStore     = "NoDataStore"     // no datastore serves it
	DataStoreFull   = "DataStoreFull"   // those that serve it are full
	NoAddress       = "NoAddress"       // its pool is used up
	HostTaken       = "HostTaken"       // what runs there already has the host that it would get
	// DataStoreRefused: the tenant pins a datastore, and its provider takes none.
	DataStoreRefused = "DataStoreRefused"
)

// nearest are the reasons by what it takes to mend them, the smallest first.
var nearest = []string{
	ShardInvalid, Cordoned, DataStoreRefused, DataStoreFull, Full, CPUFull, MemoryFull, NoAddress, HostTaken, GroupThere,
	NoDataStore, Tainted, Dedicated, NotSelected, ProviderMissing, ShardUnknown,
}

// Rejection says why one shard does not take a tenant.
type Rejection struct {
	Shard  string
	Reason string
	// Message goes on where the shard's name ends: "it is cordoned (…)".
	Message string
	// Fix is what would have to change.
	Fix string
}

// Unplaced says why a tenant has no place: why each shard does not take it.
type Unplaced struct {
	Tenant     string
	Rejections []Rejection // by shard
}

// Error is one sentence with every shard's reason and the nearest fix.
func (u *Unplaced) Error() string {
	if len(u.Rejections) == 0 {
		return fmt.Sprintf("place %s: the fleet has no shards; the nearest fix: %s", u.Tenant, u.Fix())
	}
	reasons := make([]string, len(u.Rejections))
	for i, r := range u.Rejections {
		reasons[i] = fmt.Sprintf("shard %s: %s", r.Shard, r.Message)
	}
	return fmt.Sprintf("place %s: no shard takes it: %s; the nearest fix: %s", u.Tenant, strings.Join(reasons, "; "), u.Fix())
}

// Fix is what would have to change least.
func (u *Unplaced) Fix() string {
	if len(u.Rejections) == 0 {
		return "declare a shard in shards/"
	}
	return slices.MinFunc(u.Rejections, func(a, b Rejection) int {
		return cmp.Or(slices.Index(nearest, a.Reason)-slices.Index(nearest, b.Reason), cmp.Compare(a.Shard, b.Shard))
	}).Fix
}
