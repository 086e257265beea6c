package render

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tenantry/tenantry/fleet"
)

// k0smotronTenant is acme by k0smotron, whose class patches the Cluster's spec.
func k0smotronTenant(t *testing.T, file, spec string) TenantInput {
	t.Helper()
	in := inputs(t)["providers/k0smotron/testdata/"+file+".input.yaml"].tenant()
	if spec != "" {
		in.Class.Files = map[string][]byte{
			"kustomization.yaml": []byte("resources: [../../providers/k0smotron]\npatches: [{path: patch.yaml}]\n"),
			"patch.yaml":         []byte("apiVersion: k0smotron.io/v1beta2\nkind: Cluster\nmetadata: {name: TENANT-NAME, namespace: TENANT-NAMESPACE}\nspec: " + spec + "\n"),
		}
	}
	return in
}

// TestK0smotronDemands: what k0smotron would fight over, cannot do or would break by is
// told before it is applied, and says what to do.
func TestK0smotronDemands(t *testing.T) {
	r := newRenderer(t)
	const ingress = "ingress: {apiHost: a.example.com, konnectivityHost: k.example.com}"
	for name, tt := range map[string]struct{ spec, want string }{
		"Nothing":           {"{}", ""},
		"ExternalAddress":   {"{externalAddress: 192.0.2.1}", "are k0smotron's to write"},
		"Certificates":      {"{certificateRefs: [{type: ca, name: mine}]}", "are k0smotron's to write"},
		"Manifests":         {"{manifests: [{name: a, configMap: {name: a}}]}", "by spec.mounts"},
		"Mounts":            {"{mounts: [{path: /var/lib/k0s/manifests/a, configMap: {name: a}}]}", ""},
		"Names":             {"{k0sConfig: {spec: {api: {sans: [a.example.com]}}}}", "spec.ingress.apiHost"},
		"ConfiguredPort":    {"{k0sConfig: {spec: {api: {port: 443}}}}", "ports are said in spec.service"},
		"ConfiguredStorage": {"{k0sConfig: {spec: {storage: {type: kine}}}}", "storage in spec.storage"},
		"ConfigsName":       {"{k0sConfig: {metadata: {name: mine}}}", "leave them out"},
		"Arguments":         {"{k0sConfig: {spec: {api: {extraArgs: {v: '2'}}, network: {provider: calico}}}}", ""},
		"ConfigsVersion":    {"{k0sConfig: {apiVersion: k0s.k0sproject.io/v2}}", "want a ClusterConfig of k0s.k0sproject.io/v1beta1"},
		"NoConfig":          {"{k0sConfig: null}", `unable to find field "spec.k0sConfig`},
		"Build":             {"{version: TENANT-VERSION-k0s.2}", ""},
		"NoBuild":           {"{version: v1.30.0}", "v1.36.3: want a version of k0s, as v1.36.3-k0s.0"},
		"OtherCluster":      {"{remoteHostCluster: {kubeconfigRef: {name: a, namespace: b}}}", "make the other cluster a shard"},
		"SecretsLabels":     {"{kubeconfigSecretMetadata: {labels: {a: b}}}", "into selectors"},
		"SecretsMarks":      {"{kubeconfigSecretMetadata: {annotations: {tenantry.io/epoch: '9'}}}", "is Tenantry's own"},
		"SecretsNotes":      {"{kubeconfigSecretMetadata: {annotations: {a: b}}}", ""},
		"IngressMarks":      {"{ingress: {apiHost: a.example.com, konnectivityHost: b.example.com, annotations: {tenantry.io/uid: a}}}", "is Tenantry's own"},
		"Password":          {"{storage: {type: kine, kine: {dataSourceURL: 'postgres://a:b@c/d'}}}", "holds a password"},
		"LostState":         {"{storage: {type: kine}}", "the state is lost with the pod"},
		"Kine":              {"{storage: {type: kine, kine: {dataSourceSecretName: database}}}", ""},
		"KineBesideEtcd":    {"{storage: {kine: {dataSourceSecretName: database}}}", "spec.storage.type is etcd: want kine"},
		"NATS":              {"{storage: {type: nats}}", ""},
		"OtherStorage":      {"{storage: {type: redis}}", "redis: want etcd, kine or nats"},
		"LostVolumes":       {"{storage: {etcd: {autoDeletePVCs: true}}}", "Tenantry deletes them after the retention"},
		"LostVolume":        {"{persistence: {autoDeletePVCs: true}}", "Tenantry deletes them after the retention"},
		"HostPath":          {"{persistence: {type: hostPath, hostPath: /var/a}}", "Pod Security"},
		"NoVolume":          {"{persistence: {type: pvc}}", "want the size of the volume"},
		"Volume":            {"{persistence: {type: pvc, persistentVolumeClaim: {spec: {resources: {requests: {storage: 1Gi}}}}}}", ""},
		"VolumesMarks":      {"{persistence: {type: pvc, persistentVolumeClaim: {metadata: {labels: {tenantry.io/uid: a}}, spec: {resources: {requests: {storage: 1Gi}}}}}}", "is Tenantry's own"},
		"OtherService":      {"{service: {type: ExternalName}}", "ExternalName: want ClusterIP, NodePort or LoadBalancer"},
		"NegativePort":      {"{service: {apiPort: -1}}", "apiPort -1 and konnectivityPort 8132: want two ports"},
		"HighPort":          {"{service: {konnectivityPort: 65536}}", "want two ports"},
		"SamePort":          {"{service: {konnectivityPort: 6443}}", "want two ports"},
		"NodePorts":         {"{service: {type: NodePort, apiPort: 30001, konnectivityPort: 30002}}", ""},
		"NoNodePorts":       {"{service: {type: NodePort, apiPort: 30001}}", "of each tenant others"},
		"ClusterIP":         {"{service: {type: ClusterIP}}", ""},
		"Ingress":           {"{" + ingress + "}", ""},
		"OneName":           {"{ingress: {apiHost: a.example.com, konnectivityHost: a.example.com}}", "two different names"},
		"NoName":            {"{ingress: {apiHost: a.example.com}}", "two different names"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.Tenant(k0smotronTenant(t, "tenant-address", tt.spec))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want …%s…", err, tt.want)
			}
		})
	}
	for version, want := range map[string]bool{"v1.33.9": false, "v1.34.0": false, "v1.34.1": true, "v1.35.0": true, "v1.9.1": false, "v1.40.0": true, "v2.0.0": true} {
		in := k0smotronTenant(t, "tenant-address", "{"+ingress+"}")
		in.Spec.Version = version
		_, err := r.Tenant(in)
		if want && err != nil || !want && (err == nil || !strings.Contains(err.Error(), version+"-k0s.0: k0s has its Ingress from v1.34.1 on")) {
			t.Errorf("an Ingress with %s: %v", version, err)
		}
	}
}

