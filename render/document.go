package render

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
)

// port is the API servers' port, on the load balancer and inside.
const port = "6443"

// document is the one source of a stamp's values. It is declared as a plain
// Kubernetes object, marked so that Kustomize drops it from its output.
type document map[string]any

// file is where a document stands in the virtual tree.
func (d document) file() string {
	if d["kind"] == fleet.KindTenant {
		return "tenant.yaml"
	}
	return "datastore.yaml"
}

func (d document) encode() ([]byte, error) {
	// JSON is YAML, and its strings are quoted: a uid of digits stays a string.
	data, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode %s document: %w", d["kind"], err)
	}
	return bytes.TrimSpace(data), nil
}

// newDocument is spec under the head that every document has.
func newDocument(kind, name, uid string, spec map[string]any) document {
	return document{
		"apiVersion": fleet.APIVersion,
		"kind":       kind,
		"metadata": map[string]any{
			"name": name, "uid": uid,
			"annotations": map[string]any{"config.kubernetes.io/local-config": "true"},
		},
		"spec": spec,
	}
}

// tenantDocument resolves everything that a tenant's objects need.
//
// What names a tenant's data (user and prefix) comes from its uid, so that a later
// tenant of the same name can never see it; what people look for comes from its name.
func tenantDocument(in TenantInput, image string) (document, error) {
	serviceIP, err := firstAddress(in.Spec.Network.ServiceCIDR)
	if err != nil {
		return nil, fmt.Errorf("spec.network.serviceCIDR: %w", err)
	}
	names := namesOf(in)
	namespace := names.Namespace
	user := "t-" + in.UID
	replicas := in.Spec.Replicas
	if in.Lifecycle != ledger.Living && in.Lifecycle != "" {
		replicas = 0
	}
	said, err := parameters(in.Spec.Parameters)
	if err != nil {
		return nil, err
	}
	spec := map[string]any{
		"version":   in.Spec.Version,
		"replicas":  replicas,
		"name":      names.Name,
		"namespace": namespace,
		"image":     image,
		"network": map[string]any{
			"serviceCIDR":         in.Spec.Network.ServiceCIDR,
			"podCIDR":             in.Spec.Network.PodCIDR,
			"domain":              in.Spec.Network.Domain,
			"kubernetesServiceIP": serviceIP,
			"dnsServiceIPs":       []string{dnsAddress(in.Spec.Network.ServiceCIDR)},
		},
		"endpoint": endpoint(in, namespace, serviceIP),
		"secrets": map[string]any{
			"ca":             in.Name + "-ca",
			"proxy":          in.Name + "-proxy",
			"serviceAccount": in.Name + "-sa",
		},
		"jobs": map[string]any{
			"addTenant":    "add-" + user,
			"removeTenant": "remove-" + user,
		},
	}
	// Without a datastore there is nothing that a stamp could take by mistake.
	if name := in.DataStore.Name; name != "" {
		store := dataStoreNames(name)
		spec["dataStore"] = map[string]any{
			"name":       in.DataStore.object(),
			"namespace":  store.namespace,
			"issuer":     store.issuer,
			"url":        store.url,
			"user":       user,
			"prefix":     "/" + in.UID + "/",
			"etcdPrefix": "/" + in.UID,
			"schema":     names.Schema,
			"username":   names.Username,
		}
	}
	if len(said) > 0 {
		spec["parameters"] = said
	}
	return newDocument(fleet.KindTenant, in.Name, in.UID, spec), nil
}

func endpoint(in TenantInput, namespace, serviceIP string) map[string]any {
	names := []string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc",
		"kubernetes.default.svc." + in.Spec.Network.Domain,
		"kube-apiserver." + namespace + ".svc",
		"localhost",
	}
	addresses := []string{serviceIP, "127.0.0.1"}
	e := map[string]any{}
	var public string
	if in.Placement.Address != "" {
		public = in.Placement.Address
		addresses = appendNew(addresses, public)
		e["address"] = public
		// A whole environment variable, because it takes the place of a reference.
		e["advertise"] = map[string]any{"name": "ADVERTISE_ADDRESS", "value": public}
	} else {
		public = in.Placement.Host
		names = appendNew(names, public)
		e["host"] = public
	}
	if strings.Contains(public, ":") {
		public = "[" + public + "]"
	}
	e["url"] = (&url.URL{Scheme: "https", Host: public + ":" + port}).String()
	e["public"] = cmp.Or(in.Placement.Address, in.Placement.Host)
	e["publicNames"] = []string{cmp.Or(in.Placement.Address, in.Placement.Host)}
	e["dnsNames"] = names
	e["ipAddresses"] = addresses
	return e
}

