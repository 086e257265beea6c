package adoption_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/render/adoption"
)

// plane is a TenantControlPlane as people have it: made by hand, with what its definition
// and Kamaji filled in.
func plane(namespace, name string, change ...func(o object)) object {
	o := object{
		"apiVersion": "kamaji.clastix.io/v1alpha1", "kind": "TenantControlPlane",
		"metadata": object{
			"name": name, "namespace": namespace, "uid": "uid-" + namespace + "-" + name, "resourceVersion": "7", "generation": int64(2),
			"labels":      object{"tenant.clastix.io": name},
			"annotations": object{"kubectl.kubernetes.io/last-applied-configuration": "{}"},
			"finalizers":  []any{"finalizer.kamaji.clastix.io/soot"},
		},
		"spec": object{
			"addons":    object{"coreDNS": object{}, "kubeProxy": object{}},
			"dataStore": "default", "writePermissions": object{},
			"controlPlane": object{
				"deployment": object{"replicas": int64(2), "additionalMetadata": object{}, "registrySettings": object{"registry": "registry.k8s.io"}},
				"service":    object{"serviceType": "LoadBalancer", "additionalMetadata": object{}},
			},
			"kubernetes": object{"version": "v1.33.2", "kubelet": object{"cgroupfs": "systemd"}},
			"networkProfile": object{
				"port": int64(6443), "certSANs": []any{name + ".example.com"}, "clusterDomain": "cluster.local",
				"serviceCidr": "10.96.0.0/16", "serviceCidrs": []any{"10.96.0.0/16"}, "podCidr": "10.244.0.0/16", "dnsServiceIPs": []any{"10.96.0.10"},
			},
		},
		"status": object{
			"controlPlaneEndpoint": "10.0.0.7:6443",
			"storage":              object{"dataStoreName": "default", "setup": object{"schema": namespace + "_" + name, "user": namespace + "_" + name}},
		},
	}
	for _, c := range change {
		c(o)
	}
	return o
}

// with sets a field, at a path of keys.
func with(v any, path ...string) func(o object) {
	return func(o object) {
		for _, key := range path[:len(path)-1] {
			below, ok := o[key].(object)
			if !ok {
				below = object{}
				o[key] = below
			}
			o = below
		}
		if v == nil {
			delete(o, path[len(path)-1])
			return
		}
		o[path[len(path)-1]] = v
	}
}

// told is what was left out, a line each.
func told(r *adoption.Result) string {
	var out strings.Builder
	for _, l := range r.Left {
		fmt.Fprintf(&out, "%s %s: %s\n", l.Object, l.Field, l.Reason)
	}
	return out.String()
}

func names(r *adoption.Result) []string {
	var out []string
	for _, o := range r.Imported {
		out = append(out, string(o.Kind)+" "+o.Name)
	}
	return out
}

func TestWhatCannotBeImportedIsTold(t *testing.T) {
	replicas := []string{"spec", "controlPlane", "deployment", "replicas"}
	owner := func(kind string) func(o object) {
		return with([]any{object{"apiVersion": "example.com/v1", "kind": kind, "name": "boss", "controller": true}}, "metadata", "ownerReferences")
	}
	for name, tt := range map[string]struct {
		change func(o object)
		want   string
	}{
		"asleep":         {with(int64(0), replicas...), "it is asleep, with 0 replicas: wake it"},
		"too many":       {with(int64(10), replicas...), "it has 10 replicas: want 1 to 9"},
		"version":        {with("1.33", "spec", "kubernetes", "version"), `its version is "1.33": want vMAJOR.MINOR.PATCH`},
		"no version":     {with(nil, "spec", "kubernetes", "version"), "no such key: version"},
		"no endpoint":    {with(nil, "status", "controlPlaneEndpoint"), "it has no endpoint yet"},
		"bad endpoint":   {with("no such_name:6443", "status", "controlPlaneEndpoint"), "spec.adopt.host: Invalid value"},
		"no schema":      {with(nil, "status", "storage", "setup"), "has not set up its schema"},
		"no datastore":   {with("other", "spec", "dataStore"), "its datastore other is not there, and not declared"},
		"deleted":        {with("2026-01-01T00:00:00Z", "metadata", "deletionTimestamp"), "it is being deleted"},
		"controlled":     {owner("Fleet"), "Fleet boss made it, and controls it"},
		"copied":         {with("x", "metadata", "labels", render.LabelUID), "of another object: it was copied"},
		"no uid":         {with(nil, "metadata", "uid"), "it has no uid"},
		"no network":     {with("10.96.0.0", "spec", "networkProfile", "serviceCidr"), "10.96.0.0"},
		"system":         {with("kube-system", "metadata", "namespace"), "kube-system is no place for tenants"},
		"other fields":   {with(object{"x": "y"}, "data"), "TenantControlPlane.kamaji.clastix.io/team-a/acme data.x: it cannot be declared as it is"},
		"ordered about":  {with("1h", "metadata", "annotations", "kamaji.clastix.io/migration-timeout"), ""},
		"written over":   {with("x", "metadata", "labels", "tenantry.io/team"), ""},
		"no name of one": {with("a.b", "metadata", "name"), "its name want lower-case letters"},
	} {
		t.Run(name, func(t *testing.T) {
			r := imported(t, nil, plane("team-a", "acme", tt.change), store("default"))
			got := told(r)
			switch {
			case tt.want == "" && got != "":
				t.Errorf("told:\n%s", got)
			case tt.want != "" && !strings.Contains(got, tt.want):
				t.Errorf("told:\n%swant %q", got, tt.want)
			}
			if imported := slices.ContainsFunc(names(r), func(n string) bool { return strings.HasPrefix(n, "tenant") }); imported != (tt.want == "") {
				t.Errorf("imported: %v", names(r))
			}
			if names(r)[0] != "datastore default" {
				t.Errorf("the datastore is not imported: %v", names(r))
			}
		})
	}
}

