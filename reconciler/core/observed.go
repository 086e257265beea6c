package core

import (
	"encoding/json"
	"fmt"

	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/tenantry/tenantry/render"
)

// store keeps an object as little as it can be kept: a fleet of ten thousand tenants
// has hundreds of thousands. What is as it is wanted shares its texts with that, and
// contents, which are looked at when something has changed, are kept encoded.
func (c *Core) store(s *shardState, o *Object) {
	k := *o
	k.own, k.Self = o.Owned(), ""
	if o.Content != nil {
		data, err := json.Marshal(o.Content)
		if err != nil {
			panic(fmt.Sprintf("encode %s: %v", o.ID, err)) // it came as JSON
		}
		k.content, k.Content = data, nil
	}
	if owner := c.owners[o.OwnerUID]; owner != nil {
		k.OwnerUID = owner.owner.UID
		owner.seen++
		if owner.wanted != nil {
			for _, w := range owner.wanted.objects {
				if w.id != o.ID {
					continue
				}
				if k.ID = w.id; w.digest == o.Digest {
					k.Digest = w.digest
				}
			}
		}
	}
	byID := s.objects[k.OwnerUID]
	if byID == nil {
		byID = map[render.ObjectID]*Object{}
		s.objects[k.OwnerUID] = byID
	}
	if old := byID[k.ID]; old != nil { // the map keeps its old key
		k.ID, k.UID = old.ID, sameText(k.UID, old.UID)
	}
	byID[k.ID] = &k
}

// sameText gives the old one of two equal texts.
func sameText(text, old string) string {
	if text == old {
		return old
	}
	return text
}

// body decodes the content; nil when there is none.
func (o *Object) body() map[string]any {
	if o.content == nil {
		return o.Content
	}
	var content map[string]any
	if err := utiljson.Unmarshal(o.content, &content); err != nil {
		panic(fmt.Sprintf("decode %s: %v", o.ID, err)) // it was encoded by store
	}
	return content
}
