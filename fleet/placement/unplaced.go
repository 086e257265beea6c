package placement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Reasons why a shard does not take a tenant.
const (
	ShardInvalid  = "ShardInvalid"  // its declaration is broken: as good as cordoned
	ShardUnknown  = "ShardUnknown"  // the tenant pins a shard that is not declared
	NotSelected   = "NotSelected"   // the tenant's selector does not match
	Cordoned      = "Cordoned"      // no new tenants here
	Full          = "Full"          // as many tenants as its capacity says
	NoDataStore   = "NoDataStore"   // no datastore serves it
	DataStoreFull = "DataStoreFull" // those that serve it are full
	NoAddress     = "NoAddress"     // its pool is used up
	HostTaken     = "HostTaken"     // what runs there already has the host that it would get
	// DataStoreRefused: the tenant pins a datastore, and its provider takes none.
	DataStoreRefused = "DataStoreRefused"
)

// Rejection says why one shard does not take a tenant.
type Rejection struct {
	Shard  string
	Reason string
	// Message goes on where the shard's name ends: "it is cordoned (…)".
	Message string
}

// Unplaced says why a tenant has no place: why each shard does not take it.
type Unplaced struct {
	Tenant     string
	Rejections []Rejection
}

// Error is one sentence with every shard's reason.
func (u *Unplaced) Error() string {
	if len(u.Rejections) == 0 {
		return fmt.Sprintf("place %s: the fleet has no shards", u.Tenant)
	}
	reasons := make([]string, len(u.Rejections))
	for i, r := range u.Rejections {
		reasons[i] = fmt.Sprintf("shard %s: %s", r.Shard, r.Message)
	}
	return fmt.Sprintf("place %s: no shard takes it: %s", u.Tenant, strings.Join(reasons, "; "))
}

func (u *Unplaced) reject(shard, reason, format string, args ...any) {
	u.Rejections = append(u.Rejections, *rejection(shard, reason, format, args...))
}

func (u *Unplaced) sort() {
	slices.SortFunc(u.Rejections, func(a, b Rejection) int { return cmp.Compare(a.Shard, b.Shard) })
}

func rejection(shard, reason, format string, args ...any) *Rejection {
	return &Rejection{Shard: shard, Reason: reason, Message: fmt.Sprintf(format, args...)}
}
