package render

import (
	"fmt"
	"slices"
	"strings"
)

// accessName is what the Role and its binding are called, where the tenant is alone in its
// namespace.
const accessName = "kubeconfig-readers"

// rbac is the group of kinds that only we render: neither a class nor a tenant can,
// because no provider lists them.
const rbac = "rbac.authorization.k8s.io"

// access lets groups read exactly the Secret with the tenant's kubeconfig, and nothing
// else of the shard. There is nothing to read without groups, or without a kubeconfig.
func access(how *Provider, in TenantInput, doc document) ([]content, error) {
	groups := slices.Clone(in.Spec.Access.Groups)
	if len(groups) == 0 || how.kubeconfig == nil {
		return nil, nil
	}
	slices.Sort(groups)
	groups = slices.Compact(groups)
	subjects := make([]any, len(groups))
	for i, group := range groups {
		if group == "" || strings.HasPrefix(group, "system:") {
			return nil, fmt.Errorf("spec.access.groups: %q is a group of Kubernetes' own: want one of people", group)
		}
		if err := checkMarks(group); err != nil {
			return nil, fmt.Errorf("spec.access.groups: %q: %w", group, err)
		}
		subjects[i] = content{"apiGroup": rbac, "kind": "Group", "name": group}
	}
	secret, err := eval[string](how.kubeconfig.Secret, "tenant", doc)
	if err != nil {
		return nil, fmt.Errorf("name kubeconfig: %w", err)
	}
	called := accessName
	if in.Adopted != nil {
		called = in.Name + "-" + accessName
	}
	meta := func() content { return content{"name": called, "namespace": doc.namespace()} }
	return []content{
		{
			"apiVersion": rbac + "/v1", "kind": "Role", "metadata": meta(),
			"rules": []any{content{
				"apiGroups": []any{""}, "resources": []any{"secrets"}, "resourceNames": []any{secret}, "verbs": []any{"get"},
			}},
		},
		{
			"apiVersion": rbac + "/v1", "kind": "RoleBinding", "metadata": meta(),
			"roleRef":  content{"apiGroup": rbac, "kind": "Role", "name": called},
			"subjects": subjects,
		},
	}, nil
}

// with is the template with further objects, which have no holes but their owner's.
func (t *template) with(how *Provider, contents []content) (*template, error) {
	if len(contents) == 0 {
		return t, nil
	}
	more, err := newTemplate(how, ownPlaces(), contents)
	if err != nil {
		return nil, err
	}
	return &template{
		places: t.places, delimiters: t.delimiters, size: t.size + more.size,
		objects: slices.Concat(t.objects, more.objects),
	}, nil
}
