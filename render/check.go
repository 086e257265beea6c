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

// Limits of an overlay's folder. The largest that are known hold some 50 KiB. Steps are
// what a build does one after another: elements of resources, patches and the like.
const (
	maxFiles     = 200
	maxFileBytes = 1 << 20
	maxSteps     = 200
	// maxWork is in bytes: every step may take all objects apart and write them anew, and
	// they grow by what the steps before it hold. Builds do some 6 MiB of it in a second.
	maxWork = 128 << 20
	// baseObjects is about what a provider's base has.
	baseObjects = 30
)

// kustomizationNames are the names that Kustomize looks for.
var kustomizationNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// allowedFields are what a kustomization may hold, of a class or of a tenant. It is a
// list of what is known to be harmless: Kustomize's own list grows.
var (
	allowedFields       = []string{"apiVersion", "kind", "metadata", "resources", "components", "patches", "images", "replicas", "labels"}
	allowedTenantFields = append(slices.Clone(allowedFields), "configMapGenerator")
	generatorFields     = []string{"name", "namespace", "behavior", "files", "literals", "envs", "env", "options"}
)

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

// overlayCheck walks the folder of a class or a tenant from its kustomization, and
// keeps the files that a build will read.
type overlayCheck struct {
	files  map[string][]byte
	folder string // the overlay's place in the tree
	// home is the provider's folder in the tree, which alone may be named outside of a
	// class's; empty for a tenant's overlay, which is a Component and names nothing outside.
	home string
	// provider tells that it is a provider's folder, which names nothing outside, either.
	provider bool
	kept     map[string][]byte
	walked   map[string]bool
	based    bool // the provider's base is among the resources
	steps    int
	// bytes are those of steps, objects how many are added: what each step goes over.
	bytes, objects int
	// generated is how many bytes generators read: a file counts each time.
	generated int
	errs      []error
}

// checkClass returns the files of a class's overlay that are safe to build: none when
// the class has no kustomization. All that is wrong comes in one error.
func checkClass(files map[string][]byte, folder, home string) (map[string][]byte, error) {
	return (&overlayCheck{files: files, folder: folder, home: home}).check()
}

// checkTenant does the same for a tenant's own Component.
func checkTenant(files map[string][]byte, folder string) (map[string][]byte, error) {
	return (&overlayCheck{files: files, folder: folder}).check()
}

// checkProvider does the same for the base of a provider that stands in folder dir below
// its own.
func checkProvider(files map[string][]byte, folder, dir string) error {
	c := &overlayCheck{files: files, folder: folder, provider: true, kept: map[string][]byte{}, walked: map[string]bool{}}
	c.walk(dir)
	return c.verdict()
}

func (c *overlayCheck) check() (map[string][]byte, error) {
	c.kept, c.walked = map[string][]byte{}, map[string]bool{}
	if len(c.kustomizations("")) == 0 {
		return nil, nil
	}
	if len(c.files) > maxFiles {
		return nil, fmt.Errorf("%s: %d files: want %d at most", c.folder, len(c.files), maxFiles)
	}
	for name := range c.files {
		if name != path.Clean(name) || path.IsAbs(name) || strings.HasPrefix(name, "..") {
			return nil, fmt.Errorf("%s: file name %q is not a clean relative path", c.folder, name)
		}
	}
	c.walk("")
	return c.kept, c.verdict()
}

// verdict is what is wrong with the folder, once it is walked.
func (c *overlayCheck) verdict() error {
	if c.steps > maxSteps {
		c.fail("", "%d patches and the like: want %d at most", c.steps, maxSteps)
	}
	if c.steps*c.bytes*(baseObjects+c.objects) > maxWork {
		c.fail("", "%d patches and the like of %d bytes over %d further objects take too long to build: want fewer, or smaller ones", c.steps, c.bytes, c.objects)
	}
	if c.generated > maxUnitBytes {
		c.fail("", "configMapGenerator reads %d bytes: want %d at most", c.generated, maxUnitBytes)
	}
	if len(c.errs) == 0 && c.home != "" && !c.based {
		c.fail("", "resources lacks the provider's base: want %s", c.baseReference())
	}
	return errors.Join(c.errs...)
}

// owner is whose overlay it is, for messages.
func (c *overlayCheck) owner() string {
	switch {
	case c.provider:
		return "provider"
	case c.home == "":
		return "tenant"
	}
	return "class"
}

func (c *overlayCheck) fields() []string {
	if c.home == "" && !c.provider {
		return allowedTenantFields
	}
	return allowedFields
}

func (c *overlayCheck) baseReference() string {
	return strings.Repeat("../", strings.Count(c.folder, "/")+1) + c.home
}

func (c *overlayCheck) fail(file, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s: %s", path.Join(c.folder, file), fmt.Sprintf(format, args...)))
}

func (c *overlayCheck) kustomizations(dir string) []string {
	var found []string
	for _, name := range kustomizationNames {
		if file := path.Join(dir, name); c.files[file] != nil {
			found = append(found, file)
		}
	}
	return found
}

