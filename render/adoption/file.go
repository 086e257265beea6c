package adoption

import (
	"path"
	"regexp"
	"strings"
	"unicode"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/render"
)

// declaration is a file as "tenantry tenant new" writes it, with a remark for people.
func (x *run) declaration(kind, name, remark string, spec any) ([]byte, error) {
	data, err := fleet.Encode(struct {
		APIVersion string         `json:"apiVersion"`
		Kind       string         `json:"kind"`
		Metadata   fleet.Metadata `json:"metadata"`
		Spec       any            `json:"spec"`
	}{fleet.APIVersion, kind, fleet.Metadata{Name: name}, spec})
	return append([]byte("# yaml-language-server: $schema="+x.Schema(kind)+"\n"+remark), data...), err
}

// newClass is a class whose overlay has these files.
func newClass(called, provider string, files map[string][]byte) *fleet.Class {
	spec := fleet.DefaultClass()
	spec.Provider, spec.Allow = provider, &fleet.Allow{Adopt: true}
	return &fleet.Class{Metadata: fleet.Metadata{Name: called}, Spec: spec, Files: files}
}

// classFile says of a class what is not said anyway.
func (x *run) classFile(c *fleet.Class) ([]byte, error) {
	return x.declaration(fleet.KindClass, c.Metadata.Name, `# Made by tenantry import, for tenants that ran before they were declared. Whoever may write
# tenants of this class may take over control planes: keep it for those that are imported.
`, fleet.ClassSpec{Provider: c.Spec.Provider, Allow: c.Spec.Allow})
}

// kustomization is an overlay of patches in files.
type kustomization struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Resources  []string    `json:"resources,omitempty"`
	Patches    []patchFile `json:"patches"`
}

type patchFile struct {
	Path string `json:"path"`
}

// patched is an object as a patch has it.
type patched struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Metadata   patchedMetadata `json:"metadata"`
	Spec       map[string]any  `json:"spec,omitempty"`
}

type patchedMetadata struct {
	Name        string         `json:"name"`
	Namespace   string         `json:"namespace"`
	Labels      map[string]any `json:"labels,omitempty"`
	Annotations map[string]any `json:"annotations,omitempty"`
}

// overlayFiles are those of a class whose tenants' objects have these patches.
func overlayFiles(provider string, patches map[render.ObjectID]content) (map[string][]byte, error) {
	if len(patches) == 0 {
		return nil, nil
	}
	named := map[render.ObjectID]content{}
	for k, p := range patches {
		k.Namespace, k.Name = "TENANT-NAMESPACE", "TENANT-NAME"
		named[k] = p
	}
	return patchFiles(kustomization{
		APIVersion: "kustomize.config.k8s.io/v1beta1", Kind: "Kustomization", Resources: []string{"../../providers/" + provider},
	}, "# What the control planes that were imported have in common, beside the provider's base.\n", named)
}

// patchFiles are a kustomization, and a file for each object that it patches.
func patchFiles(k kustomization, remark string, patches map[render.ObjectID]content) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, id := range sortedIDs(patches) {
		meta, _ := patches[id]["metadata"].(content)
		labels, _ := meta["labels"].(content)
		annotations, _ := meta["annotations"].(content)
		spec, _ := patches[id]["spec"].(content)
		data, err := fleet.Encode(patched{
			APIVersion: path.Join(id.Group, id.Version), Kind: id.Kind,
			Metadata: patchedMetadata{id.Name, id.Namespace, writable(labels), writable(annotations)}, Spec: writable(spec),
		})
		if err != nil {
			return nil, err
		}
		file := kebab(id.Kind) + ".yaml"
		files[file] = append([]byte(remark), data...)
		k.Patches = append(k.Patches, patchFile{file})
	}
	data, err := fleet.Encode(k)
	files["kustomization.yaml"] = data
	return files, err
}

// writable gives numbers with a fraction a form that the encoder writes.
func writable(c content) content {
	if c == nil {
		return nil
	}
	out, _ := writableValue(c).(content)
	return out
}

func writableValue(v any) any {
	switch v := v.(type) {
	case content:
		out := make(content, len(v))
		for key, below := range v {
			out[key] = writableValue(below)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, below := range v {
			out[i] = writableValue(below)
		}
		return out
	case float64:
		return number(v)
	}
	return v
}

// tenantFiles are the declarations of tenants, and their Components.
func (x *run) tenantFiles(plans []*plan) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, p := range plans {
		folder := tenantFolder(x.Team, p.name)
		data, err := x.declaration(fleet.KindTenant, p.name, "", p.spec)
		if err != nil {
			return nil, err
		}
		files[path.Join(folder, "tenant.yaml")] = data
		if len(p.own) == 0 {
			continue
		}
		own, err := patchFiles(kustomization{APIVersion: "kustomize.config.k8s.io/v1alpha1", Kind: "Component"},
			"# What this control plane has beside its class and its declaration, as it was imported.\n", p.own)
		if err != nil {
			return nil, err
		}
		for name, data := range own {
			files[path.Join(folder, name)] = data
		}
	}
	return files, nil
}

// kebab writes a kind as the name of a file.
func kebab(kind string) string {
	var out strings.Builder
	for i, r := range kind {
		if unicode.IsUpper(r) && i > 0 {
			out.WriteByte('-')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}

// Elements of paths that a class can list: names of fields, and keys with dots.
var (
	plainElement  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
	dottedElement = regexp.MustCompile(`^[A-Za-z0-9-]+\.[A-Za-z0-9./_-]+$`)
)

// fieldPath is the path of a field as a class lists it: as deep as it can be written.
func fieldPath(leaf []string) string {
	n := 1
	for n < len(leaf) && (plainElement.MatchString(leaf[n]) || dottedElement.MatchString(leaf[n])) {
		n++
	}
	return join(leaf[:n])
}
