package ledger

import (
	"fmt"
	"maps"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
)

// entry is what the four kinds have in common.
type entry interface {
	*Tenant | *DataStore | *Class | *Shard
	kind() string
	path() string
	// trees are the declared trees that the entry needs.
	trees() []string
	// valid says what no entry may be.
	valid() error
}

func (t *Tenant) kind() string    { return KindTenant }
func (d *DataStore) kind() string { return KindDataStore }
func (c *Class) kind() string     { return KindClass }
func (s *Shard) kind() string     { return KindShard }

func (t *Tenant) path() string    { return TenantPath(t.Name) }
func (d *DataStore) path() string { return DataStorePath(d.Name) }
func (c *Class) path() string     { return ClassPath(c.Name) }
func (s *Shard) path() string     { return ShardPath(s.Name) }

func (t *Tenant) trees() []string {
	var out []string
	if t.Held != nil {
		out = append(out, t.Held.Tree)
	}
	// A purged tenant's tree is of no use: its declaration stands in the tombstone.
	if t.Tombstone != nil && t.Tombstone.Tree != "" && t.Lifecycle != Purged {
		out = append(out, t.Tombstone.Tree)
	}
	return out
}

func (d *DataStore) trees() []string {
	if d.Held == nil {
		return nil
	}
	return []string{d.Held.Tree}
}

func (c *Class) trees() []string {
	if c.ProviderTree == "" {
		return []string{c.Tree}
	}
	return []string{c.Tree, c.ProviderTree}
}

func (s *Shard) trees() []string { return nil }

var (
	nameForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
	// tokenForm is what uids and Git's hashes are made of; both become parts of
	// paths and labels.
	tokenForm = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z-]{0,62}[0-9A-Za-z])?$`)
	wordForm  = regexp.MustCompile(`^[A-Z][A-Za-z]*$`)
)

// rules collects the first rule that an entry breaks.
type rules struct{ err error }

func (r *rules) require(ok bool, format string, args ...any) {
	if !ok && r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *rules) form(form *regexp.Regexp, field, value string) {
	r.require(form.MatchString(value), "%s: %q has not the form %s", field, value, form)
}

func (r *rules) source(value string) {
	r.require(value != "" && path.Clean(value) == value && !strings.HasPrefix(value, "/") && !strings.HasPrefix(value, ".."),
		"source: %q is not a path in the repository", value)
}

func (r *rules) adopted(name string, objects map[string]string) {
	r.require(name != "", "adopted.name: is missing")
	for _, object := range slices.Sorted(maps.Keys(objects)) {
		r.require(strings.Contains(object, "/"), "adopted.objects: %q names no object", object)
		r.form(tokenForm, "adopted.objects["+object+"]", objects[object])
	}
}

func (r *rules) held(h *Held) {
	if h != nil {
		r.form(tokenForm, "held.commit", h.Commit)
		r.form(tokenForm, "held.tree", h.Tree)
		r.form(wordForm, "held.reason", h.Reason)
	}
}

func (t *Tenant) valid() error {
	var r rules
	r.form(nameForm, "name", t.Name)
	r.form(tokenForm, "uid", t.UID)
	r.source(t.Source)
	r.form(nameForm, "provider", t.Provider)
	r.form(nameForm, "placement.shard", t.Placement.Shard)
	if t.Placement.DataStore != "" {
		r.form(nameForm, "placement.dataStore", t.Placement.DataStore)
	}
	r.require((t.Placement.Address == "") != (t.Placement.Host == ""), "placement: has not exactly one of address and host")
	if t.Placement.Address != "" {
		_, err := netip.ParseAddr(t.Placement.Address)
		r.require(err == nil, "placement.address: %q is not an IP address", t.Placement.Address)
	} else {
		r.form(nameForm, "placement.host", t.Placement.Host)
	}
	if a := t.Adopted; a != nil {
		r.require(a.Namespace != "", "adopted.namespace: is missing")
		r.adopted(a.Name, a.Objects)
	}
	r.require(t.Epoch >= 1, "epoch: %d is less than 1", t.Epoch)
	r.require(slices.Contains([]Lifecycle{Living, Tombstoned, Purging, Purged}, t.Lifecycle), "lifecycle: %q is not known", t.Lifecycle)
	r.held(t.Held)
	r.require((t.Tombstone != nil) == (t.Lifecycle != Living), "tombstone: does not fit lifecycle %s", t.Lifecycle)
	r.require(t.Held == nil || t.Lifecycle == Living, "held: does not fit lifecycle %s", t.Lifecycle)
	if s := t.Tombstone; s != nil {
		r.require(!s.Since.IsZero() && !s.PurgeAfter.Before(s.Since), "tombstone.purgeAfter: is before since")
		r.form(tokenForm, "tombstone.commit", s.Commit)
		r.require(s.Declaration != "", "tombstone.declaration: is missing")
		if s.Tree != "" {
			r.form(tokenForm, "tombstone.tree", s.Tree)
		}
		r.require((s.PurgedAt != nil) == (t.Lifecycle == Purged), "tombstone.purgedAt: does not fit lifecycle %s", t.Lifecycle)
	}
	return r.err
}

func (d *DataStore) valid() error {
	var r rules
	r.form(nameForm, "name", d.Name)
	r.form(tokenForm, "uid", d.UID)
	r.source(d.Source)
	r.form(nameForm, "provider", d.Provider)
	r.require(d.BaseVersion != "", "baseVersion: is missing")
	r.form(nameForm, "shard", d.Shard)
	if a := d.Adopted; a != nil {
		r.adopted(a.Name, a.Objects)
	}
	r.require(d.Epoch >= 1, "epoch: %d is less than 1", d.Epoch)
	r.held(d.Held)
	return r.err
}

func (c *Class) valid() error {
	var r rules
	r.form(nameForm, "name", c.Name)
	r.form(nameForm, "provider", c.Provider)
	r.require(c.BaseVersion != "", "baseVersion: is missing")
	r.form(tokenForm, "commit", c.Commit)
	r.form(tokenForm, "tree", c.Tree)
	if c.ProviderTree != "" {
		r.form(tokenForm, "providerTree", c.ProviderTree)
	}
	return r.err
}

func (s *Shard) valid() error {
	var r rules
	r.form(nameForm, "name", s.Name)
	r.form(tokenForm, "identity", s.Identity)
	r.require(slices.IsSorted(s.Kinds), "kinds: are not sorted")
	return r.err
}