// walk checks the kustomization of a folder, and all that it refers to.
func (c *overlayCheck) walk(dir string) {
	if c.walked[dir] {
		// In a cycle, or once for each way that leads here: doubled at every level.
		c.fail(dir, "it is named twice: want every folder once")
		return
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
	c.bytes += len(c.files[file])
	if kind := field(documents[0], "kind"); dir == "" && c.owner() == "tenant" && kind != "Component" {
		c.fail(file, "kind is %q: a tenant's own overlay is a Component", kind)
	}
	for key, value := range entries(documents[0]) {
		switch {
		case slices.Contains(c.fields(), key):
		case refusedFields[key] != "":
			c.fail(file, "%s is not allowed: %s", key, refusedFields[key])
		default:
			c.fail(file, "%s is not allowed: want one of %s", key, strings.Join(c.fields(), ", "))
		}
		c.steps += len(value.Content)
		for _, item := range value.Content {
			switch key {
			case "resources", "components":
				c.reference(file, key, item)
			case "patches":
				c.patch(file, item)
			case "configMapGenerator":
				c.generator(file, item)
			}
		}
	}
}

// reference checks an element of resources or components.
func (c *overlayCheck) reference(file, field string, item *yaml.Node) {
	target, ok := c.local(file, field, item)
	switch {
	case !ok:
	case c.home != "" && target == c.home:
		if field != "resources" {
			c.fail(file, "%s: %s is a base: want it among resources", field, item.Value)
			return
		}
		c.based = true
	case !c.inside(target) && c.home == "":
		c.fail(file, "%s: %s leaves the %s's folder", field, item.Value, c.owner())
	case !c.inside(target):
		c.fail(file, "%s: %s leaves the class's folder: only %s may be named outside of it", field, item.Value, c.baseReference())
	case field == "resources" && c.files[c.relative(target)] != nil:
		for _, object := range c.document(c.relative(target)) {
			c.objects++
			for key, items := range entries(object) {
				if key == "items" {
					c.objects += len(items.Content)
				}
			}
		}
	case len(c.kustomizations(c.relative(target))) > 0:
		c.walk(c.relative(target))
	default:
		c.fail(file, "%s: %s does not exist", field, item.Value)
	}
}

// patch checks an element of patches: a file, or an inline text.
func (c *overlayCheck) patch(file string, item *yaml.Node) {
	for key, value := range entries(item) {
		switch key {
		case "path":
			target, ok := c.local(file, "patches", value)
			if !ok {
				continue
			}
			if !c.inside(target) || c.files[c.relative(target)] == nil {
				c.fail(file, "patches: %s is not a file of the %s", value.Value, c.owner())
				continue
			}
			c.bytes += len(c.files[c.relative(target)])
			c.operations(file, c.document(c.relative(target)))
		case "patch":
			nodes, err := documents([]byte(value.Value))
			if err != nil {
				c.fail(file, "patches: %v", err)
			}
			c.operations(file, nodes)
		case "target", "options":
		default: // Kustomize reads keys without regard to case
			c.fail(file, "patches: %s is not allowed: want path, patch, target or options", key)
		}
	}
}

// operations checks those of a JSON patch. Each copy may double what is there.
func (c *overlayCheck) operations(file string, patches []*yaml.Node) {
	for _, patch := range patches {
		for _, operation := range patch.Content {
			if field(operation, "op") == "copy" {
				c.fail(file, "patches: the operation copy is not allowed: write the value out")
			}
		}
	}
}

// generator checks an element of configMapGenerator. The files that it names may hold
// anything, so they are not parsed.
func (c *overlayCheck) generator(file string, item *yaml.Node) {
	for key, value := range entries(item) {
		if !slices.Contains(generatorFields, key) {
			c.fail(file, "configMapGenerator: %s is not allowed: want one of %s", key, strings.Join(generatorFields, ", "))
		}
		names := value.Content
		if key == "env" {
			names = []*yaml.Node{value}
		}
		if !slices.Contains([]string{"files", "envs", "env"}, key) {
			continue
		}
		for _, n := range names {
			if _, ref, ok := strings.Cut(n.Value, "="); ok && key == "files" {
				n = &yaml.Node{Kind: n.Kind, Value: ref, Line: n.Line}
			}
			target, ok := c.local(file, "configMapGenerator", n)
			if !ok {
				continue
			}
			data, ok := c.files[c.relative(target)]
			switch {
			case !c.inside(target) || !ok:
				c.fail(file, "configMapGenerator: %s is not a file of the %s", n.Value, c.owner())
			case len(data) > maxFileBytes:
				c.fail(c.relative(target), "%d bytes: want %d at most", len(data), maxFileBytes)
			default:
				c.kept[c.relative(target)] = data
				c.generated += len(data)
			}
		}
	}
}

// local resolves a reference in file to a path in the tree.
func (c *overlayCheck) local(file, field string, item *yaml.Node) (string, bool) {
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
	return path.Join(c.folder, path.Dir(file), ref), true
}

func (c *overlayCheck) inside(target string) bool {
	return strings.HasPrefix(target+"/", c.folder+"/") && target != c.folder
}

func (c *overlayCheck) relative(target string) string {
	return strings.TrimPrefix(target, c.folder+"/")
}

// document parses a file and keeps it.
func (c *overlayCheck) document(file string) []*yaml.Node {
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
