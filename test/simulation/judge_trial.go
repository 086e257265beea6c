package simulation

import (
	"bytes"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// trial has a shard cut off, another refuse one tenant's objects, and people declare what
// cannot be used, beside one good tenant: in the order of names it comes last. It has to be
// placed and begun with all the same, within the time that decisions take; and after the
// refused one has failed again and again, what is changed of the good one has to be put
// right at once.
func (j *judge) trial() {
	w, well := j.w, j.w.clusters[clusterNames[0]]
	w.say("a shard is cut off, and a good tenant comes with bad ones")
	for _, r := range w.replicas {
		w.weatherOf(r.name, clusterNames[1]).cut = true
	}
	well.server.Admit = func(at *apiserver.Attempt) error {
		if at.Manager != render.FieldManager || at.Key.Namespace != "tenant-aac" {
			return nil
		}
		return apierrors.NewForbidden(schema.GroupResource{Resource: at.Key.Kind}, at.Key.Name, errors.New("denied by policy"))
	}
	w.commit("trial", map[string][]byte{
		"classes/remote/class.yaml":         bytes.Replace(classFile("hosted", "v1.36.3", ""), []byte("name: hosted"), []byte("name: remote"), 1),
		"classes/remote/kustomization.yaml": []byte("resources: [https://example.com/base]\n"),
		tenantFile("web", "aaa"):            tenantDeclared("aaa", "remote", ""),
		tenantFile("web", "aab"):            tenantDeclared("aab", "open", ""),
		"tenants/web/aab/kustomization.yaml": []byte(component + "patches:\n- target: {kind: Deployment, name: control-plane}\n" +
			"  patch: |\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: control-plane}\n    spec: {replicas: 7}\n"),
		tenantFile("web", "aac"): tenantDeclared("aac", "hosted", ", shard: "+shardNames[0]),
		tenantFile("web", "zoe"): tenantDeclared("zoe", "hosted", ", shard: "+shardNames[0]),
		shardFile(shardNames[0]): shardDeclared(shardNames[0], 0, false),
	})
	plane := apiserver.Key{Group: "kamaji.clastix.io", Version: "v1alpha1", Kind: "TenantControlPlane", Namespace: "tenant-zoe", Name: "zoe"}
	if !w.within(2*w.settings.Interval+2*time.Minute, func() bool { return well.server.Get(plane) != nil }) {
		j.violate("Fair", "tenant zoe is not begun with on shard %s, because others are bad or shard %s is cut off", shardNames[0], shardNames[1])
		return
	}
	w.pass(5 * time.Minute) // the pauses after failures get longer
	if j.failed() {
		return
	}
	theirs := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(well.server.Get(plane))}
	w.spoil(theirs, "label")
	_, err := well.server.Write("kubectl-edit", "", theirs.Object)
	w.did(theirs, err)
	if !w.within(30*time.Second, func() bool {
		have := unstructured.Unstructured{Object: well.server.Get(plane)}
		return have.GetLabels()[render.LabelManagedBy] == render.FieldManager
	}) {
		j.violate("Fair", "what people have changed of tenant zoe is not put right, because tenant aac is refused")
	}
}

// within tells whether something comes true in time, or all has failed anyway.
func (w *world) within(patience time.Duration, so func() bool) bool {
	for end := time.Now().Add(patience); !so() && !w.judge.failed(); w.pass(min(patience, 15*time.Second)) {
		if !time.Now().Before(end) {
			return false
		}
	}
	return true
}
