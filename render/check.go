package render

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Limits of a class's folder. The largest overlays that are known hold some 50 KiB.
const (
	maxFiles     = 200
	maxFileBytes = 1 << 20
)

// kustomizationNames are the names that Kustomize looks for.
var kustomizationNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// allowedFields are what a class's kustomization may hold. It is a list of what is
// known to be harmless: Kustomize's own list grows.
var allowedFields = []string{"apiVersion", "kind", "metadata", "resources", "components", "patches", "images", "replicas", "labels"}

// refusedFields are what people may miss, with the reason.
var refusedFields = map[string]string{
	"openapi":               "it would change how every tenant's patches are merged",
	"crds":                  "it would change how every tenant's patches are merged",
	"configurations":        "it would change what the provider's transformations mean",
	"helmCharts":            "nothing is fetched and no program is run while rendering",
	"helmGlobals":           "nothing is fetched and no program is run while rendering",
	"generators":            "no plugin is run while rendering",
	"transformers":          "no plugin is run while rendering",
	"validators":            "no plugin is run while rendering",
	"secretGenerator":       "a secret must not be in a commit",
	"configMapGenerator":    "name a ConfigMap among resources instead",
	"namespace":             "objects' names and namespaces are the provider's",
	"namePrefix":            "objects' names and namespaces are the provider's",
	"nameSuffix":            "objects' names and namespaces are the provider's",
	"replacements":          "the tenant's values are filled in by the provider's stamp",
	"vars":                  "it is deprecated in Kustomize",
	"bases":                 "it is deprecated in Kustomize: use resources",
	"commonLabels":          "it is deprecated in Kustomize and changes selectors: use labels",
	"commonAnnotations":     "it reaches into the provider's own objects: use patches",
	"patchesStrategicMerge": "it is deprecated in Kustomize: use patches",
	"patchesJson6902":       "it is deprecated in Kustomize: use patches",
}

// localPath is what a reference may look like. Kustomize takes much for a URL or a
// repository (github.com/a/b, host:path, a?ref=b) before it looks for a file.
var localPath = regexp.MustCompile(`^(\.\./)*[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$`)

// classCheck walks a class's folder from its kustomization, and keeps the files that
// a build will read.
type classCheck struct {
	files   map[string][]byte
	overlay string // the class's folder in the tree
	home    string // the provider's folder in the tree, which alone may be named outside of the class
	kept    map[string][]byte
	walked  map[string]bool
	based   bool // the provider's base is among the resources
	errs    []error
}

// checkClass returns the files of an overlay that are safe to build: none when the
// class has no kustomization. All that is wrong comes in one error.
func checkClass(files map[string][]byte, overlay, home string) (map[string][]byte, error) {
	c := &classCheck{files: files, overlay: overlay, home: home, kept: map[string][]byte{}, walked: map[string]bool{}}
	if len(c.kustomizations("")) == 0 {
		return nil, nil
	}
	if len(files) > maxFiles {
		return nil, fmt.Errorf("%s: %d files: want %d at most", overlay, len(files), maxFiles)
	}
	for name := range files {
		if name != path.Clean(name) || path.IsAbs(name) || strings.HasPrefix(name, "..") {
			return nil, fmt.Errorf("%s: file name %q is not a clean relative path", overlay, name)
		}
	}
	c.folder("")
	if len(c.errs) == 0 && !c.based {
		c.fail("", "resources lacks the provider's base: want %s", c.baseReference())
	}
	return c.kept, errors.Join(c.errs...)
}

func (c *classCheck) baseReference() string {
	return strings.Repeat("../", strings.Count(c.overlay, "/")+1) + c.home
}

func (c *classCheck) fail(file, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s: %s", path.Join(c.overlay, file), fmt.Sprintf(format, args...)))
}

func (c *classCheck) kustomizations(dir string) []string {
	var found []string
	for _, name := range kustomizationNames {
		if file := path.Join(dir, name); c.files[file] != nil {
			found = append(found, file)
		}
	}
	return found
}

