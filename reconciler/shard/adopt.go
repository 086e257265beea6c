package shard

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/tenantry/tenantry/render"
)

// An object that ran before it was declared is taken over as it is:
//
//	look ─► dry run: would only our marks change? ─► hand its fields over ─► apply
//
// Until the apply it is not ours, and whoever stops before that begins anew.
// resourceVersion binds each step to what the one before it has seen.

// adopt prepares the object to be applied by force: it makes sure that this changes
// nothing of it but our marks, and takes the fields that are applied from others. It
// gives the resourceVersion that the apply is good for.
func (t *term) adopt(owner render.Owner, o writing, object *unstructured.Unstructured) (version string, err error) {
	q := &question{shard: t.client, owner: owner, id: o.id, adopts: o.adopts}
	all, err := q.ask(t.ctx, object)
	switch {
	case q.leave == Terminating:
		return "", &problem{ReasonTerminating, fmt.Sprintf("%s is on its way out; nothing is made in its place", o.id)}
	case q.leave != "":
		return "", &problem{ReasonNotAdopted, fmt.Sprintf("%s is not taken over: %s; nothing is made in its place", o.id, q.why)}
	case err != nil:
		return "", err
	case len(all) > 0:
		return "", &problem{ReasonNotAdopted, fmt.Sprintf(
			"%s is not as it is declared, in %s: run tenantry import again, or declare it so", o.id, someOf(all))}
	}
	return t.handOver(q)
}

// someOf names the first fields that would change.
func someOf(all []Change) string {
	const some = 5
	var names []string
	for _, c := range all[:min(len(all), some)] {
		names = append(names, c.Field)
	}
	text := strings.Join(names, ", ")
	if more := len(all) - some; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// handOver gives us the fields that an apply would, and takes them from everybody else:
// a field that others own too would stay when it is declared no more.
func (t *term) handOver(q *question) (version string, err error) {
	entries, changed := handedOver(q.live.GetManagedFields(), entryOf(q.become.GetManagedFields()))
	if !changed {
		return q.live.GetResourceVersion(), nil
	}
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": q.live.GetUID(), "resourceVersion": q.live.GetResourceVersion(), "managedFields": entries,
	}})
	if err != nil {
		return "", &problem{ReasonInternal, "the patch cannot be written as JSON"}
	}
	stored, _, err := t.client.do(t.ctx, call{
		verb: http.MethodPatch, id: q.id, patch: types.MergePatchType, body: body, accept: asMetadata,
		params: map[string]string{"fieldManager": render.FieldManager},
	})
	if err != nil {
		return "", err
	}
	return stored.GetResourceVersion(), nil
}

// handedOver are an object's managers once ours has its fields, which is to be the only
// one: of the mappings and lists around them, too, since what others keep empty of those
// would stay, and may mean something. Our own entry has no marks yet, since the object
// has none. It goes with the others' loss, so that there always is one: of an object
// without any, an API server takes all fields for somebody's who wrote before.
func handedOver(entries []metav1.ManagedFieldsEntry, ours *metav1.ManagedFieldsEntry) (all []metav1.ManagedFieldsEntry, changed bool) {
	if ours == nil {
		return entries, false // an apply that sets nothing
	}
	around, unmarked := fieldpath.NewSet(), fieldpath.NewSet()
	setOf(ours).Iterate(func(p fieldpath.Path) {
		for n := range p {
			around.Insert(p[:n+1].Copy())
		}
		if !marksPath(p) {
			unmarked.Insert(p.Copy())
		}
	})
	changed = len(entries) == 0
	for _, e := range entries {
		switch theirs := setOf(&e); {
		case e.Subresource != "":
			all = append(all, e)
		case e.Manager == ours.Manager && e.Operation == ours.Operation:
			unmarked = unmarked.Union(theirs)
		case theirs.Intersection(around).Empty():
			all = append(all, e)
		default:
			changed = true
			if left := theirs.Difference(around); !left.Empty() {
				all = append(all, holding(e, left))
			}
		}
	}
	return append(all, holding(*ours, unmarked)), changed
}

func holding(e metav1.ManagedFieldsEntry, set *fieldpath.Set) metav1.ManagedFieldsEntry {
	raw, err := set.ToJSON()
	if err != nil {
		return e // a set that was read or computed can be written
	}
	e.FieldsV1 = metav1.NewFieldsV1(string(raw))
	return e
}

// isMark tells whether a label or an annotation is one of ours.
func isMark(name string) bool {
	return strings.HasPrefix(name, "tenantry.io/") || name == render.LabelManagedBy
}

// marksPath tells whether a field is one of our marks.
func marksPath(p fieldpath.Path) bool {
	names := make([]string, 0, len(p))
	for _, e := range p {
		if e.FieldName == nil {
			return false
		}
		names = append(names, *e.FieldName)
	}
	return len(names) == 3 && names[0] == "metadata" && slices.Contains([]string{"labels", "annotations"}, names[1]) && isMark(names[2])
}

// wearMarks has an object wear another one's marks and no other.
func wearMarks(object, other *unstructured.Unstructured) {
	object.SetLabels(worn(object.GetLabels(), other.GetLabels()))
	object.SetAnnotations(worn(object.GetAnnotations(), other.GetAnnotations()))
}

func worn(all, others map[string]string) map[string]string {
	maps.DeleteFunc(all, func(name, _ string) bool { return isMark(name) })
	for name, value := range others {
		if isMark(name) {
			if all == nil {
				all = map[string]string{}
			}
			all[name] = value
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}
