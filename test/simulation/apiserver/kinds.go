package apiserver

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
)

// kind is a kind that is served, with its objects.
type kind struct {
	Kind
	gvk   schema.GroupVersionKind
	group schema.GroupResource
	// custom kinds are defined by a CustomResourceDefinition.
	custom bool
	rules  rules
	blank  Object
	typing managedfields.TypeConverter
	// fields keep managedFields, status those of the status subresource.
	fields, status *managedfields.FieldManager

	objects map[string]*stored // by namespace/name
	order   []string           // the same, sorted
	history history
}

func (k *kind) apiVersion() string { return k.gvk.GroupVersion().String() }

func place(namespace, name string) string { return namespace + "/" + name }

func (k *kind) get(namespace, name string) *stored { return k.objects[place(namespace, name)] }

// put keeps a version; is nil takes the object away.
func (k *kind) put(was, is *stored) {
	switch {
	case is == nil:
		p := place(was.key.Namespace, was.key.Name)
		delete(k.objects, p)
		if i, found := slices.BinarySearch(k.order, p); found {
			k.order = slices.Delete(k.order, i, i+1)
		}
	default:
		p := place(is.key.Namespace, is.key.Name)
		k.objects[p] = is
		if i, found := slices.BinarySearch(k.order, p); !found {
			k.order = slices.Insert(k.order, i, p)
		}
	}
}

// builtin are the kinds of a plain cluster that a management cluster has to do with.
func builtin() []Kind {
	return []Kind{
		{Version: "v1", Kind: "Namespace", Resource: "namespaces", Status: true},
		{Version: "v1", Kind: "ConfigMap", Resource: "configmaps", Namespaced: true},
		{Version: "v1", Kind: "Secret", Resource: "secrets", Namespaced: true},
		{Version: "v1", Kind: "Service", Resource: "services", Namespaced: true, Status: true},
		{Version: "v1", Kind: "ServiceAccount", Resource: "serviceaccounts", Namespaced: true},
		{Version: "v1", Kind: "ResourceQuota", Resource: "resourcequotas", Namespaced: true, Status: true},
		{Version: "v1", Kind: "LimitRange", Resource: "limitranges", Namespaced: true},
		{Version: "v1", Kind: "PersistentVolumeClaim", Resource: "persistentvolumeclaims", Namespaced: true, Status: true},
		{Group: "apps", Version: "v1", Kind: "Deployment", Resource: "deployments", Namespaced: true, Status: true},
		{Group: "apps", Version: "v1", Kind: "StatefulSet", Resource: "statefulsets", Namespaced: true, Status: true},
		{Group: "batch", Version: "v1", Kind: "Job", Resource: "jobs", Namespaced: true, Status: true},
		{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget", Resource: "poddisruptionbudgets", Namespaced: true, Status: true},
		{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy", Resource: "networkpolicies", Namespaced: true},
		{Group: "coordination.k8s.io", Version: "v1", Kind: "Lease", Resource: "leases", Namespaced: true},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "Role", Resource: "roles", Namespaced: true},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "RoleBinding", Resource: "rolebindings", Namespaced: true},
		{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "ValidatingAdmissionPolicy", Resource: "validatingadmissionpolicies", Status: true},
		{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "ValidatingAdmissionPolicyBinding", Resource: "validatingadmissionpolicybindings"},
	}
}

// CertManager are the kinds that cert-manager brings.
func CertManager() []Kind {
	return []Kind{
		{Group: "cert-manager.io", Version: "v1", Kind: "Issuer", Resource: "issuers", Namespaced: true, Status: true},
		{Group: "cert-manager.io", Version: "v1", Kind: "ClusterIssuer", Resource: "clusterissuers", Status: true},
		{Group: "cert-manager.io", Version: "v1", Kind: "Certificate", Resource: "certificates", Namespaced: true, Status: true},
	}
}

