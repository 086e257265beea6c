package apiserver

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// rules are what a kind has of its own.
type rules struct {
	// generation rises with what is asked for; for some kinds with annotations, too.
	generation, annotations bool
	// unconditional updates name no resourceVersion.
	unconditional bool
	// made: an update makes what is not there.
	made bool
	// returned: a delete answers with the object, not with a status.
	returned bool
	// defaults are what its objects have where they say nothing; more finds what depends
	// on something.
	defaults Object
	more     func(Object) Object
	// fixed are fields that never change once they are set.
	fixed []fixed
}

type fixed struct {
	path          []string
	field, reason string
}

const immutable = "field is immutable"

func rulesOf(k Kind, custom bool) rules {
	if custom {
		return rules{generation: true}
	}
	r := ownRules(k)
	r.defaults, r.more = defaultsOf(k.Kind)
	return r
}

func ownRules(k Kind) rules {
	switch k.Kind {
	case "ConfigMap", "Namespace":
		return rules{unconditional: true}
	case "ResourceQuota":
		return rules{unconditional: true, returned: true}
	case "LimitRange":
		return rules{unconditional: true, made: true}
	case "Lease":
		return rules{made: true}
	case "ServiceAccount":
		return rules{unconditional: true, returned: true}
	case "Secret":
		return rules{unconditional: true, fixed: []fixed{{[]string{"type"}, "type", immutable}}}
	case "Service":
		return rules{unconditional: true, returned: true, made: true, fixed: []fixed{{[]string{"spec", "clusterIP"}, "spec.clusterIPs[0]", "may not change once set"}}}
	case "PersistentVolumeClaim":
		return rules{unconditional: true, returned: true}
	case "Deployment":
		return rules{generation: true, annotations: true, unconditional: true, fixed: []fixed{{[]string{"spec", "selector"}, "spec.selector", immutable}}}
	case "StatefulSet":
		return rules{generation: true, unconditional: true, fixed: []fixed{
			{[]string{"spec", "selector"}, "spec.selector", immutable}, {[]string{"spec", "serviceName"}, "spec.serviceName", immutable},
		}}
	case "Job":
		return rules{generation: true, unconditional: true, fixed: []fixed{
			{[]string{"spec", "selector"}, "spec.selector", immutable}, {[]string{"spec", "template"}, "spec.template", immutable}, {[]string{"spec", "completionMode"}, "spec.completionMode", immutable},
		}}
	case "Role":
		return rules{unconditional: true, made: true}
	case "RoleBinding":
		return rules{unconditional: true, made: true, fixed: []fixed{{[]string{"roleRef"}, "roleRef", "cannot change roleRef"}}}
	case "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding":
		return rules{generation: true}
	case "PodDisruptionBudget", "NetworkPolicy":
		return rules{generation: true, unconditional: k.Kind == "NetworkPolicy"}
	}
	return rules{}
}

// reset are the fields that a request to this subresource leaves as they are, nil for
// none: nobody comes to own them by it.
func (r rules) reset(k *kind, subresource string) *fieldpath.Set {
	switch {
	case subresource == "" && k.Status:
		return fieldpath.NewSet(fieldpath.MakePathOrDie("status"))
	case subresource == "":
		return nil
	case k.custom:
		return fieldpath.NewSet(fieldpath.MakePathOrDie("metadata"), fieldpath.MakePathOrDie("spec"))
	case k.Kind.Kind == "Deployment":
		return fieldpath.NewSet(fieldpath.MakePathOrDie("spec"), fieldpath.MakePathOrDie("metadata", "labels"))
	}
	return fieldpath.NewSet(fieldpath.MakePathOrDie("spec"))
}

// keep puts back what a request to this subresource cannot change.
func (k *kind) keep(subresource string, was, next Object) Object {
	switch {
	case subresource == "" && k.Status:
		return set(next, was["status"], "status")
	case subresource == "":
		return next
	case k.custom:
		return set(was, next["status"], "status")
	case k.Kind.Kind == "Deployment":
		next = set(next, metaOf(was)["labels"], "metadata", "labels")
	}
	return set(next, was["spec"], "spec")
}

