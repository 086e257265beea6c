package fleet

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Adopt names a control plane that runs on a shard already, and is taken over as it is:
// nothing of it is made anew or changed but marks of ownership. It is read when its tenant
// is decided for the first time, and without meaning after that.
type Adopt struct {
	// Namespace is the one that it lives in. It is not Tenantry's, may be shared, and stays
	// when the tenant goes.
	Namespace string `json:"namespace"`
	// Name is that of its objects, which may be another than the tenant's.
	Name string `json:"name"`
	// Schema is where it keeps its state in its datastore; empty where the provider keeps
	// the state itself.
	Schema string `json:"schema,omitempty"`
	// Username is who it is in its datastore.
	Username string `json:"username,omitempty"`
	// Address is the IP address of its endpoint, or …
	Address string `json:"address,omitempty"`
	// Host is its DNS name: there is exactly one of both.
	Host string `json:"host,omitempty"`
	// Objects maps the objects that are taken over, and no others, to their
	// metadata.uid: TenantControlPlane.kamaji.clastix.io/team-a/acme.
	Objects map[string]string `json:"objects"`
}

// AdoptDataStore names the objects by which a shard knows a datastore already.
type AdoptDataStore struct {
	// Name is that of the objects, which may be another than the datastore's.
	Name string `json:"name"`
	// Objects are as those of Adopt: DataStore.kamaji.clastix.io/default.
	Objects map[string]string `json:"objects"`
}

var adoptPath = specPath.Child("adopt")

// maxAdopted bounds the objects that one owner takes over: as many as are rendered.
const maxAdopted = 200

var (
	// adoptedForm is an object's own name; its parts are kind, group, namespace, name.
	adoptedForm = regexp.MustCompile(`^([A-Z][A-Za-z0-9]{0,62})(?:\.([a-z0-9][a-z0-9.-]{0,251}))?/(?:([a-z0-9][a-z0-9-]{0,61}[a-z0-9]?)/)?([a-z0-9][a-z0-9.-]{0,252})$`)
	uidForm     = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z-]{0,62}[0-9A-Za-z])?$`)
	schemaForm  = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}$`)
)

// adopt checks what a tenant takes over.
func (c check) adopt(s TenantSpec) {
	a := s.Adopt
	if a == nil {
		return
	}
	if s.Shard == "" {
		c.add(field.Required(specPath.Child("shard"), "what is adopted runs on a shard"), "name the shard that it runs on")
	}
	switch at := adoptPath.Child("namespace"); {
	case a.Namespace == "":
		c.add(field.Required(at, ""), "the namespace that it lives in")
	case len(validation.IsDNS1123Label(a.Namespace)) > 0:
		c.add(field.Invalid(at, a.Namespace, "is not the name of a namespace"), "")
	case reserved(a.Namespace):
		c.add(field.Forbidden(at, fmt.Sprintf("%s is no place for tenants", a.Namespace)), "")
	}
	for _, f := range []struct{ name, value, other string }{{"schema", a.Schema, a.Username}, {"username", a.Username, a.Schema}} {
		switch at := adoptPath.Child(f.name); {
		case f.value == "" && f.other != "":
			c.add(field.Required(at, "schema and username go together"), "")
		case f.value != "" && !schemaForm.MatchString(f.value):
			c.add(field.Invalid(at, f.value, "want at most 128 letters, digits, '_', '.' and '-'"), "")
		}
	}
	c.adoptEndpoint(a)
	c.adopted(a.Namespace, a.Name, a.Objects)
}

// reserved are namespaces of Kubernetes' own and of Tenantry's.
func reserved(namespace string) bool {
	return strings.HasPrefix(namespace, "kube-") || strings.HasPrefix(namespace, "datastore-") || namespace == "tenantry-system"
}

func (c check) adoptEndpoint(a *Adopt) {
	address, host := adoptPath.Child("address"), adoptPath.Child("host")
	switch {
	case a.Address == "" && a.Host == "":
		c.add(field.Required(address, "clients know its endpoint"), "the IP address at which its API server is reached, or host")
	case a.Address != "" && a.Host != "":
		c.add(field.Forbidden(host, "an endpoint is an address or a host, not both"), "remove one of them")
	case a.Host != "":
		c.dnsName(host, a.Host, 253)
	default:
		if ip, err := netip.ParseAddr(a.Address); err != nil || ip.Zone() != "" || ip.String() != a.Address {
			c.add(field.Invalid(address, a.Address, "is not an IP address"), "for example 10.0.0.7 or fd00::7")
		}
	}
}

// adoptStore checks what a datastore takes over.
func (c check) adoptStore(s DataStoreSpec) {
	a := s.Adopt
	if a == nil {
		return
	}
	if s.Managed != nil {
		c.addKey(field.Forbidden(adoptPath, "a managed datastore is made by Tenantry"), "remove it")
	}
	c.adopted("", a.Name, a.Objects)
}

// adopted checks name and objects.
func (c check) adopted(namespace, name string, all map[string]string) {
	at, objects := adoptPath.Child("name"), adoptPath.Child("objects")
	switch {
	case name == "":
		c.add(field.Required(at, ""), "the name of the object that is taken over")
	case len(validation.IsDNS1123Subdomain(name)) > 0:
		c.add(field.Invalid(at, name, "is not the name of an object"), "")
	}
	switch {
	case len(all) == 0:
		c.add(field.Required(objects, "only what is named is taken over"), "tenantry import writes them")
	case len(all) > maxAdopted:
		c.add(field.TooMany(objects, len(all), maxAdopted), "")
		return
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		uid, parts := all[key], adoptedForm.FindStringSubmatch(key)
		switch {
		case parts == nil:
			c.add(field.Invalid(objects.Key(key), key, "want <kind>.<group>/<namespace>/<name>"), "tenantry import writes them")
		case parts[3] != namespace:
			c.add(field.Invalid(objects.Key(key), key, "is of another namespace than "+adoptPath.Child("namespace").String()), "")
		case !uidForm.MatchString(uid):
			c.add(field.Invalid(objects.Key(key), uid, "is no uid"), "the object's metadata.uid")
		}
	}
}

// adoptAllowed wants the class of who adopts to let it.
func (c check) adoptAllowed(t *Tenant, class *Class) {
	if a := class.Spec.Allow; t.Spec.Adopt == nil || a != nil && a.Adopt {
		return
	}
	c.addKey(field.Forbidden(adoptPath, "is not a tenant's to set"+saidIn(class)), "spec.allow.adopt: true of the class lets its tenants take over what runs already")
}

// checkAdopted has nobody take over what another one does. Who is broken claims nothing.
func (l *loader) checkAdopted() {
	first := map[string]*entry{}
	claim := func(e *entry, objects map[string]string) {
		if e.message != "" {
			return
		}
		for _, key := range slices.Sorted(maps.Keys(objects)) {
			uid := objects[key]
			if other := first[uid]; other != nil && other != e {
				check{l, e}.add(field.Invalid(adoptPath.Child("objects").Key(key), uid, "is taken over by "+other.path+", too"), "keep it in one of both")
				continue
			}
			first[uid] = e
		}
	}
	each(l, func(e *entry, d *DataStore) {
		if d.Spec.Adopt != nil {
			claim(e, d.Spec.Adopt.Objects)
		}
	})
	each(l, func(e *entry, t *Tenant) {
		if t.Spec.Adopt != nil {
			claim(e, t.Spec.Adopt.Objects)
		}
	})
}
