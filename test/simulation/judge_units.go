package simulation

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"

	kjson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// classInForce tells whether a class is in force as it is declared, or cannot be.
func (j *judge) classInForce(k *fleet.Class, e *ledger.Class) bool {
	r := j.w.renderer(j.w.replicas[0]) // all are of one version in the end
	base := r.BaseFor(k)
	if e != nil && k.Spec.BaseVersion == "" && k.Own == nil {
		base = e.BaseVersion
	}
	if r.Check(k, base) != nil {
		return true
	}
	if e == nil || e.BaseVersion != base {
		return false
	}
	return j.sameFolder("classes/"+e.Name, e.Tree) && (k.Own == nil) == (e.ProviderTree == "") &&
		(k.Own == nil || j.sameFolder("providers/"+e.Provider, e.ProviderTree))
}

// sameFolder tells whether a tree that the ledger names is a folder as it is declared.
func (j *judge) sameFolder(declared, tree string) bool {
	want, wantErr := j.filesIn(j.declaredTips.tip(), declared)
	have, haveErr := j.filesIn(j.ledgerTips.tip(), ledger.SourcePath(tree))
	return wantErr == nil && haveErr == nil && maps.EqualFunc(want, have, bytes.Equal)
}

// unitUnequal compares what should be there of an owner with what its cluster holds.
func (j *judge) unitUnequal(u *render.Unit, uid, shard string, epoch int64) string {
	c := j.w.clusters[j.clusterOf(shard)]
	if c == nil {
		return fmt.Sprintf("shard %s is no cluster's", shard)
	}
	keep := map[string]bool{}
	for _, want := range u.Objects {
		keep[want.ID.String()] = true
		have := c.server.Get(keyOf(want.ID))
		if have == nil {
			return fmt.Sprintf("%s is missing on %s", want.ID, c.name)
		}
		m := marksOf(keyOf(want.ID), have)
		digest, _ := mapping(mapping(have, "metadata"), "annotations")[render.AnnotationDigest].(string)
		switch {
		case !m.owned || m.uid != uid:
			return fmt.Sprintf("%s on %s is of %q", want.ID, c.name, m.uid)
		case mapping(have, "metadata")["deletionTimestamp"] != nil:
			return fmt.Sprintf("%s on %s is on its way out", want.ID, c.name)
		case digest != want.Digest:
			return fmt.Sprintf("%s on %s has digest %s, wanted %s", want.ID, c.name, digest, want.Digest)
		case m.epoch > epoch:
			return fmt.Sprintf("%s on %s has epoch %d, the ledger says %d", want.ID, c.name, m.epoch, epoch)
		}
		var body map[string]any
		if err := kjson.Unmarshal(want.JSON, &body); err != nil {
			return fmt.Sprintf("%s: %v", want.ID, err)
		}
		if field := lacks(body, have, ""); field != "" {
			return fmt.Sprintf("%s on %s is not as rendered: %s", want.ID, c.name, field)
		}
	}
	for _, d := range u.Derived {
		keep[d.ID.String()] = true
		if m := marksOf(keyOf(d.ID), c.server.Get(keyOf(d.ID))); !m.owned || m.uid != uid {
			return fmt.Sprintf("%s is missing on %s", d.ID, c.name)
		}
		have, err := clientOf(c.server.Get(keyOf(d.ID)), d.Key)
		want, _ := mapping(c.server.Get(keyOf(d.Certificate)), "data")["tls.crt"].(string)
		if err != nil || base64.StdEncoding.EncodeToString(have) != want {
			return fmt.Sprintf("%s on %s is not made of %s as it is (%v)", d.ID, c.name, d.Certificate, err)
		}
	}
	for key, whose := range j.present[c.name] {
		if whose == uid && !keep[nameOf(key)] && !u.Provider.Stateful(idOf(key)) {
			return fmt.Sprintf("%s is there on %s, and not wanted", nameOf(key), c.name)
		}
	}
	return ""
}

