package adoption

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/render"
)

// live is one object as a shard holds it.
type live struct {
	id      render.ObjectID
	uid     string
	content content
	// fault says why nothing can be read of it.
	fault error
}

// shard is all that was read, by kind and name.
type shard struct {
	objects map[render.ObjectID]*live
	// mains are the kinds of main objects: each of these is told of by itself.
	mains map[render.ObjectID]bool
}

// key names an object whatever version it was read in.
func key(id render.ObjectID) render.ObjectID {
	id.Version = ""
	return id
}

func newShard(objects []map[string]any, imports []*render.Import) shard {
	s := shard{map[render.ObjectID]*live{}, map[render.ObjectID]bool{}}
	for _, i := range imports {
		s.mains[i.Kinds()[0]] = true
	}
	for _, raw := range objects {
		o := &live{}
		v, err := plain(raw)
		o.content, _ = v.(content)
		if err != nil {
			o.content, o.fault = raw, err
		}
		o.id = idOf(o.content)
		o.uid = text(o.content, "metadata", "uid")
		s.objects[key(o.id)] = o
	}
	return s
}

// of are the objects of a kind, by namespace and name.
func (s shard) of(kind render.ObjectID) []*live {
	var out []*live
	for _, o := range s.objects {
		if o.id.Group == kind.Group && o.id.Kind == kind.Kind && o.id.Version == kind.Version {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b *live) int {
		return strings.Compare(a.id.Namespace+"\x00"+a.id.Name, b.id.Namespace+"\x00"+b.id.Name)
	})
	return out
}

// beside are the objects of further kinds that are named as o is.
func (s shard) beside(o *live, kinds []render.ObjectID) []map[string]any {
	var out []map[string]any
	for _, k := range kinds {
		k.Namespace, k.Name = o.id.Namespace, o.id.Name
		if other := s.objects[key(k)]; other != nil && other.fault == nil {
			out = append(out, other.content)
		}
	}
	return out
}

// judge says whether a main object may be imported, and why not; without a reason it is
// somebody's already: ours, or a part of another one.
func (s shard) judge(o *live) (ok bool, why string) {
	meta, _ := o.content["metadata"].(content)
	controller := controllerOf(meta)
	switch {
	case controller.Kind != "" && s.imported(controller, o.id.Namespace, 0):
		return false, ""
	case controller.Kind != "":
		return false, fmt.Sprintf("%s %s made it, and controls it: what controls is imported, if it is of a kind that can be", controller.Kind, controller.Name)
	case text(meta, "labels", render.LabelUID) != "" && text(meta, "annotations", render.AnnotationObject) == o.id.String():
		return false, ""
	}
	why = o.blemish()
	return why == "", why
}

// blemish says why an object can be taken over by nobody; empty when it can.
func (o *live) blemish() string {
	meta, _ := o.content["metadata"].(content)
	labels, _ := meta["labels"].(content)
	switch {
	case o.fault != nil:
		return o.fault.Error()
	case labels[render.LabelUID] != nil:
		return "it carries the label " + render.LabelUID + " of another object: it was copied; take the label off, and import again"
	case meta["deletionTimestamp"] != nil:
		return "it is being deleted"
	case o.uid == "":
		return "it has no uid"
	}
	return ""
}

// owner is what an ownerReference says.
type owner struct {
	id       render.ObjectID
	controls bool
}

func ownersOf(meta content) []owner {
	var out []owner
	references, _ := meta["ownerReferences"].([]any)
	for _, r := range references {
		r, _ := r.(content)
		id := idOf(r)
		id.Name, _ = r["name"].(string)
		out = append(out, owner{id, r["controller"] == true})
	}
	return out
}

// controllerOf is the owner that controls an object, if there is one.
func controllerOf(meta content) render.ObjectID {
	for _, o := range ownersOf(meta) {
		if o.controls {
			return o.id
		}
	}
	return render.ObjectID{}
}

// deepest is how many owners may stand above each other: in Cluster API it is three.
const deepest = 8

