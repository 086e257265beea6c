package core

import (
	"encoding/json"
	"fmt"

	"github.com/tenantry/tenantry/render"
)

// held is what a shard holds of one owner: some twenty objects at most, so that a
// list is smaller than a map, and as fast.
type held []*Object

// at gives an object, or nil.
func (h held) at(id render.ObjectID) *Object {
	for _, o := range h {
		if o.ID.Name == id.Name && o.ID == id {
			return o
		}
	}
	return nil
}

// store keeps an object as little as it can be kept: a fleet of ten thousand tenants
// has hundreds of thousands. Its texts are those that are known already, and contents,
// which are looked at when something has changed, are packed when the Step ends.
func (c *Core) store(s *shardState, o *Object) {
	k := *o
	k.own, k.Self = o.Owned(), ""
	if o.Content != nil {
		c.unpacked = append(c.unpacked, &k)
	}
	if owner := c.owners[o.OwnerUID]; owner != nil {
		owner.seen++
		share(&k.OwnerUID, owner.owner.UID)
		if owner.wanted != nil {
			for _, w := range owner.wanted.objects {
				shareID(&k.ID, w.id)
				if w.id == k.ID {
					share(&k.Digest, w.digest)
				}
			}
		}
	}
	for i, old := range s.objects[k.OwnerUID] {
		if old.ID == k.ID {
			shareID(&k.ID, old.ID)
			share(&k.UID, old.UID)
			s.objects[k.OwnerUID][i] = &k
			return
		}
	}
	s.objects[k.OwnerUID] = append(s.objects[k.OwnerUID], &k)
}

// packAll packs what was observed and has been judged. While an owner is being worked
// on it is not judged, and more is to come.
func (c *Core) packAll() {
	var later []*Object
	for _, o := range c.unpacked {
		if owner := c.owners[o.OwnerUID]; owner != nil && owner.busy {
			later = append(later, o)
			continue
		}
		data, err := json.Marshal(o.Content)
		if err != nil {
			panic(fmt.Sprintf("encode %s: %v", o.ID, err)) // it came as JSON
		}
		o.packed, o.Content = c.packer.pack(data), nil
	}
	c.unpacked = later
}

// forget drops an object that is gone.
func (c *Core) forget(s *shardState, g Gone) {
	if owner := c.owners[g.OwnerUID]; owner != nil {
		owner.seen++
	}
	var rest held
	for _, o := range s.objects[g.OwnerUID] {
		if o.ID != g.ID {
			rest = append(rest, o)
		}
	}
	if s.objects[g.OwnerUID] = rest; len(rest) == 0 {
		delete(s.objects, g.OwnerUID)
	}
}

// share makes one text of two that are equal.
func share(text *string, known string) {
	if *text == known {
		*text = known
	}
}

func shareID(id *render.ObjectID, known render.ObjectID) {
	share(&id.Group, known.Group)
	share(&id.Version, known.Version)
	share(&id.Kind, known.Kind)
	share(&id.Namespace, known.Namespace)
	share(&id.Name, known.Name)
}

// body gives the content; nil when there is none.
func (c *Core) body(o *Object) map[string]any {
	if o.packed == nil {
		return o.Content
	}
	return c.packer.unpack(o.ID, o.packed)
}