// begin is a new object as the server makes it of what was sent.
func (s *Server) begin(k *kind, o Object) Object {
	if k.Status {
		o = set(o, nil, "status")
	}
	if k.rules.generation {
		o = set(o, int64(1), "metadata", "generation")
	}
	switch k.Kind.Kind {
	case "Namespace":
		o = set(o, Object{"phase": "Active"}, "status")
		o = set(o, []any{"kubernetes"}, "spec", "finalizers")
	case "Service":
		if o = s.allocate(o); o["status"] == nil {
			o = set(o, Object{"loadBalancer": Object{}}, "status")
		}
	case "Job":
		o = labelled(o)
	}
	return filled(o, k.blank)
}

// allocate gives a Service its address.
func (s *Server) allocate(o Object) Object {
	spec, _ := o["spec"].(Object)
	kind, _ := spec["type"].(string)
	if kind == "ExternalName" {
		return o
	}
	next := maps.Clone(spec)
	if next == nil {
		next = Object{}
	}
	if next["clusterIP"] == nil { // it may be "None"
		s.addresses++
		next["clusterIP"] = fmt.Sprintf("10.96.%d.%d", s.addresses>>8&0xff, s.addresses&0xff)
	}
	next["clusterIPs"] = []any{next["clusterIP"]}
	if next["type"] == "NodePort" || next["type"] == "LoadBalancer" && next["allocateLoadBalancerNodePorts"] != false {
		next = each(next, func(port Object) Object {
			if port["nodePort"] != nil {
				return port
			}
			s.addresses++
			return set(port, int64(30000+s.addresses%2768), "nodePort")
		}, "ports")
	}
	return set(o, filled(next, Object{"ipFamilyPolicy": "SingleStack", "ipFamilies": []any{"IPv4"}}), "spec")
}

// labelled gives a Job the labels by which it knows its pods.
func labelled(o Object) Object {
	meta := metaOf(o)
	uid, name := meta["uid"], meta["name"]
	if at(o, "spec", "manualSelector") == true {
		return o
	}
	for key, value := range map[string]any{
		"batch.kubernetes.io/controller-uid": uid, "controller-uid": uid, "batch.kubernetes.io/job-name": name, "job-name": name,
	} {
		o = set(o, value, "spec", "template", "metadata", "labels", key)
	}
	return set(o, Object{"matchLabels": Object{"batch.kubernetes.io/controller-uid": uid}}, "spec", "selector")
}

// raise gives a changed object its generation.
func (k *kind) raise(subresource string, was, next Object) Object {
	if !k.rules.generation || subresource != "" {
		return next
	}
	same := equal(was["spec"], next["spec"])
	if k.custom {
		same = sameBut(was, next, "metadata", "status", "apiVersion", "kind")
		if !k.Status {
			same = sameBut(was, next, "metadata", "apiVersion", "kind")
		}
	}
	if k.rules.annotations && !equal(metaOf(was)["annotations"], metaOf(next)["annotations"]) {
		same = false
	}
	if same {
		return next
	}
	generation, _ := metaOf(was)["generation"].(int64)
	return set(next, generation+1, "metadata", "generation")
}

func sameBut(a, b Object, names ...string) bool {
	for _, o := range []Object{a, b} {
		for name := range o {
			if !slices.Contains(names, name) && !equal(a[name], b[name]) {
				return false
			}
		}
	}
	return true
}

// refuse gives what is wrong with a change.
func (k *kind) refuse(was, next Object) (wrong field.ErrorList) {
	for _, f := range k.rules.fixed {
		before, after := at(was, f.path...), at(next, f.path...)
		if before != nil && !equal(before, after) {
			wrong = append(wrong, field.Invalid(field.NewPath(f.field), after, f.reason))
		}
	}
	if metaOf(was)["deletionTimestamp"] != nil {
		for _, f := range finalizersOf(next) {
			if !slices.Contains(finalizersOf(was), f) {
				wrong = append(wrong, field.Forbidden(field.NewPath("metadata", "finalizers"), fmt.Sprintf(
					"no new finalizers can be added if the object is being deleted, found new finalizers []string{%q}", f)))
			}
		}
	}
	if was["immutable"] == true && (k.Kind.Kind == "ConfigMap" || k.Kind.Kind == "Secret") {
		for _, name := range []string{"data", "binaryData", "immutable"} {
			if !equal(was[name], next[name]) {
				wrong = append(wrong, field.Forbidden(field.NewPath(name), "field is immutable when `immutable` is set"))
			}
		}
	}
	return wrong
}
