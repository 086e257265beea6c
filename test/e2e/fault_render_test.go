package e2e

import (
	"net"
	"sync/atomic"
	"testing"

	"github.com/tenantry/tenantry/git/gittest"
)

// What can be wrong with a Component of a tenant's own, and with a class.

func TestFault13BaseOutside(t *testing.T) {
	o := newOrdeal(t, "fault13")
	o.suffers(o.component(map[string]string{"kustomization.yaml": kustomization("resources:\n- ../../../classes/standard\n")},
		o.path("kustomization.yaml"), "../../../classes/standard"))
}

func TestFault14RemoteResource(t *testing.T) {
	o := newOrdeal(t, "fault14")
	var dialled atomic.Int32
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			dialled.Add(1)
			_ = c.Close() // it came: that is all there is to know
		}
	}()
	url := "http://" + server.Addr().String() + "/base.yaml"
	o.suffers(o.component(map[string]string{"kustomization.yaml": kustomization("resources:\n- " + url + "\n")},
		o.path("kustomization.yaml"), url))
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	<-ended
	if n := dialled.Load(); n != 0 {
		t.Errorf("%d connections were made to a host that a tenant named", n)
	}
}

func TestFault15HelmAndPlugins(t *testing.T) {
	o := newOrdeal(t, "fault15")
	for field, lines := range map[string]string{
		"helmCharts": "helmCharts:\n- {name: x, repo: https://charts.example.org, version: 1.0.0}\n",
		"generators": "generators:\n- generator.yaml\n",
	} {
		o.suffers(o.component(map[string]string{"kustomization.yaml": kustomization(lines)}, o.path("kustomization.yaml"), field))
	}
}

func TestFault16OpenAPI(t *testing.T) {
	o := newOrdeal(t, "fault16")
	o.suffers(o.component(map[string]string{
		"kustomization.yaml": kustomization("openapi: {path: schema.json}\n"),
		"schema.json":        `{"definitions": {}}`,
	}, o.path("kustomization.yaml"), "openapi"))
}

func TestFault17DeletedTwice(t *testing.T) {
	o := newOrdeal(t, "fault17")
	const remove = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: control-plane}\n$patch: delete\n"
	o.suffers(o.component(map[string]string{
		"kustomization.yaml": kustomization("patches:\n- path: one.yaml\n- path: two.yaml\n"),
		"one.yaml":           remove,
		"two.yaml":           remove,
	}, o.bad))
}

func TestFault18ForeignNamespace(t *testing.T) {
	o := newOrdeal(t, "fault18")
	o.suffers(o.component(map[string]string{
		"kustomization.yaml": kustomization("resources:\n- foreign.yaml\n"),
		"foreign.yaml":       "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fault18-foreign, namespace: kube-system}\n",
	}, "kube-system/fault18-foreign"))
	if err := o.shard.absent("ConfigMap", "kube-system/fault18-foreign"); err != nil {
		t.Error(err)
	}
}

func TestFault19ClusterScopedKind(t *testing.T) {
	o := newOrdeal(t, "fault19")
	o.suffers(o.component(map[string]string{
		"kustomization.yaml": kustomization("resources:\n- role.yaml\n"),
		"role.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: fault19}\n" +
			"rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]\n",
	}, "ClusterRole", "fault19"))
}

func TestFault20NothingRendered(t *testing.T) {
	o := newOrdeal(t, "fault20")
	// It is the class of both tenants: it stays in force as it last was.
	o.suffers(fault{
		entries: map[string]gittest.Entry{"classes/standard/kustomization.yaml": gittest.File(
			"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../../providers/native]\n" +
				"patches:\n- target: {kind: .*}\n  patch: |\n    $patch: delete\n    apiVersion: v1\n    kind: All\n    metadata: {name: all}\n")},
		says: []string{"classes/standard"},
	})
}
