package git

import "sync"

// objectCache keeps decoded trees and the parents of commits. Two generations
// stand in for a list of the least recently used: when the young one is full, it
// becomes the old one, and what is not asked for again goes with that.
type objectCache struct {
	mu      sync.Mutex
	folders generations[[]entry]
	parents generations[[]Hash]
}

// A fleet of 10,000 tenants has some 10,600 trees; commits are small.
const (
	maxFolders = 16 << 10
	maxParents = 128 << 10
)

type generations[T any] struct{ young, old map[Hash]T }

func (g *generations[T]) get(h Hash, limit int) (T, bool) {
	if v, found := g.young[h]; found {
		return v, true
	}
	v, found := g.old[h]
	if found {
		g.put(h, v, limit)
	}
	return v, found
}

func (g *generations[T]) put(h Hash, v T, limit int) {
	if g.young == nil || len(g.young) >= limit {
		g.young, g.old = map[Hash]T{}, g.young
	}
	g.young[h] = v
}

func (c *objectCache) folder(h Hash) ([]entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.folders.get(h, maxFolders)
}

func (c *objectCache) keepFolder(h Hash, entries []entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.folders.put(h, entries, maxFolders)
}

func (c *objectCache) parentsOf(h Hash) ([]Hash, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parents.get(h, maxParents)
}

func (c *objectCache) keepParents(h Hash, parents []Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parents.put(h, parents, maxParents)
}