func dataStoreDocument(in DataStoreInput, image string) document {
	if in.Spec.Managed == nil {
		return externalDocument(in)
	}
	names := dataStoreNames(in.Name)
	managed := in.Spec.Managed
	members := make([]string, managed.Replicas)
	dns := []string{"etcd." + names.namespace + ".svc", "localhost"}
	for i := range members {
		// Each by its own name: members look up the peer's names to know its address.
		member := fmt.Sprintf("etcd-%d.etcd-peers.%s.svc", i, names.namespace)
		members[i] = fmt.Sprintf("etcd-%d=https://%s:2380", i, member)
		dns = append(dns, member)
	}
	spec := map[string]any{
		"namespace": names.namespace,
		"issuer":    names.issuer,
		"authority": map[string]any{"issuer": names.namespace + "-selfsigned", "secret": names.namespace + "-ca"},
		// A dot, because the policies are cluster-scoped and no datastore's name has one.
		"policies":       map[string]any{"requests": names.namespace + ".requests", "signer": names.namespace + ".signer"},
		"url":            names.url,
		"dnsNames":       dns,
		"replicas":       managed.Replicas,
		"initialCluster": strings.Join(members, ","),
		"storage":        managed.Storage,
		"image":          image,
	}
	if managed.StorageClass != "" {
		spec["storageClass"] = managed.StorageClass
	}
	return newDocument(fleet.KindDataStore, in.Name, in.UID, spec)
}

// externalDocument is of a datastore that runs elsewhere. What is optional has a
// variant of the stamp, so that all documents of the same variants are of one shape.
func externalDocument(in DataStoreInput) document {
	spec := map[string]any{
		"name":      in.object(),
		"namespace": dataStoreNames(in.Name).namespace,
		"driver":    in.Spec.Driver,
		"endpoints": in.Spec.Endpoints,
	}
	if a := in.Spec.BasicAuth; a != nil {
		spec["basicAuth"] = map[string]any{"username": secretReference(a.Username), "password": secretReference(a.Password)}
	}
	if t := in.Spec.TLS; t != nil {
		tls := map[string]any{"authority": secretReference(t.CA.Certificate)}
		if t.CA.PrivateKey != nil {
			tls["authorityKey"] = secretReference(*t.CA.PrivateKey)
		}
		if t.Client != nil {
			tls["client"] = map[string]any{
				"certificate": secretReference(t.Client.Certificate), "privateKey": secretReference(*t.Client.PrivateKey),
			}
		}
		spec["tls"] = tls
	}
	return newDocument(fleet.KindDataStore, in.Name, in.UID, spec)
}

// secretReference is written as Kamaji reads it: whole values take its place.
func secretReference(k fleet.SecretKey) map[string]any {
	return map[string]any{"secretReference": map[string]any{"namespace": k.Namespace, "name": k.Name, "keyPath": k.Key}}
}

type storeNames struct{ namespace, issuer, url string }

// dataStoreNames are what a datastore and its tenants must agree on.
func dataStoreNames(name string) storeNames {
	ns := "datastore-" + name
	return storeNames{namespace: ns, issuer: ns, url: "https://etcd." + ns + ".svc:2379"}
}

// namespace is the unit's own.
func (d document) namespace() string {
	spec, _ := d["spec"].(map[string]any)
	namespace, _ := spec["namespace"].(string)
	return namespace
}

// endpoint is the URL of a tenant's API server; empty when doc is no tenant's.
func (d document) endpoint() string {
	spec, _ := d["spec"].(map[string]any)
	e, _ := spec["endpoint"].(map[string]any)
	at, _ := e["url"].(string)
	return at
}

// variants are the stamp's subfolders that the document asks for.
func (d document) variants() []string {
	spec, _ := d["spec"].(map[string]any)
	var out []string
	if e, ok := spec["endpoint"].(map[string]any); ok {
		for _, kind := range []string{"address", "host"} {
			if e[kind] != nil {
				out = append(out, kind)
			}
		}
	}
	if spec["storageClass"] != nil {
		out = append(out, "storage-class")
	}
	if spec["basicAuth"] != nil {
		out = append(out, "basic-auth")
	}
	if tls, ok := spec["tls"].(map[string]any); ok {
		out = append(out, "tls")
		if tls["authorityKey"] != nil {
			out = append(out, "tls-authority-key")
		}
		if tls["client"] != nil {
			out = append(out, "tls-client")
		}
	}
	return out
}

// firstAddress is what Kubernetes gives the Service "kubernetes": the range's first
// address after the network's own.
func firstAddress(cidr string) (string, error) {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return "", fmt.Errorf("parse %q: want an address range such as 10.96.0.0/16", cidr)
	}
	first := prefix.Masked().Addr().Next()
	if !first.IsValid() || !prefix.Contains(first) {
		return "", fmt.Errorf("%q holds no address for the Service kubernetes", cidr)
	}
	return first.String(), nil
}

// dnsAddress is where a cluster's DNS is by custom: the tenth address of the range,
// the sixteenth (::10) of an IPv6 one; in a small range the last one that there is.
// The range has been read before.
func dnsAddress(cidr string) string {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return ""
	}
	address := prefix.Masked().Addr()
	steps := 10
	if address.Is6() {
		steps = 16
	}
	for range steps {
		if next := address.Next(); prefix.Contains(next) {
			address = next
		}
	}
	return address.String()
}

// maxUser is how long the name of a user may be in MySQL, the narrowest driver.
const maxUser = 32

// schemaName names a tenant's database (or key range) and its user, in letters that every
// driver takes unquoted. What is cut off a uid leaves 30 hex digits.
func schemaName(uid string) string {
	name := "t_" + strings.ReplaceAll(uid, "-", "")
	return name[:min(len(name), maxUser)]
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