// lacks names what is wanted and not there; others may have put more.
func lacks(want, have any, at string) string {
	switch want := want.(type) {
	case map[string]any:
		have, ok := have.(map[string]any)
		if !ok {
			return at
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if where := lacks(want[name], have[name], at+"."+name); where != "" {
				return where
			}
		}
		return ""
	case []any:
		have, ok := have.([]any)
		if !ok && len(want) > 0 {
			return at
		}
		for i, w := range want {
			if !slices.ContainsFunc(have, func(h any) bool { return lacks(w, h, "") == "" }) {
				return fmt.Sprintf("%s[%d]", at, i)
			}
		}
		return ""
	}
	if reflect.DeepEqual(want, have) || fmt.Sprint(want) == fmt.Sprint(have) || want == "" && have == nil {
		return ""
	}
	return fmt.Sprintf("%s: want %v, have %v", at, want, have)
}

func keyOf(id render.ObjectID) apiserver.Key {
	return apiserver.Key{Group: id.Group, Version: id.Version, Kind: id.Kind, Namespace: id.Namespace, Name: id.Name}
}

// finished tells of a Job that has done what it was made for.
func finished(o apiserver.Object) bool {
	conditions, _ := mapping(o, "status")["conditions"].([]any)
	return o["kind"] == "Job" && slices.ContainsFunc(conditions, func(c any) bool {
		condition, _ := c.(map[string]any)
		return condition["type"] == "Complete" && condition["status"] == "True"
	})
}

// statusUnequal compares what is said of a tenant with what is so.
func (j *judge) statusUnequal(u *render.Unit, e *ledger.Tenant, statuses map[string][]byte) string {
	file := path.Join("status", e.Placement.Shard, ledger.Dir(e.Name), e.Name+".yaml")
	data, there := statuses[file]
	if !there {
		return "there is no " + file
	}
	var st core.TenantStatus
	if err := yaml.Unmarshal(data, &st); err != nil {
		return fmt.Sprintf("%s cannot be read: %v", file, err)
	}
	phase := core.Ready
	if e.Lifecycle == ledger.Tombstoned {
		phase = core.Removed
	}
	switch {
	case st.Phase != phase:
		return fmt.Sprintf("%s says %s, want %s: %s", file, st.Phase, phase, words(st.Conditions))
	case st.UID != e.UID || st.Shard != e.Placement.Shard || st.Epoch != e.Epoch || st.Source != e.Source || st.DataStore != e.Placement.DataStore:
		return fmt.Sprintf("%s speaks of another: %+v", file, st)
	case !isTrue(st.Conditions, "Applied"):
		return fmt.Sprintf("%s says %s", file, words(st.Conditions))
	case st.Endpoint != u.Endpoint || st.Digest != u.Digest:
		return fmt.Sprintf("%s says %s and %s, want %s and %s", file, st.Endpoint, st.Digest, u.Endpoint, u.Digest)
	case phase != core.Ready || u.Kubeconfig == nil:
		return ""
	case st.Kubeconfig == nil:
		return file + " names no kubeconfig"
	}
	k := st.Kubeconfig
	want := core.KubeconfigRef{Shard: e.Placement.Shard, Namespace: u.Kubeconfig.Namespace, Secret: u.Kubeconfig.Name, Key: u.Kubeconfig.Key}
	secret := j.w.clusters[j.clusterOf(want.Shard)].server.Get(apiserver.Key{Version: "v1", Kind: "Secret", Namespace: want.Namespace, Name: want.Secret})
	var err error
	if want.Fingerprint, want.NotAfter, err = certified(secret, want.Key); err != nil || *k != want {
		return fmt.Sprintf("%s names the kubeconfig %+v, want %+v (%v)", file, *k, want, err)
	}
	return ""
}

func words(conditions []core.Condition) string {
	text, _ := json.Marshal(conditions)
	return string(text)
}
