package fleet

import (
	"fmt"
	"maps"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/tenantry/tenantry/fleet/strict"
)

// known is what other declarations may name: everything that is declared, with
// nil for what is broken. To name a broken thing is no fault of its own: who
// names it is held through it.
type known struct {
	stores  map[string]*DataStore
	classes map[string]*Class
	refs    map[Ref]bool
	// names are the names of each kind, sorted.
	names map[string][]string
	// patterns are those of each class's parameters, by parameter.
	patterns map[string]map[string]*regexp.Regexp
}

// index collects what is declared, and may be named. Nothing names a tenant.
func (l *loader) index() known {
	k := known{refs: map[Ref]bool{}, names: map[string][]string{}}
	for _, e := range l.entries {
		if e.ref.Kind != KindTenant && !k.refs[e.ref] {
			k.refs[e.ref] = true
			k.names[e.ref.Kind] = append(k.names[e.ref.Kind], e.ref.Name)
		}
	}
	for _, names := range k.names {
		slices.Sort(names)
	}
	return k
}

// add collects what is sound so far of what tenants name.
func (k *known) add(l *loader) {
	k.stores, k.classes, k.patterns = map[string]*DataStore{}, map[string]*Class{}, map[string]map[string]*regexp.Regexp{}
	each(l, func(e *entry, d *DataStore) {
		if e.message == "" {
			k.stores[e.ref.Name] = d
		}
	})
	each(l, func(e *entry, c *Class) {
		if e.message == "" {
			k.classes[e.ref.Name] = c
			k.patterns[e.ref.Name] = patterns(c.Spec.Parameters)
		}
	})
}

// reference reports a name that nothing declares.
func (c check) reference(at *field.Path, kind, name string, k known) {
	if name == "" || k.refs[Ref{kind, name}] {
		return
	}
	names := k.names[kind]
	hint := fmt.Sprintf("the fleet declares no %s", lowerKind(kind))
	if best := strict.Nearest(name, names); best != "" {
		hint = fmt.Sprintf("did you mean %s?", best)
	} else if len(names) > 0 {
		hint = fmt.Sprintf("declared: %s", strings.Join(names[:min(len(names), 10)], ", "))
	}
	c.add(field.NotFound(at, name), hint)
}

// tenant checks what a tenant says without looking at others.
func (c check) tenant(t *Tenant) {
	s := t.Spec
	if s.Class == "" {
		c.add(field.Required(specPath.Child("class"), ""), "name a folder of classes/")
	}
	c.version(s.Version)
	c.replicas(s.Replicas)
	selector := specPath.Child("shardSelector")
	if s.Shard != "" && len(s.ShardSelector) > 0 {
		c.add(field.Forbidden(selector, "spec.shard names the shard already"), "remove one of them")
	}
	for _, key := range slices.Sorted(maps.Keys(s.ShardSelector)) {
		c.label(selector, key, s.ShardSelector[key])
	}
	c.prefer(s.Prefer)
	c.spread(s.Spread)
	c.network(s.Network)
	c.groups(s.Access.Groups)
	if s.MovedFrom != "" {
		c.movedFrom(t)
	}
	c.adopt(s)
}

// Bounds of the groups that may read a tenant's kubeconfig.
const (
	maxGroups    = 20
	maxGroupName = 253
)

func (c check) groups(groups []string) {
	at := specPath.Child("access", "groups")
	if len(groups) > maxGroups {
		c.add(field.TooMany(at, len(groups), maxGroups), "make a group of them where people are kept")
	}
	for i, g := range groups {
		switch {
		case g == "":
		case slices.Contains(groups[:i], g):
			c.add(field.Duplicate(at.Index(i), g), "")
		case strings.HasPrefix(g, "system:"):
			c.add(field.Invalid(at.Index(i), g, "is one of Kubernetes' own"), "system:authenticated, say, would let everybody in: name a group of people")
		case len(g) > maxGroupName:
			c.add(field.TooLong(at.Index(i), "", maxGroupName), "")
		case strings.TrimSpace(g) != g || printable(g) != g:
			c.add(field.Invalid(at.Index(i), g, "has characters that cannot be seen"), "")
		}
	}
}

func (c check) movedFrom(t *Tenant) {
	at, from := specPath.Child("movedFrom"), t.Spec.MovedFrom
	parts := strings.Split(from, "/")
	switch {
	case path.Clean(from) != from || len(parts) != 3 || parts[0] != tenantFolder:
		c.add(field.Invalid(at, from, "want the old folder, tenants/<team>/<name>"), "")
	case from == t.Dir():
		c.add(field.Invalid(at, from, "is where the tenant stands"), "")
	case parts[2] != path.Base(t.Dir()):
		c.add(field.Invalid(at, from, "a move keeps the tenant's name"), "a tenant of another name is another tenant")
	}
}