// TestK0smotronCannotSleep: who asks for it is told why, in every way to ask.
func TestK0smotronCannotSleep(t *testing.T) {
	r := newRenderer(t)
	in := k0smotronTenant(t, "tenant-address", "")
	unit, err := r.Tenant(in)
	if err != nil {
		t.Fatal(err)
	}
	const why = "makes 1 of them"
	if c := unit.Provider.Capabilities; c.Sleep || !strings.HasSuffix(c.Reasons["sleep"], why) {
		t.Errorf("it says of sleep: %t, %q", c.Sleep, c.Reasons["sleep"])
	}
	in.Spec.Replicas = 0
	if _, err := r.Tenant(in); err == nil || !strings.Contains(err.Error(), why) && !strings.Contains(err.Error(), "replicas") {
		t.Errorf("without replicas: %v", err)
	}
}

// TestK0smotronLabels: labels of a Cluster would stand in selectors that cannot be changed.
func TestK0smotronLabels(t *testing.T) {
	in := k0smotronTenant(t, "tenant-address", "{}")
	in.Class.Files["kustomization.yaml"] = append(in.Class.Files["kustomization.yaml"], "labels: [{pairs: {example.com/tier: a}}]\n"...)
	if _, err := newRenderer(t).Tenant(in); err == nil || !strings.Contains(err.Error(), "label the Namespace") {
		t.Errorf("got %v", err)
	}
}

// TestK0smotronNames: a tenant on a name needs the Ingress of that name.
func TestK0smotronNames(t *testing.T) {
	r := newRenderer(t)
	for spec, want := range map[string]string{
		"": "placed on the name acme.eu-1.example.com",
		"{ingress: {apiHost: other.example.com, konnectivityHost: k.example.com}}":     "have the class say spec.ingress",
		"{ingress: {apiHost: acme.eu-1.example.com, konnectivityHost: k.example.com}}": "",
	} {
		in := k0smotronTenant(t, "tenant-host", spec)
		if spec == "" {
			in.Class.Files = nil
		}
		_, err := r.Tenant(in)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want …%s…", spec, err, want)
		}
	}
}

// TestK0smotronDataStores: its state is in no datastore of Tenantry's.
func TestK0smotronDataStores(t *testing.T) {
	r := newRenderer(t)
	if !r.KeepsState(&fleet.Class{Spec: fleet.ClassSpec{Provider: "k0smotron"}}, "1") {
		t.Error("it wants a datastore")
	}
	in := inputs(t)["providers/kamaji/testdata/datastore-postgresql.input.yaml"].dataStore()
	in.Spec.Provider = "k0smotron"
	if _, err := r.DataStore(in); err == nil || !strings.HasSuffix(err.Error(), "provider k0smotron has no datastore") {
		t.Errorf("a datastore of its own: %v", err)
	}
	how := r.bases["k0smotron"]["1"].parts[partTenant]
	if !how.Stateful(ObjectID{Group: "k0smotron.io", Version: "v1beta2", Kind: "Cluster"}) {
		t.Error("a Cluster bears no state")
	}
}

// TestK0smotronPatches: what tells of our last write stays out of the pods' template.
func TestK0smotronPatches(t *testing.T) {
	unit, err := newRenderer(t).Tenant(k0smotronTenant(t, "tenant-address", ""))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(find(t, unit, "Cluster", "acme")["spec"].(map[string]any)["patches"])
	if err != nil {
		t.Fatal(err)
	}
	for _, annotation := range []string{AnnotationDigest, AnnotationEpoch, AnnotationFields, AnnotationObject} {
		if !strings.Contains(string(text), annotation+": null") {
			t.Errorf("%s goes into the pods' template", annotation)
		}
	}
}
