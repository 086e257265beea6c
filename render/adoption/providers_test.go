package adoption_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tenantry/tenantry/render"
)

// capi are a Cluster and its KamajiControlPlane, as people have them.
func capi(change ...func(cluster, control object)) []object {
	cluster := object{
		"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "metadata": object{"name": "acme", "namespace": "team-a", "uid": "c"},
		"spec": object{
			"clusterNetwork":       object{"services": object{"cidrBlocks": []any{"10.98.0.0/16"}}, "pods": object{"cidrBlocks": []any{"10.44.0.0/16"}}},
			"controlPlaneEndpoint": object{"host": "10.0.0.7", "port": int64(6443)},
			"controlPlaneRef":      object{"apiGroup": "controlplane.cluster.x-k8s.io", "kind": "KamajiControlPlane", "name": "acme"},
			"infrastructureRef":    object{"apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "KubevirtCluster", "name": "acme"},
		},
	}
	control := object{
		"apiVersion": "controlplane.cluster.x-k8s.io/v1alpha2", "kind": "KamajiControlPlane",
		"metadata": object{
			"name": "acme", "namespace": "team-a", "uid": "k", "labels": object{"cluster.x-k8s.io/cluster-name": "acme"},
			"ownerReferences": []any{object{"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "name": "acme", "controller": true}},
		},
		"spec": object{
			"version": "v1.33.2", "replicas": int64(3), "dataStoreName": "default", "addons": object{}, "kine": object{"resources": object{}},
			"controlPlaneEndpoint": object{"host": "10.0.0.7", "port": int64(6443)}, "network": object{"serviceType": "LoadBalancer"},
			"kubelet": object{"cgroupfs": "systemd", "preferredAddressTypes": []any{"InternalIP"}},
		},
	}
	of := object{"apiVersion": control["apiVersion"], "kind": control["kind"], "name": "acme", "controller": true}
	made := plane("team-a", "acme", with([]any{of}, "metadata", "ownerReferences"))
	for _, c := range change {
		c(cluster, control)
	}
	return []object{cluster, control, made, store("default")}
}

func TestClusterAPI(t *testing.T) {
	r := imported(t, nil, capi()...)
	if told(r) != "" || !slices.Equal(names(r), []string{"datastore default", "tenant acme"}) {
		t.Fatalf("imported %v, told:\n%s", names(r), told(r))
	}
	tenant := string(r.Files["tenants/web/acme/tenant.yaml"])
	for _, want := range []string{"serviceCIDR: 10.98.0.0/16", "podCIDR: 10.44.0.0/16", "replicas: 3", "schema: team-a_acme", "Cluster.cluster.x-k8s.io/team-a/acme: c", "KamajiControlPlane.controlplane.cluster.x-k8s.io/team-a/acme: k"} {
		if !strings.Contains(tenant, want) {
			t.Errorf("no %q in\n%s", want, tenant)
		}
	}
	if data := string(r.Files["datastores/default.yaml"]); !strings.Contains(data, "provider: cluster-api") {
		t.Errorf("the datastore is\n%s", data)
	}
	for want, change := range map[string]func(cluster, control object){
		"spec.topology":                          func(c, _ object) { with(object{"classRef": object{"name": "x"}}, "spec", "topology")(c) },
		"its KamajiControlPlane is called other": func(c, _ object) { with("other", "spec", "controlPlaneRef", "name")(c) },
		"it runs in another cluster": func(_, k object) {
			with(object{"clusterName": "x"}, "spec", "deployment", "externalClusterReference")(k)
		},
		"team-a/acme is not there": func(_, k object) { with("gone", "metadata", "name")(k) },
		"KamajiControlPlane.controlplane.cluster.x-k8s.io/team-a/acme: it is being deleted": func(_, k object) { with("2026-01-01T00:00:00Z", "metadata", "deletionTimestamp")(k) },
		"of another object: it was copied":                                                  func(_, k object) { with("x", "metadata", "labels", render.LabelUID)(k) },
		"spec.kine: the key \"$patch\"":                                                     func(_, k object) { with("delete", "spec", "kine", "$patch")(k) },
		"was read in version v1alpha1: want v1alpha2":                                       func(_, k object) { with("controlplane.cluster.x-k8s.io/v1alpha1", "apiVersion")(k) },
		"it has no endpoint yet":                                                            func(c, _ object) { with(nil, "spec", "controlPlaneEndpoint")(c) },
		"it is asleep":                                                                      func(_, k object) { with(int64(0), "spec", "replicas")(k) },
	} {
		r := imported(t, nil, capi(change)...)
		if got := told(r); !strings.Contains(got, want) || slices.Contains(names(r), "tenant acme") {
			t.Errorf("imported %v, told:\n%swant %q", names(r), got, want)
		}
	}
}

// One datastore serves one provider.
func TestSharedDataStore(t *testing.T) {
	r := imported(t, nil, append(capi(), plane("team-b", "globex"), plane("team-b", "hooli"))...)
	if got := told(r); !strings.Contains(got, "Cluster.cluster.x-k8s.io/team-a/acme : its datastore default is declared for provider kamaji (datastore default): one datastore serves one provider") || len(r.Left) != 1 {
		t.Errorf("told:\n%s", got)
	}
	if len(r.Imported) != 3 {
		t.Errorf("imported %v", names(r))
	}
}

func TestK0smotron(t *testing.T) {
	cluster := func(change ...func(o object)) object {
		o := object{
			"apiVersion": "k0smotron.io/v1beta2", "kind": "Cluster", "metadata": object{"name": "acme", "namespace": "team-a", "uid": "c", "labels": object{"team": "a"}},
			"spec": object{
				"version": "v1.33.2-k0s.0", "replicas": int64(3), "externalAddress": "lb.example.com", "certificateRefs": []any{object{"name": "acme-ca", "type": "ca"}},
				"service": object{"type": "LoadBalancer", "apiPort": int64(6443), "konnectivityPort": int64(8132)}, "patches": harmless(),
				"image": "quay.io/k0sproject/k0s", "storage": object{"type": "etcd", "etcd": object{"persistence": object{"size": "1Gi"}}},
				"persistence": object{"type": "emptyDir"}, "resources": object{},
				"k0sConfig": object{"apiVersion": "k0s.k0sproject.io/v1beta1", "kind": "ClusterConfig", "metadata": object{"name": "k0s"}, "spec": object{"api": object{"sans": []any{"lb.example.com"}}}},
			},
		}
		for _, c := range change {
			c(o)
		}
		return o
	}
	r := imported(t, nil, cluster())
	if told(r) != "" || len(r.Imported) != 1 {
		t.Fatalf("imported %v, told:\n%s", names(r), told(r))
	}
	tenant := string(r.Files["tenants/web/acme/tenant.yaml"])
	if !strings.Contains(tenant, "host: lb.example.com") || !strings.Contains(tenant, "serviceCIDR: 10.96.0.0/12") || strings.Contains(tenant, " schema:") {
		t.Errorf("the tenant is\n%s", tenant)
	}
	// Another build of k0s is the class's, so that the version is still the tenant's to say.
	build := func(name, version string) object {
		return cluster(with(name, "metadata", "name"), with("uid-"+name, "metadata", "uid"), with(version, "spec", "version"))
	}
	r = imported(t, nil, build("acme", "v1.33.2-k0s.1"), build("globex", "v1.34.1-k0s.1"))
	if class := string(r.Files["classes/imported-k0smotron/cluster.yaml"]); told(r) != "" || !strings.Contains(class, "version: TENANT-VERSION-k0s.1") {
		t.Errorf("told:\n%sthe class is\n%s", told(r), class)
	}
	for file, data := range r.Files {
		if strings.HasPrefix(file, "tenants/") && strings.Contains(string(data), "-k0s.") {
			t.Errorf("%s is\n%s", file, data)
		}
	}
	r = imported(t, nil, build("acme", "v1.33.2-k0s.1"), build("globex", "v1.34.1-k0s.2"))
	for _, o := range r.Imported {
		if len(o.Warnings) != 1 || !strings.Contains(o.Warnings[0], "in the patch of spec.version, too") {
			t.Errorf("%s: %v, told:\n%s", o.Name, o.Warnings, told(r))
		}
	}
	// A class stands without its tenants: half of an Ingress is none.
	behind := func(name string) object {
		return cluster(with(name, "metadata", "name"), with("uid-"+name, "metadata", "uid"), with(nil, "spec", "externalAddress"), with("v1.35.1-k0s.0", "spec", "version"),
			with(object{"className": "haproxy", "deploy": true, "apiHost": name + ".example.com", "konnectivityHost": "k-" + name + ".example.com"}, "spec", "ingress"))
	}
	r = imported(t, nil, behind("acme"), behind("globex"))
	class := string(r.Files["classes/imported-k0smotron/cluster.yaml"])
	if told(r) != "" || len(r.Imported) != 2 || strings.Contains(class, "ingress") || !strings.Contains(class, "control-plane") {
		t.Errorf("imported %v, told:\n%sthe class is\n%s", names(r), told(r), class)
	}
	for want, change := range map[string]func(o object){
		"would cut the control plane off":                 with(nil, "spec", "patches"),
		"nats is experimental":                            with("nats", "spec", "storage", "type"),
		"dataSourceURL holds a password":                  with(object{"dataSourceURL": "mysql://hunter2"}, "spec", "storage", "kine"),
		"want a version of k0s":                           with("v1.33.2+k0s.0", "spec", "version"),
		"a tenant runs in the shard that it is placed on": with(object{"kubeconfigRef": object{"name": "x"}}, "spec", "remoteHostCluster"),
	} {
		r := imported(t, nil, cluster(change))
		if got := told(r); !strings.Contains(got, want) || len(r.Files) > 0 || strings.Contains(got, "hunter2") {
			t.Errorf("imported %v, told:\n%swant %q", names(r), got, want)
		}
	}
}
