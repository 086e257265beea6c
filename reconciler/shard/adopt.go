package shard

import (
	"fmt"
	"maps"
	"net/http"
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

// handOver takes the fields that an apply sets from everybody else: a field that others
// own too would stay when it is declared no more.
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

// handedOver are an object's entries without the fields that ours is to hold, nor the
// mappings and lists around them: what others hold of those would stay, empty, and may
// mean something. Whoever holds nothing any more is left out.
//
// Of an object without any entry the next apply would take all fields for somebody's who
// wrote before. So the last to go leaves one of ours, of a mark that is not there yet.
func handedOver(entries []metav1.ManagedFieldsEntry, ours *metav1.ManagedFieldsEntry) (left []metav1.ManagedFieldsEntry, changed bool) {
	around := fieldpath.NewSet()
	setOf(ours).Iterate(func(p fieldpath.Path) {
		for n := range p {
			around.Insert(p[:n+1].Copy())
		}
	})
	mine := entryOf(entries)
	for i := range entries {
		e := &entries[i]
		theirs := setOf(e)
		if e == mine || e.Subresource != "" || theirs.Intersection(around).Empty() {
			left = append(left, *e)
			continue
		}
		changed = true
		if rest := theirs.Difference(around); !rest.Empty() {
			left = append(left, holding(*e, rest))
		}
	}
	if len(left) == 0 {
		epoch := fieldpath.MakePathOrDie("metadata", "annotations", render.AnnotationEpoch)
		return []metav1.ManagedFieldsEntry{holding(*ours, fieldpath.NewSet(epoch))}, true
	}
	return left, changed
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
