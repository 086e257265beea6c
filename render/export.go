package render

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/api/hasher"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"
)

// Export gives the files of a plain Kustomize tree on which a stock `kustomize build`
// makes exactly the objects of r.Tenant(in), with their marks of ownership:
//
//	kustomization.yaml, ownership.yaml    names of Jobs, labels and annotations
//	access.yaml                           who may read the kubeconfig, if somebody may
//	unit/                                 the tenant's values, and what is put together
//	providers/ classes/ tenants/          what it is put together from
//	README.md                             what it is, and what it cannot hold
//
// What Kustomize cannot make (the kubeconfig's Secret) and what is written with each
// apply (the epoch) is not in it.
func (r *Renderer) Export(in TenantInput) (map[string][]byte, error) {
	unit, err := r.Tenant(in)
	if err != nil {
		return nil, err
	}
	files, err := r.export(in, unit)
	if err != nil {
		return nil, fmt.Errorf("export tenant %s: %w", in.Name, err)
	}
	return files, nil
}

func (r *Renderer) export(in TenantInput, unit *Unit) (tree, error) {
	doc, err := r.document(in)
	if err != nil {
		return nil, err
	}
	b, err := r.baseOf(in.Class, in.BaseVersion)
	if err != nil {
		return nil, err
	}
	s := r.shape(b, partTenant, in.Class)
	if s.err != nil {
		return nil, s.err
	}
	own, err := checkTenant(in.Files, in.dir())
	if err != nil {
		return nil, err
	}
	files, err := s.withUnit(doc, in.dir(), own)
	if err != nil {
		return nil, err
	}
	for file := range files {
		if foreign(file, s.home) {
			delete(files, file)
		}
	}
	readers, err := access(unit.Provider, in, doc)
	if err != nil {
		return nil, err
	}
	root := kustomization{Resources: []string{"unit"}}
	if len(readers) > 0 {
		root.Resources = append(root.Resources, "access.yaml")
		if files["access.yaml"], err = stream(readers); err != nil {
			return nil, err
		}
	}
	if in.Adopted != nil {
		root.Patches = append(root.Patches, leave("Namespace", doc.namespace()))
	}
	if files["ownership.yaml"], err = root.own(unit); err != nil {
		return nil, err
	}
	if files["kustomization.yaml"], err = root.encode(); err != nil {
		return nil, err
	}
	files["README.md"] = readme(unit)
	return files, nil
}

// foreign tells whether a provider's file has no part in a tenant's objects.
func foreign(file, home string) bool {
	rest, ok := strings.CutPrefix(file, home+"/")
	first, _, _ := strings.Cut(rest, "/")
	return ok && (first == "provider.yaml" || first == string(partTeardown) || first == string(partDataStore))
}

// own adds what makes the objects ours, and returns the patches that stand in
// ownership.yaml.
func (k *kustomization) own(unit *Unit) ([]byte, error) {
	k.Labels = []map[string]any{{"pairs": map[string]string{
		LabelUID: unit.Owner.UID, LabelTenant: unit.Owner.Name, LabelManagedBy: FieldManager,
	}}}
	var marks []content
	for _, o := range unit.Objects {
		if isJob(o.ID) {
			k.Patches = append(k.Patches, rename(o.ID))
		}
		name, err := builtName(o)
		if err != nil {
			return nil, err
		}
		meta := content{"name": name, "annotations": content{AnnotationObject: o.ID.String(), AnnotationDigest: o.Digest}}
		if o.ID.Namespace != "" {
			meta["namespace"] = o.ID.Namespace
		}
		marks = append(marks, content{"apiVersion": path.Join(o.ID.Group, o.ID.Version), "kind": o.ID.Kind, "metadata": meta})
	}
	k.Patches = append(k.Patches, map[string]any{"path": "ownership.yaml"})
	return stream(marks)
}

// builtName is what an object is called while Kustomize patches: a generated ConfigMap
// gets the hash at the end of its name, by which it is told, after everything else.
func builtName(o Object) (string, error) {
	at := strings.LastIndexByte(o.ID.Name, '-')
	if o.ID.kind() != (kind{Version: "v1", Kind: "ConfigMap"}) || at < 0 {
		return o.ID.Name, nil
	}
	node, err := kyaml.Parse(string(o.JSON))
	if err != nil {
		return "", fmt.Errorf("%s: %w", o.ID, err)
	}
	if err := node.SetName(o.ID.Name[:at]); err != nil {
		return "", fmt.Errorf("%s: %w", o.ID, err)
	}
	sum, err := (&hasher.Hasher{}).Hash(node)
	if err != nil {
		return "", fmt.Errorf("%s: %w", o.ID, err)
	}
	if sum == o.ID.Name[at+1:] {
		return o.ID.Name[:at], nil
	}
	return o.ID.Name, nil
}

// rename is the patch that ends a Job's name with the hash of its spec.
func rename(id ObjectID) map[string]any {
	stamped := id.Name[:strings.LastIndexByte(id.Name, '-')]
	return map[string]any{
		"target": map[string]any{
			"group": id.Group, "version": id.Version, "kind": id.Kind,
			"namespace": regexp.QuoteMeta(id.Namespace), "name": regexp.QuoteMeta(stamped),
		},
		"patch": "- {op: replace, path: /metadata/name, value: " + id.Name + "}\n",
	}
}

// leave is the patch that takes an object of the core group out again, which has no namespace.
func leave(kind, name string) map[string]any {
	return map[string]any{
		"target": map[string]any{"version": "v1", "kind": kind, "name": regexp.QuoteMeta(name)},
		"patch":  fmt.Sprintf("{$patch: delete, apiVersion: v1, kind: %s, metadata: {name: %s}}\n", kind, name),
	}
}

// stream writes objects as one YAML stream.
func stream(objects []content) ([]byte, error) {
	var out bytes.Buffer
	for i, c := range objects {
		data, err := yaml.Marshal(c)
		if err != nil {
			return nil, fmt.Errorf("encode object: %w", err)
		}
		if i > 0 {
			out.WriteString("---\n")
		}
		out.Write(data)
	}
	return out.Bytes(), nil
}

func readme(unit *Unit) []byte {
	var out strings.Builder
	fmt.Fprintf(&out, "# Tenant %s\n\n", unit.Owner.Name)
	fmt.Fprintf(&out, "What Tenantry asks a shard to hold for tenant %s (uid %s), as plain Kustomize:\n\n", unit.Owner.Name, unit.Owner.UID)
	fmt.Fprintf(&out, "    kustomize build .\n\n")
	fmt.Fprintf(&out, "gives the same %d objects, with the digests in their annotations. The base is provider %s, version %s.\n",
		len(unit.Objects), unit.Provider.Name, unit.Provider.BaseVersion)
	fmt.Fprintf(&out, "`unit/tenant.yaml` is the tenant with all of its values; `stamp/` folders fill them in.\n\n")
	fmt.Fprintf(&out, "What is not in it:\n\n")
	fmt.Fprintf(&out, "- the annotation `%s`, which is added with each write, and the order of writing;\n", AnnotationEpoch)
	for _, d := range unit.Derived {
		fmt.Fprintf(&out, "- Secret `%s/%s`, key `%s`: a kubeconfig for %s, made on the shard from the certificate in Secret `%s`;\n",
			d.ID.Namespace, d.ID.Name, d.Key, d.Server, d.Certificate.Name)
	}
	fmt.Fprintf(&out, "- anything that unlocks something.\n")
	return []byte(out.String())
}