// Paths that thousands of tenants are asked for.
var (
	classPath = specPath.Child("class")
	shardPath = specPath.Child("shard")
	storePath = specPath.Child("dataStore")
)

// tenantReferences checks a tenant against what it names. All tenants are looked at
// whenever anything has changed, so it costs next to nothing while all is well.
func (c check) tenantReferences(t *Tenant, k known) {
	s := &t.Spec
	c.reference(classPath, KindClass, s.Class, k)
	c.reference(shardPath, KindShard, s.Shard, k)
	c.reference(storePath, KindDataStore, s.DataStore, k)
	class, store := k.classes[s.Class], k.stores[s.DataStore]
	if store != nil && s.Shard != "" && !slices.Contains(store.Spec.Shards, s.Shard) {
		c.add(field.Invalid(storePath, s.DataStore, fmt.Sprintf("does not serve shard %s", s.Shard)),
			"it serves "+strings.Join(store.Spec.Shards, ", "))
	}
	if class == nil {
		c.networks(s.Network, s.Network)
		return
	}
	if store != nil && store.Spec.Provider != class.Spec.Provider {
		c.add(field.Invalid(storePath, s.DataStore, fmt.Sprintf("is for provider %s (%s), class %s is of provider %s (%s)",
			store.Spec.Provider, store.Source.Path, s.Class, class.Spec.Provider, class.Source.Path)), storesOf(k, class.Spec.Provider))
	}
	c.values(s.Parameters, class, k.patterns[s.Class])
	c.allowed(t, class)
	c.adoptAllowed(t, class)
	if s.Version == "" && class.Spec.Version == "" {
		c.add(field.Required(specPath.Child("version"), fmt.Sprintf("class %s names no version", s.Class)), "name one here or in the class")
	}
	if s.Network.ServiceCIDR != "" || s.Network.PodCIDR != "" {
		c.networks(s.Network, s.Network.or(class.Spec.Network))
	}
}

// storesOf makes a hint of the datastores that a provider's tenants can use.
func storesOf(k known, provider string) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(k.stores)) {
		if k.stores[name].Spec.Provider == provider {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "the fleet declares none for it"
	}
	return "declared for it: " + strings.Join(names[:min(len(names), 10)], ", ")
}

// network checks what is written.
func (c check) network(n Network) {
	at := specPath.Child("network")
	c.cidr(at.Child("serviceCIDR"), n.ServiceCIDR)
	c.cidr(at.Child("podCIDR"), n.PodCIDR)
	if n.Domain != "" {
		c.dnsName(at.Child("domain"), n.Domain, 253)
	}
}

// networks checks that services and pods do not share addresses, as it results from
// what is written and what the class gives.
func (c check) networks(written, resolved Network) {
	s, errS := parsePrefix(resolved.ServiceCIDR)
	p, errP := parsePrefix(resolved.PodCIDR)
	if errS != nil || errP != nil || !s.Overlaps(p) && s.Addr().BitLen() == p.Addr().BitLen() {
		return
	}
	at := specPath.Child("network")
	where, value, other := at.Child("podCIDR"), resolved.PodCIDR, resolved.ServiceCIDR
	if written.PodCIDR == "" || !c.e.index().Written(where.String()) {
		where, value, other = at.Child("serviceCIDR"), resolved.ServiceCIDR, resolved.PodCIDR
	}
	if s.Overlaps(p) {
		c.add(field.Invalid(where, value, "overlaps with "+other), "services and pods need networks of their own")
		return
	}
	c.add(field.Invalid(where, value, "is not of the family of "+other), "")
}

// minServices is the least number of addresses an API server takes for services.
const minServices = 8

func (c check) cidr(at *field.Path, value string) {
	if value == "" {
		return
	}
	p, err := parsePrefix(value)
	if err != nil {
		c.add(field.Invalid(at, value, err.Error()), "")
		return
	}
	if hostBits := p.Addr().BitLen() - p.Bits(); hostBits < 3 {
		c.add(field.Invalid(at, value, fmt.Sprintf("is smaller than %d addresses", minServices)), "")
	}
	if a := p.Addr(); a.IsMulticast() || a.IsLoopback() || a.IsUnspecified() && p.Bits() == 0 || a == netip.IPv6Unspecified() {
		c.add(field.Invalid(at, value, "is not a network that hosts can have"), "")
	}
}