func TestDataStoresThatCannotBeImported(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(o object)
		want   string
	}{
		"inline":      {with(object{"content": "cG9zdGdyZXM="}, "spec", "basicAuth", "username"), "spec.basicAuth holds the user name or the password itself"},
		"authority":   {with(object{"certificate": object{"content": "x"}}, "spec", "tlsConfig", "certificateAuthority"), "spec.tlsConfig.certificateAuthority holds"},
		"client":      {with(object{"privateKey": object{"content": "x"}}, "spec", "tlsConfig", "clientCertificate"), "spec.tlsConfig.clientCertificate holds"},
		"driver":      {with("NATS", "spec", "driver"), "spec.driver: NATS"},
		"more":        {with("y", "spec", "adminAPI"), "cannot say spec.adminAPI"},
		"endpoint":    {with([]any{"no such_host"}, "spec", "endpoints"), "spec.endpoints[0]"},
		"no endpoint": {with(nil, "spec", "endpoints"), "no such key: endpoints"},
		"named":       {with("Default", "metadata", "name"), "neither Default nor eu-1-Default is a name for it"},
	} {
		t.Run(name, func(t *testing.T) {
			d := store("default")
			tt.change(d)
			r := imported(t, nil, d, plane("team-a", "acme", with(d["metadata"].(object)["name"], "spec", "dataStore")))
			if got := told(r); !strings.Contains(got, tt.want) || !strings.Contains(got, "is not imported, as is told of that") {
				t.Errorf("told:\n%swant %q", got, tt.want)
			}
			if len(r.Imported)+len(r.Files) > 0 {
				t.Errorf("imported: %v", names(r))
			}
			if strings.Contains(told(r), "cG9zdGdyZXM=") {
				t.Error("the content is told")
			}
		})
	}
}