// Kamaji are the kinds that Kamaji brings.
func Kamaji() []Kind {
	return []Kind{
		{Group: "kamaji.clastix.io", Version: "v1alpha1", Kind: "TenantControlPlane", Resource: "tenantcontrolplanes", Namespaced: true, Status: true},
		{Group: "kamaji.clastix.io", Version: "v1alpha1", Kind: "DataStore", Resource: "datastores", Status: true},
	}
}

// Define adds a kind to those that are served.
func (s *Server) Define(k Kind) { s.define(k, true) }

func (s *Server) define(k Kind, custom bool) {
	if s.kindNamed(k.Group, k.Version, k.Kind) != nil {
		return
	}
	gvk := schema.GroupVersionKind{Group: k.Group, Version: k.Version, Kind: k.Kind}
	served := &kind{
		Kind: k, gvk: gvk, group: schema.GroupResource{Group: k.Group, Resource: k.Resource}, custom: custom,
		rules: rulesOf(k, custom), blank: blank(gvk, custom), objects: map[string]*stored{},
	}
	served.typing = converter{typing(gvk)}
	served.fields = fieldManager(served, "")
	served.status = fieldManager(served, "status")
	s.kinds = append(s.kinds, served)
	slices.SortFunc(s.kinds, func(a, b *kind) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Resource, b.Resource))
	})
	s.index()
}

// Undefine takes a kind away, with its objects.
func (s *Server) Undefine(k Kind) {
	gone := s.kindNamed(k.Group, k.Version, k.Kind)
	if gone == nil {
		return
	}
	for _, p := range slices.Clone(gone.order) {
		s.erase(gone, gone.objects[p], "delete", "")
	}
	gone.history.end = true
	s.kinds = slices.DeleteFunc(s.kinds, func(k *kind) bool { return k == gone })
	s.index()
}

func (s *Server) index() {
	s.byResource, s.byName, s.versions = map[resourceKey]*kind{}, map[schema.GroupVersionKind]*kind{}, map[string][]*kind{}
	for _, k := range s.kinds {
		s.byResource[resourceKey{k.Group, k.Version, k.Resource}] = k
		s.byName[k.gvk] = k
		s.versions[k.apiVersion()] = append(s.versions[k.apiVersion()], k)
	}
}

type resourceKey struct{ group, version, resource string }

func (s *Server) kindNamed(group, version, name string) *kind {
	return s.byName[schema.GroupVersionKind{Group: group, Version: version, Kind: name}]
}

// resources is what discovery says of one group and version.
func (s *Server) resources(apiVersion string) []byte {
	all := []any{}
	for _, k := range s.versions[apiVersion] {
		verbs := []any{"create", "delete", "get", "list", "patch", "update", "watch"}
		singular := strings.ToLower(k.Kind.Kind)
		all = append(all, Object{
			"name": k.Resource, "singularName": singular, "namespaced": k.Namespaced, "kind": k.Kind.Kind, "verbs": verbs,
		})
		if k.Status {
			all = append(all, Object{
				"name": k.Resource + "/status", "singularName": "", "namespaced": k.Namespaced, "kind": k.Kind.Kind,
				"verbs": []any{"get", "patch", "update"},
			})
		}
	}
	return encode(Object{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": apiVersion, "resources": all})
}

// groups is what discovery says of all groups.
func (s *Server) groups() []byte {
	names := map[string][]any{}
	for _, k := range s.kinds {
		version := any(Object{"groupVersion": k.apiVersion(), "version": k.Version})
		if k.Group != "" && !slices.ContainsFunc(names[k.Group], func(v any) bool { return equal(v, version) }) {
			names[k.Group] = append(names[k.Group], version)
		}
	}
	all := []any{}
	for _, group := range slices.Sorted(maps.Keys(names)) {
		all = append(all, Object{"name": group, "versions": names[group], "preferredVersion": names[group][0]})
	}
	return encode(Object{"kind": "APIGroupList", "apiVersion": "v1", "groups": all})
}
