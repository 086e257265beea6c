package controllers

import (
	"maps"
	"slices"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// Trouble is how an object fares.
type Trouble int

// Troubles.
const (
	// Well: it gets along.
	Well Trouble = iota
	// Stuck: it does not get ready, and goes on once it is well.
	Stuck
	// Broken: it says that it has failed. A Job stays so, as in life, until somebody
	// deletes it; everything else goes on once it is well.
	Broken
)

type trouble struct {
	which apiserver.Key
	how   Trouble
}

// Fail brings objects into trouble, or out of it. Which is a pattern: what is empty in it
// stands for anything. Of several that fit an object, the last one counts.
func (c *Controllers) Fail(which apiserver.Key, how Trouble) {
	c.troubles = slices.DeleteFunc(c.troubles, func(t trouble) bool { return t.which == which })
	c.troubles = append(c.troubles, trouble{which, how})
	for _, namespace := range slices.Sorted(maps.Keys(c.present)) {
		for _, key := range slices.SortedFunc(maps.Keys(c.present[namespace]), compareKeys) {
			if c.players[kind{key.Group, key.Kind}] != nil && fits(which, key) {
				c.soon(key)
			}
		}
	}
}

// trouble is how an object fares.
func (c *Controllers) trouble(key apiserver.Key) Trouble {
	for _, t := range slices.Backward(c.troubles) {
		if fits(t.which, key) {
			return t.how
		}
	}
	return Well
}

func fits(pattern, key apiserver.Key) bool {
	fits := func(pattern, value string) bool { return pattern == "" || pattern == value }
	return fits(pattern.Group, key.Group) && fits(pattern.Version, key.Version) && fits(pattern.Kind, key.Kind) &&
		fits(pattern.Namespace, key.Namespace) && fits(pattern.Name, key.Name)
}