// imported tells whether an owner is one that can be imported itself, or a part of one.
func (s shard) imported(id render.ObjectID, namespace string, depth int) bool {
	id.Namespace = namespace
	o := s.objects[key(id)]
	switch {
	case o == nil || depth > deepest:
		return false
	case s.mains[kindOf(o.id)]:
		return true
	}
	meta, _ := o.content["metadata"].(content)
	return slices.ContainsFunc(ownersOf(meta), func(above owner) bool { return s.imported(above.id, namespace, depth+1) })
}

// bookkeeping are domains of labels and annotations in which tools note what they did:
// they stay where they are, and are nobody's to declare.
var bookkeeping = []string{
	"kubectl.kubernetes.io", "helm.sh", "toolkit.fluxcd.io", "argocd.argoproj.io", "tenantry.io",
	"config.kubernetes.io", "config.k8s.io", "kapp.k14s.io",
}

func booked(key string) bool {
	domain, _, found := strings.Cut(key, "/")
	return key == render.LabelManagedBy || found && slices.ContainsFunc(bookkeeping, func(d string) bool {
		return domain == d || strings.HasSuffix(domain, "."+d)
	})
}

// wanted is what of an object somebody wants: its spec, and labels and annotations that no
// tool keeps books in. What is left out of anything is gone; the object stays as it is.
func wanted(c content) content {
	out := maps.Clone(c)
	delete(out, "status")
	meta, _ := c["metadata"].(content)
	kept := content{}
	for _, field := range []string{"labels", "annotations"} {
		pairs, _ := meta[field].(content)
		pairs = maps.Clone(pairs)
		maps.DeleteFunc(pairs, func(key string, _ any) bool { return booked(key) })
		if pairs == nil {
			pairs = content{} // none at all are as none left
		}
		kept[field] = pairs
	}
	delete(out, "apiVersion")
	delete(out, "kind")
	out["metadata"] = kept
	return out
}

// tenders says who else tends an object, so that its end there would be its end here.
func tenders(c content) []string {
	get := func(where, key string) string { return text(c, "metadata", where, key) }
	var out []string
	if release := get("annotations", "meta.helm.sh/release-name"); release != "" {
		out = append(out, fmt.Sprintf("belongs to the Helm release %s/%s, whose end would delete it: annotate it with helm.sh/resource-policy=keep, and take it out of the chart",
			get("annotations", "meta.helm.sh/release-namespace"), release))
	}
	for _, kind := range []string{"kustomize", "helm"} {
		prefix := kind + ".toolkit.fluxcd.io/"
		if name := get("labels", prefix+"name"); name != "" {
			what := map[string]string{"kustomize": "Kustomization", "helm": "HelmRelease"}[kind]
			out = append(out, fmt.Sprintf("belongs to Flux' %s %s/%s, which would put it back, or prune it: annotate it with %sreconcile=disabled and %sprune=disabled, and take it out there",
				what, get("labels", prefix+"namespace"), name, prefix, prefix))
		}
	}
	if id := cmp.Or(get("annotations", "argocd.argoproj.io/tracking-id"), get("labels", "argocd.argoproj.io/instance")); id != "" {
		app, _, _ := strings.Cut(id, ":")
		out = append(out, fmt.Sprintf("belongs to the Argo CD application %s, which would put it back, or prune it: annotate it with argocd.argoproj.io/sync-options=Prune=false, and take it out there", app))
	}
	for i := range out {
		out[i] = shown(out[i])
	}
	return out
}

// text is the text at a path; empty when there is none.
func text(c content, path ...string) string {
	for _, name := range path[:len(path)-1] {
		c, _ = c[name].(content)
	}
	s, _ := c[path[len(path)-1]].(string)
	return s
}

func idOf(c content) render.ObjectID {
	group, version, found := strings.Cut(text(c, "apiVersion"), "/")
	if !found {
		group, version = "", group
	}
	return render.ObjectID{
		Group: group, Version: version, Kind: text(c, "kind"),
		Namespace: text(c, "metadata", "namespace"), Name: text(c, "metadata", "name"),
	}
}
