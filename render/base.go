package render

import (
	"fmt"
	"path"
	"sync"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// kustomize is the one gate to Kustomize's builds. It is the package's only mutable
// state, because what it guards is Kustomize's own: builds share a schema that is
// global to the process.
var kustomize sync.Mutex

// build runs Kustomize over files and returns what the folder root makes. Files must
// have been checked: a build fetches any URL that it meets, and a cyclic alias would
// end the process.
func build(files map[string][]byte, root string) (result resmap.ResMap, err error) {
	disk := filesys.MakeFsInMemory()
	for name, data := range files {
		if err := disk.WriteFile(path.Join("/", name), data); err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
	}
	kustomize.Lock()
	defer kustomize.Unlock()
	defer func() {
		if r := recover(); r != nil {
			result, err = nil, fmt.Errorf("build %s: Kustomize panicked: %v", root, r)
		}
	}()
	options := krusty.MakeDefaultOptions()
	options.PluginConfig = types.DisabledPluginConfig()
	options.LoadRestrictions = types.LoadRestrictionsRootOnly
	result, err = krusty.MakeKustomizer(options).Run(disk, path.Join("/", root))
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", root, err)
	}
	return result, nil
}
