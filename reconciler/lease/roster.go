package lease

import "sync"

// Roster says which of a replica's keepers hold which cluster's lease. There may be two of
// one cluster: kubeconfigs that are exchanged, or one that was copied, have two shards'
// keepers meet there. They share the replica's name, and what one gives back the other
// still acts by.
type Roster struct {
	mu sync.Mutex
	at map[*Keeper]string // the cluster
}

// NewRoster makes one for the keepers of one replica.
func NewRoster() *Roster { return &Roster{at: map[*Keeper]string{}} }

// join enters a keeper before it sends a record: from then on the lease may be its.
func (r *Roster) join(k *Keeper) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at[k] = k.cluster
}

func (r *Roster) leave(k *Keeper) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.at, k)
}

// holds tells whether any keeper may hold a cluster's lease.
func (r *Roster) holds(cluster string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, at := range r.at {
		if at == cluster {
			return true
		}
	}
	return false
}
