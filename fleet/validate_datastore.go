package fleet

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Drivers of datastores.
const (
	DriverEtcd       = "etcd"
	DriverPostgreSQL = "PostgreSQL"
	DriverMySQL      = "MySQL"
)

func (c check) dataStore(s DataStoreSpec) {
	c.name(specPath.Child("provider"), s.Provider)
	c.driver(s)
	c.notNegative(specPath.Child("capacity", "tenants"), s.Capacity.Tenants)
	c.teams(s.Teams)
	c.storeShards(s)
	c.adoptStore(s)
	managed, endpoints := specPath.Child("managed"), specPath.Child("endpoints")
	switch {
	case s.Managed != nil && len(s.Endpoints) > 0:
		c.add(field.Forbidden(endpoints, "a datastore is managed or has endpoints, not both"), "remove one of them")
	case s.Managed == nil && len(s.Endpoints) == 0:
		c.add(field.Required(managed, "a datastore is managed or has endpoints"),
			"write managed: {} for an etcd that Tenantry runs, or the endpoints of a datastore that runs elsewhere")
		return
	case s.Managed != nil:
		c.managed(managed, *s.Managed)
		for _, f := range []struct {
			name    string
			written bool
		}{{"basicAuth", s.BasicAuth != nil}, {"tls", s.TLS != nil}} {
			if f.written {
				c.addKey(field.Forbidden(specPath.Child(f.name), "a managed datastore has its own"), "remove it")
			}
		}
		return
	}
	c.endpoints(endpoints, s.Endpoints)
	c.credentials(s)
}

func (c check) driver(s DataStoreSpec) {
	at := specPath.Child("driver")
	all := []string{DriverEtcd, DriverPostgreSQL, DriverMySQL}
	switch {
	case s.Driver == "":
		c.add(field.Required(at, ""), "driver: etcd")
	case !slices.Contains(all, s.Driver):
		c.add(field.NotSupported(at, s.Driver, all), meant(s.Driver, all))
	case s.Managed != nil && s.Driver != DriverEtcd:
		c.add(field.Invalid(at, s.Driver, "a managed datastore is etcd"), "a database that runs elsewhere has endpoints")
	}
}

func (c check) storeShards(s DataStoreSpec) {
	shards := specPath.Child("shards")
	for i, name := range s.Shards {
		if slices.Contains(s.Shards[:i], name) {
			c.add(field.Duplicate(shards.Index(i), name), "")
		}
	}
	switch {
	case len(s.Shards) == 0:
		c.add(field.Required(shards, ""), "name the shard whose tenants use it")
	case len(s.Shards) > 1:
		c.add(field.TooMany(shards, len(s.Shards), 1), "declare one datastore a shard; several may have the same endpoints")
	}
}

// storeReferences checks a datastore against what it names.
func (c check) storeReferences(s DataStoreSpec, known known) {
	for i, name := range s.Shards {
		c.reference(specPath.Child("shards").Index(i), KindShard, name, known)
	}
}

func (c check) managed(at *field.Path, m ManagedDataStore) {
	if !slices.Contains([]int{1, 3, 5}, m.Replicas) {
		c.add(field.Invalid(at.Child("replicas"), m.Replicas, "want 1, 3 or 5"), "etcd needs an odd number of members to agree")
	}
	if q, err := resource.ParseQuantity(m.Storage); err != nil {
		c.add(field.Invalid(at.Child("storage"), m.Storage, "want a quantity (8Gi)"), "")
	} else if q.Sign() <= 0 {
		c.add(field.Invalid(at.Child("storage"), m.Storage, "must be more than nothing"), "")
	}
	if m.StorageClass != "" {
		c.dnsName(at.Child("storageClass"), m.StorageClass, 253)
	}
}

func (c check) endpoints(at *field.Path, endpoints []string) {
	for i, e := range endpoints {
		switch message, hint := endpointFault(e); {
		case strings.Contains(e, "@"):
			// Not shown: what stands before it unlocks something.
			c.add(field.Forbidden(at.Index(i), "has credentials in it"), "name a Secret in spec.basicAuth, and give them another password: this one is in Git")
		case message != "":
			c.add(field.Invalid(at.Index(i), e, message), hint)
		case slices.Contains(endpoints[:i], e):
			c.add(field.Duplicate(at.Index(i), e), "")
		}
	}
}