// What is somebody's already is not told: ours, and parts of what is imported.
func TestWhatIsSomebodysIsSilent(t *testing.T) {
	ours := plane("team-a", "acme", with("x", "metadata", "labels", render.LabelUID),
		with("TenantControlPlane.kamaji.clastix.io/team-a/acme", "metadata", "annotations", render.AnnotationObject))
	control := object{
		"apiVersion": "controlplane.cluster.x-k8s.io/v1alpha2", "kind": "KamajiControlPlane",
		"metadata": object{
			"name": "boss", "namespace": "team-b", "uid": "k",
			"ownerReferences": []any{object{"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "name": "boss"}},
		},
		"spec": object{"version": "v1.33.2"},
	}
	above := object{
		"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster",
		"metadata": object{"name": "boss", "namespace": "team-b", "uid": "b", "deletionTimestamp": "2026-01-01T00:00:00Z"},
		"spec":     object{"controlPlaneRef": object{"kind": "KamajiControlPlane", "name": "boss"}},
	}
	part := plane("team-b", "boss", with([]any{object{"apiVersion": control["apiVersion"], "kind": control["kind"], "name": "boss", "controller": true}}, "metadata", "ownerReferences"))
	other := object{
		"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "metadata": object{"name": "kubeadm", "namespace": "team-c", "uid": "c"},
		"spec": object{"controlPlaneRef": object{"kind": "KubeadmControlPlane", "name": "kubeadm"}},
	}
	r := imported(t, nil, ours, control, part, other, above)
	if got := told(r); got != "Cluster.cluster.x-k8s.io/team-b/boss : it is being deleted\n" || len(r.Imported) > 0 {
		t.Errorf("told:\n%simported: %v", got, names(r))
	}
	// A part of what cannot be seen is told.
	r = imported(t, nil, control, part)
	if got := told(r); !strings.Contains(got, "TenantControlPlane.kamaji.clastix.io/team-b/boss : KamajiControlPlane boss made it") {
		t.Errorf("told:\n%s", got)
	}
}

func TestNamesAreUnique(t *testing.T) {
	r := imported(t, nil, store("default"), plane("team-a", "acme"), plane("team-b", "acme"), plane("team-b-acme", "x"), plane("x", "team-b-acme"))
	want := []string{"datastore default", "tenant acme", "tenant team-b-acme", "tenant x", "tenant x-team-b-acme"}
	if got := slices.Sorted(slices.Values(names(r))); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v\n%s", got, want, told(r))
	}
	// The second shard has a datastore of the same name.
	r = imported(t, map[string][]byte{
		"shards/eu-2.yaml":        []byte("apiVersion: tenantry.io/v1alpha1\nkind: Shard\nmetadata: {name: eu-2}\nspec: {domain: x.example.com}\n"),
		"datastores/default.yaml": []byte("apiVersion: tenantry.io/v1alpha1\nkind: DataStore\nmetadata: {name: default}\nspec: {driver: etcd, shards: [eu-2], managed: {}}\n"),
	}, store("default"), plane("team-a", "acme"))
	if got := names(r); !slices.Equal(got, []string{"datastore eu-1-default", "tenant acme"}) {
		t.Errorf("got %v\n%s", got, told(r))
	}
}

// A name that the ledger has is not given again, until its tenant is purged; and who is being
// taken over there is declared, if not in these files.
func TestNamesInTheLedger(t *testing.T) {
	gone := &ledger.Tombstone{PurgeAfter: time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)}
	adopted := func(object, uid string) map[string]string { return map[string]string{object: uid} }
	decided := ledger.Empty().With(ledger.Changes{
		Tenants: map[string]*ledger.Tenant{
			"acme":    {Name: "acme", Lifecycle: ledger.Living, Placement: ledger.Placement{Shard: "eu-2"}},
			"globex":  {Name: "globex", Lifecycle: ledger.Tombstoned, Tombstone: gone},
			"hooli":   {Name: "hooli", Lifecycle: ledger.Purging, Tombstone: gone},
			"initech": {Name: "initech", Lifecycle: ledger.Purged, Tombstone: gone},
			"umbrella": {
				Name: "umbrella", Lifecycle: ledger.Living, Source: "tenants/ops/umbrella", Placement: ledger.Placement{Shard: "eu-1"},
				Adopted: &ledger.Adopted{Objects: adopted("TenantControlPlane.kamaji.clastix.io/team-a/umbrella", "uid-team-a-umbrella")},
			},
			"vandelay": {
				Name: "vandelay", Lifecycle: ledger.Tombstoned, Tombstone: gone,
				Adopted: &ledger.Adopted{Objects: adopted("TenantControlPlane.kamaji.clastix.io/team-a/vandelay", "uid-team-a-vandelay")},
			},
		},
		DataStores: map[string]*ledger.DataStore{"default": {Name: "default", Shard: "eu-2"}},
	})
	r := importedBeside(t, decided, nil, store("default"), plane("team-a", "acme"), plane("team-a", "globex"), plane("team-a", "hooli"),
		plane("team-a", "initech"), plane("team-a", "umbrella"), plane("team-a", "vandelay"))
	want := []string{
		"datastore eu-1-default", "tenant initech", "tenant team-a-acme", "tenant team-a-globex", "tenant team-a-hooli", "tenant team-a-vandelay",
	}
	if got := slices.Sorted(slices.Values(names(r))); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v\n%s", got, want, told(r))
	}
	if len(r.Declared) != 1 || r.Declared[0].File != "tenants/ops/umbrella/tenant.yaml" {
		t.Errorf("declared %+v, want umbrella", r.Declared)
	}
	warnings := map[string]string{}
	for _, o := range r.Imported {
		warnings[o.Name] = strings.Join(o.Warnings, "\n")
	}
	const removed = ": the ledger has one of this name, which was removed, and whose data is kept until 2026-03-04T10:00:00Z"
	wantWarnings := map[string]string{
		"eu-1-default": "cannot be called default: the ledger has one of this name on shard eu-2",
		"initech":      "", "team-a-acme": "cannot be called acme: the ledger has one of this name, which lives on shard eu-2",
		"team-a-globex": "cannot be called globex" + removed, "team-a-hooli": "cannot be called hooli" + removed, "team-a-vandelay": "cannot be called vandelay" + removed,
	}
	if diff := cmp.Diff(wantWarnings, warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// A datastore of another shard is another one, whatever it is called.
func TestDataStoreOfAnotherShard(t *testing.T) {
	r := imported(t, map[string][]byte{
		"shards/eu-2.yaml":          []byte("apiVersion: tenantry.io/v1alpha1\nkind: Shard\nmetadata: {name: eu-2}\nspec: {domain: x.example.com}\n"),
		"datastores/elsewhere.yaml": []byte("apiVersion: tenantry.io/v1alpha1\nkind: DataStore\nmetadata: {name: elsewhere}\nspec: {driver: etcd, shards: [eu-2], managed: {}}\n"),
	}, plane("team-a", "acme", with("elsewhere", "spec", "dataStore")))
	if got := told(r); !strings.Contains(got, "its datastore elsewhere is not there, and not declared") {
		t.Errorf("told:\n%s", got)
	}
}

// What was imported once is declared; what came later joins its class, or gets another.
func TestImportAgain(t *testing.T) {
	first := imported(t, nil, store("default"), plane("team-a", "acme"), plane("team-a", "globex"))
	again := imported(t, first.Files, store("default"), plane("team-a", "acme"), plane("team-a", "globex"))
	if len(again.Files)+len(again.Imported)+len(again.Left) > 0 || len(again.Declared) != 3 {
		t.Errorf("files %v, declared %v, told:\n%s", sorted(again.Files), again.Declared, told(again))
	}
	more := imported(t, first.Files, store("default"), plane("team-a", "acme"), plane("team-b", "hooli"),
		plane("team-b", "initech", with([]any{"--v=4"}, "spec", "controlPlane", "deployment", "extraArgs", "apiServer")))
	classes := map[string]string{}
	for _, o := range more.Imported {
		classes[o.Name] = o.Class
	}
	if want := map[string]string{"hooli": "imported-kamaji", "initech": "imported-kamaji-2"}; !maps.Equal(classes, want) {
		t.Errorf("got %v, want %v\n%s", classes, want, told(more))
	}
	if more.Files["classes/imported-kamaji/class.yaml"] != nil {
		t.Error("a class that is there is written")
	}
	all := maps.Clone(first.Files)
	maps.Copy(all, more.Files)
	last := imported(t, all, store("default"), plane("team-b", "hooli", with("another", "metadata", "uid")))
	if len(last.Imported) != 1 || last.Imported[0].Name != "team-b-hooli" {
		t.Errorf("another object of the same name: %v\n%s", names(last), told(last))
	}
}

// A class has what all have in common, and no more; what one alone has is its own.
func TestCommonIsTheClass(t *testing.T) {
	r := imported(t, nil, store("default"), plane("team-a", "acme"),
		plane("team-a", "globex", with([]any{"--v=4"}, "spec", "controlPlane", "deployment", "extraArgs", "apiServer")))
	class := string(r.Files["classes/imported-kamaji/tenant-control-plane.yaml"])
	if !strings.Contains(class, "registry: registry.k8s.io") || strings.Contains(class, "extraArgs") || strings.Contains(class, "tenant.clastix.io") {
		t.Errorf("the class is\n%s", class)
	}
	own := string(r.Files["tenants/web/globex/tenant-control-plane.yaml"])
	if !strings.Contains(own, "--v=4") || !strings.Contains(own, "tenant.clastix.io: globex") || strings.Contains(own, "registry") {
		t.Errorf("globex is\n%s", own)
	}
	// One alone has nothing in common but what does not speak of it.
	r = imported(t, nil, store("default"), plane("team-a", "acme"))
	if class := string(r.Files["classes/imported-kamaji/tenant-control-plane.yaml"]); strings.Contains(class, "acme") || !strings.Contains(class, "coreDNS") {
		t.Errorf("the class of one is\n%s", class)
	}
}

func TestOtherTendersAreWarnedOf(t *testing.T) {
	r := imported(t, nil, store("default"),
		plane("team-a", "helm", with("prod", "metadata", "annotations", "meta.helm.sh/release-name"), with("ops", "metadata", "annotations", "meta.helm.sh/release-namespace"),
			with("Helm", "metadata", "labels", "app.kubernetes.io/managed-by"), with("kamaji-1", "metadata", "labels", "helm.sh/chart")),
		plane("team-a", "flux", with("apps", "metadata", "labels", "kustomize.toolkit.fluxcd.io/name"), with("flux-system", "metadata", "labels", "kustomize.toolkit.fluxcd.io/namespace")),
		plane("team-a", "argo", with("planes:kamaji.clastix.io/TenantControlPlane:team-a/argo", "metadata", "annotations", "argocd.argoproj.io/tracking-id")))
	want := map[string]string{
		"helm": "Helm release ops/prod", "flux": "Flux' Kustomization flux-system/apps", "argo": "Argo CD application planes", "default": "",
	}
	for _, o := range r.Imported {
		if w := want[o.Name]; w == "" && len(o.Warnings) > 0 || w != "" && (len(o.Warnings) != 1 || !strings.Contains(o.Warnings[0], w)) {
			t.Errorf("%s: %v, want %q", o.Name, o.Warnings, w)
		}
	}
	for name, data := range r.Files {
		for _, word := range []string{"helm.sh", "fluxcd", "argoproj", "kubectl", "Helm"} {
			if strings.Contains(string(data), word) {
				t.Errorf("%s speaks of %s:\n%s", name, word, data)
			}
		}
	}
	if len(r.Imported) != 4 {
		t.Errorf("imported %v, told:\n%s", names(r), told(r))
	}
}

// A namespace that goes with a tenant takes everybody with it.
func TestNamespaceOfATenant(t *testing.T) {
	r := imported(t, map[string][]byte{
		"classes/standard/class.yaml":    []byte("apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: standard}\nspec: {provider: native, version: v1.33.2}\n"),
		"tenants/web/globex/tenant.yaml": []byte("apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata: {name: globex}\nspec: {class: standard}\n"),
	}, store("default"), plane("tenant-globex", "acme"), plane("tenant-other", "acme"))
	if got := told(r); !strings.Contains(got, "tenant-globex/acme : its namespace tenant-globex is that of tenant globex") || len(r.Left) != 1 {
		t.Errorf("told:\n%s", got)
	}
}

// The same objects give the same files, in whatever order they are read.
func TestRunIsDeterministic(t *testing.T) {
	objects := append(capi(), plane("team-b", "globex"), plane("team-b", "acme"), plane("team-c", "acme", with(int64(0), "spec", "controlPlane", "deployment", "replicas")),
		plane("team-d", "hooli", with([]any{"--v=4"}, "spec", "controlPlane", "deployment", "extraArgs", "apiServer")), store("other"))
	want := imported(t, nil, objects...)
	for range 5 {
		slices.Reverse(objects)
		objects = append(objects[3:], objects[:3]...)
		if diff := cmp.Diff(want, imported(t, nil, objects...)); diff != "" {
			t.Fatalf("-before +after:\n%s", diff)
		}
	}
}

// No tenant's own patch may order an operator about, so that what only one says is told.
func TestOrdersOfOneAreTold(t *testing.T) {
	ordered := with("1h", "metadata", "annotations", "kamaji.clastix.io/migration-timeout")
	r := imported(t, nil, store("default"), plane("team-a", "acme", ordered), plane("team-a", "globex"))
	if got := told(r); !strings.Contains(got, "metadata.annotations.[kamaji.clastix.io/migration-timeout]: a tenant may not change it") || !slices.Equal(names(r), []string{"datastore default", "tenant globex"}) {
		t.Errorf("imported %v, told:\n%s", names(r), got)
	}
	r = imported(t, nil, store("default"), plane("team-a", "acme", ordered), plane("team-a", "globex", ordered))
	if told(r) != "" || len(r.Imported) != 3 {
		t.Errorf("imported %v, told:\n%s", names(r), told(r))
	}
}