// folder checks the kustomization of a folder, and all that it refers to.
func (c *classCheck) folder(dir string) {
	if c.walked[dir] {
		return // Kustomize itself names cycles
	}
	c.walked[dir] = true
	found := c.kustomizations(dir)
	if len(found) != 1 {
		c.fail(dir, "%d kustomizations: want one", len(found))
		return
	}
	file := found[0]
	documents := c.document(file)
	if len(documents) != 1 || documents[0].Kind != yaml.MappingNode {
		c.fail(file, "want one YAML mapping")
		return
	}
	for key, value := range entries(documents[0]) {
		switch {
		case refusedFields[key] != "":
			c.fail(file, "%s is not allowed: %s", key, refusedFields[key])
		case !slices.Contains(allowedFields, key):
			c.fail(file, "%s is not allowed: want one of %s", key, strings.Join(allowedFields, ", "))
		case key == "resources" || key == "components":
			for _, item := range value.Content {
				c.reference(file, key, item)
			}
		case key == "patches":
			for _, item := range value.Content {
				c.patch(file, item)
			}
		}
	}
}

// reference checks an element of resources or components.
func (c *classCheck) reference(file, field string, item *yaml.Node) {
	target, ok := c.local(file, field, item)
	switch {
	case !ok:
	case target == c.home:
		if field != "resources" {
			c.fail(file, "%s: %s is a base: want it among resources", field, item.Value)
			return
		}
		c.based = true
	case !c.inside(target):
		c.fail(file, "%s: %s leaves the class's folder: only %s may be named outside of it", field, item.Value, c.baseReference())
	case field == "resources" && c.files[c.relative(target)] != nil:
		c.document(c.relative(target))
	case len(c.kustomizations(c.relative(target))) > 0:
		c.folder(c.relative(target))
	default:
		c.fail(file, "%s: %s does not exist", field, item.Value)
	}
}

// patch checks an element of patches: a file of the class, or an inline text.
func (c *classCheck) patch(file string, item *yaml.Node) {
	for key, value := range entries(item) {
		switch key {
		case "path":
			target, ok := c.local(file, "patches", value)
			if !ok {
				continue
			}
			if !c.inside(target) || c.files[c.relative(target)] == nil {
				c.fail(file, "patches: %s is not a file of the class", value.Value)
				continue
			}
			c.document(c.relative(target))
		case "patch":
			if _, err := documents([]byte(value.Value)); err != nil {
				c.fail(file, "patches: %v", err)
			}
		}
	}
}

// local resolves a reference in file to a path in the tree.
func (c *classCheck) local(file, field string, item *yaml.Node) (string, bool) {
	if item.Kind != yaml.ScalarNode {
		c.fail(file, "%s: line %d: want a path", field, item.Line)
		return "", false
	}
	ref := strings.TrimPrefix(item.Value, "./")
	lower := strings.ToLower(ref)
	remote := strings.Contains(lower, "github.com") || strings.Contains(lower, "_git") || strings.HasSuffix(lower, ".git")
	if !localPath.MatchString(ref) || remote {
		c.fail(file, "%s: %q is not a clean relative path: nothing is fetched while rendering", field, item.Value)
		return "", false
	}
	return path.Join(c.overlay, path.Dir(file), ref), true
}

func (c *classCheck) inside(target string) bool {
	return strings.HasPrefix(target+"/", c.overlay+"/") && target != c.overlay
}

func (c *classCheck) relative(target string) string {
	return strings.TrimPrefix(target, c.overlay+"/")
}

// document parses a file of the class and keeps it.
func (c *classCheck) document(file string) []*yaml.Node {
	data := c.files[file]
	if len(data) > maxFileBytes {
		c.fail(file, "%d bytes: want %d at most", len(data), maxFileBytes)
		return nil
	}
	nodes, err := documents(data)
	if err != nil {
		c.fail(file, "%v", err)
		return nil
	}
	c.kept[file] = data
	return nodes
}
