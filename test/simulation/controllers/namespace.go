package controllers

import (
	"maps"
	"slices"
	"time"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// namespace empties one that is deleted, in any order, and lets it go when nothing is left.
func (c *Controllers) namespace(key apiserver.Key, o apiserver.Object) (time.Duration, error) {
	if !deleting(o) || c.trouble(key) != Well {
		return 0, nil
	}
	var living, dying []apiserver.Key
	for _, k := range slices.SortedFunc(maps.Keys(c.present[key.Name]), compareKeys) {
		switch o := c.server.Get(k); {
		case o == nil: // its kind is gone
		case deleting(o):
			dying = append(dying, k)
		default:
			living = append(living, k)
		}
	}
	switch {
	case len(living) > 0:
		some := living[c.random.IntN(len(living))]
		return time.Duration(1+c.random.Int64N(50)) * time.Millisecond, c.remove(some)
	case len(dying) > 0:
		c.await(dying[0], key)
		return 0, nil
	}
	c.writes++
	c.server.Finalize(key.Name)
	return 0, nil
}

// owners are an object's ownerReferences.
func owners(o apiserver.Object) []any { return list(o, "metadata", "ownerReferences") }

// orphaned tells that none of an object's owners is there. While one is, its changes are
// waited for.
func (c *Controllers) orphaned(key apiserver.Key, o apiserver.Object) bool {
	refs := owners(o)
	if len(refs) == 0 || deleting(o) {
		return false
	}
	for _, ref := range refs {
		ref, _ := ref.(map[string]any)
		owner := apiserver.Key{Kind: text(ref, "kind"), Namespace: key.Namespace, Name: text(ref, "name")}
		owner.Group, owner.Version = splitVersion(text(ref, "apiVersion"))
		if have := c.server.Get(owner); have != nil && text(have, "metadata", "uid") == text(ref, "uid") {
			c.await(owner, key)
			return false
		}
	}
	return true
}
