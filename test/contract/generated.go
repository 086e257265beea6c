package main

import (
	"fmt"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// networks are inside of tenants, of both families.
var networks = []fleet.Network{
	{ServiceCIDR: "10.96.0.0/16", PodCIDR: "10.244.0.0/16", Domain: "cluster.local"},
	{ServiceCIDR: "fd00:96::/112", PodCIDR: "fd00:244::/56", Domain: "a.b.example"},
}

// generated are lives of tenants, and datastores in all their forms.
func generated(r *render.Renderer) ([]history, error) {
	var all []history
	for _, provider := range r.Providers() {
		if !r.KeepsState(&fleet.Class{Spec: fleet.ClassSpec{Provider: provider}}, r.LatestBase(provider)) {
			stores, err := dataStores(r, provider)
			if err != nil {
				return nil, err
			}
			all = append(all, stores...)
		}
		for i, network := range networks {
			for _, p := range []ledger.Placement{{Address: "10.0.0.7"}, {Address: "fd00::7"}, {Host: "a.eu-1.example.com"}} {
				p.Shard = "eu-1"
				if !r.KeepsState(&fleet.Class{Spec: fleet.ClassSpec{Provider: provider}}, r.LatestBase(provider)) {
					p.DataStore = "eu-1-a"
				}
				h, err := life(r, provider, fmt.Sprintf("life-%d", i), network, p)
				if err != nil {
					return nil, err
				}
				all = append(all, h)
			}
		}
	}
	return all, nil
}

// named are the files of classes by which tenants can have names, for providers whose
// bases alone give them none.
var named = map[string]map[string][]byte{
	"k0smotron": {
		"kustomization.yaml": []byte("resources: [../../providers/k0smotron]\npatches: [{path: cluster.yaml}]\n"),
		"cluster.yaml": []byte("apiVersion: k0smotron.io/v1beta2\nkind: Cluster\nmetadata: {name: TENANT-NAME, namespace: TENANT-NAMESPACE}\n" +
			"spec: {service: {type: ClusterIP}, ingress: {deploy: true, port: 443, apiHost: TENANT-HOST, konnectivityHost: konnectivity.example.com}}\n"),
		"stamp/kustomization.yaml": []byte("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nreplacements:\n" +
			"- source: {kind: Tenant, fieldPath: spec.endpoint.public}\n  targets: [{select: {kind: Cluster}, fieldPaths: [spec.ingress.apiHost]}]\n"),
	},
}

// life is a tenant that is made, grows, is upgraded, is removed, comes back, and is
// removed for good.
func life(r *render.Renderer, provider, name string, network fleet.Network, p ledger.Placement) (history, error) {
	h := history{name: fmt.Sprintf("%s %s on %s%s", provider, name, p.Address, p.Host)}
	class := &fleet.Class{Metadata: fleet.Metadata{Name: "standard"}, Spec: fleet.ClassSpec{Provider: provider}}
	if p.Host != "" {
		class.Files = named[provider]
	}
	for _, step := range []struct {
		version   string
		replicas  int
		lifecycle ledger.Lifecycle
	}{
		{"v1.35.2", 1, ledger.Living},
		{"v1.35.2", 3, ledger.Living},
		{"v1.36.3", 3, ledger.Living},
		{"v1.36.3", 3, ledger.Tombstoned},
		{"v1.36.3", 1, ledger.Living},
		{"v1.36.3", 1, ledger.Purging},
	} {
		in := render.TenantInput{
			Name: name, UID: ledger.UID(h.name), Class: class, BaseVersion: r.LatestBase(provider),
			Spec: fleet.TenantSpec{
				Class: "standard", Version: step.version, Replicas: step.replicas, Network: network, Access: fleet.Access{Groups: []string{"people"}},
			},
			Placement: p, Lifecycle: step.lifecycle, DataStore: render.DataStoreInput{Name: p.DataStore},
		}
		unit, err := r.Tenant(in)
		if err := h.add(unit, err); err != nil {
			return h, err
		}
		if step.lifecycle != ledger.Purging {
			continue
		}
		unit, err = r.Teardown(in)
		if err := h.add(unit, err); err != nil {
			return h, err
		}
	}
	return h, nil
}

// dataStores are those of the generated forms that a provider can have; it has one at
// least.
func dataStores(r *render.Renderer, provider string) ([]history, error) {
	key := func(name, key string) fleet.SecretKey {
		return fleet.SecretKey{Namespace: "data", Name: name, Key: key}
	}
	pair := func(name string) fleet.KeyPair {
		private := key(name, "tls.key")
		return fleet.KeyPair{Certificate: key(name, "tls.crt"), PrivateKey: &private}
	}
	password := &fleet.BasicAuth{Username: key("db", "username"), Password: key("db", "password")}
	client := pair("client")
	mutual := &fleet.TLS{CA: pair("ca"), Client: &client}
	onlyServer := &fleet.TLS{CA: fleet.KeyPair{Certificate: key("ca", "ca.crt")}}
	forms := []fleet.DataStoreSpec{
		{Driver: "etcd", Managed: &fleet.ManagedDataStore{Replicas: 1, Storage: "1Gi"}},
		{Driver: "etcd", Managed: &fleet.ManagedDataStore{Replicas: 5, Storage: "20Gi", StorageClass: "fast"}},
		{Driver: "etcd", Endpoints: []string{"a:2379", "b:2379", "c:2379"}, TLS: mutual},
	}
	for _, driver := range []string{"PostgreSQL", "MySQL"} {
		for _, auth := range []*fleet.BasicAuth{nil, password} {
			for _, tls := range []*fleet.TLS{nil, onlyServer, mutual} {
				if auth != nil || tls != nil {
					forms = append(forms, fleet.DataStoreSpec{Driver: driver, Endpoints: []string{"db.data.svc:5432"}, BasicAuth: auth, TLS: tls})
				}
			}
		}
	}
	var all []history
	var last error
	for i, spec := range forms {
		spec.Provider, spec.Shards = provider, []string{"eu-1"}
		name := fmt.Sprintf("form-%d", i)
		h := history{name: fmt.Sprintf("%s datastore %s", provider, name)}
		unit, err := r.DataStore(render.DataStoreInput{Name: name, UID: ledger.UID(name), Spec: spec, BaseVersion: r.LatestBase(provider)})
		if last = h.add(unit, err); last == nil {
			all = append(all, h)
		}
	}
	if len(all) == 0 {
		return nil, last
	}
	return all, nil
}