// endpointFault says what is wrong with host:port, or nothing.
func endpointFault(e string) (message, hint string) {
	const want = "want host:port"
	if scheme, rest, ok := strings.Cut(e, "://"); ok {
		return want, fmt.Sprintf("leave %s:// out: %s", scheme, rest)
	}
	colon := strings.LastIndexByte(e, ':')
	if colon < 0 || !strings.HasSuffix(e[:colon], "]") && strings.Contains(e[:colon], ":") {
		return want, "for example etcd.example.com:2379, or [fd00::1]:2379"
	}
	host, port := e[:colon], e[colon+1:]
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != port {
		return want + ", the port from 1 to 65535", ""
	}
	if !isHost(host) {
		return want + ", the host an IP address or a DNS name", ""
	}
	return "", ""
}

// isHost tells IP addresses, of IPv6 in brackets, and DNS names, whose last part is no
// number: 10.0.0.300 is neither.
func isHost(host string) bool {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return err == nil && a.Is6() && a.Zone() == ""
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	return len(validation.IsDNS1123Subdomain(host)) == 0 && strings.Trim(last, "0123456789") != ""
}

// credentials checks that there are those with which the driver works.
func (c check) credentials(s DataStoreSpec) {
	auth, tls := specPath.Child("basicAuth"), specPath.Child("tls")
	if s.BasicAuth != nil {
		c.secretKey(auth.Child("username"), s.BasicAuth.Username)
		c.secretKey(auth.Child("password"), s.BasicAuth.Password)
	}
	if t := s.TLS; t != nil {
		c.keyPair(tls.Child("ca"), &t.CA, s.Driver == DriverEtcd, "it signs the certificates of tenants")
		c.keyPair(tls.Child("client"), t.Client, true, "a certificate is worth nothing without its key")
	}
	switch {
	case s.Driver == DriverEtcd && s.BasicAuth != nil:
		c.addKey(field.Forbidden(auth, "etcd knows its clients by their certificates"), "remove it; see spec.tls")
	case s.Driver == DriverEtcd && s.TLS == nil:
		c.add(field.Required(tls, "etcd knows its clients by their certificates"), "name ca and client, with the private keys of both")
	case s.Driver == DriverEtcd && s.TLS.Client == nil:
		c.add(field.Required(tls.Child("client"), "etcd knows its clients by their certificates"), "")
	case s.Driver != DriverEtcd && s.BasicAuth == nil && s.TLS == nil:
		c.add(field.Required(auth, "a database asks who comes: basicAuth or tls"), "name the keys of a Secret with username and password")
	}
}

// keyPair checks a certificate and, where it is needed, its private key.
func (c check) keyPair(at *field.Path, p *KeyPair, needsKey bool, why string) {
	if p == nil {
		return
	}
	c.secretKey(at.Child("certificate"), p.Certificate)
	switch {
	case p.PrivateKey != nil:
		c.secretKey(at.Child("privateKey"), *p.PrivateKey)
	case needsKey:
		c.add(field.Required(at.Child("privateKey"), why), "")
	}
}

// secretKey checks a reference to one value of a Secret. Whether it is there, the
// shard knows.
func (c check) secretKey(at *field.Path, k SecretKey) {
	if k == (SecretKey{}) && !c.e.index().Written(at.String()) {
		c.add(field.Required(at, ""), "name the namespace, the name and the key of a Secret on the shard")
		return
	}
	for _, part := range []struct {
		name, value string
		faults      func(string) []string
	}{
		{"namespace", k.Namespace, validation.IsDNS1123Label},
		{"name", k.Name, validation.IsDNS1123Subdomain},
		{"key", k.Key, validation.IsConfigMapKey},
	} {
		if part.value == "" {
			c.add(field.Required(at.Child(part.name), ""), "")
			continue
		}
		for _, fault := range part.faults(part.value) {
			// Not shown: somebody may have put here what the Secret should hold.
			c.add(field.Invalid(at.Child(part.name), field.OmitValueType{}, short(fault)), "")
		}
	}
}
