package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// module is a Go module that holds definitions. It is none of the product's: the Go
// command downloads it like any other, and its content is known by its sum.
type module struct {
	path, version, sum string
	folders            []string
}

// clusterAPI is Cluster API: its own kinds, those of kubeadm's bootstrap provider, and an
// infrastructure to try things out with.
var clusterAPI = []module{
	{
		"sigs.k8s.io/cluster-api", "v1.14.2", "h1:o3GFNaeNFAOEEMpDPfhCK+2CjmV6gtQ8yLEcUwCg7bA=",
		[]string{"core/config/crd/bases", "bootstrap/kubeadm/config/crd/bases"},
	},
	{
		"sigs.k8s.io/cluster-api/test", "v1.14.2", "h1:nZ/Ql57cR7Huwqd7o3X+2AFSg5kcAmSTUZovLwzIhIs=",
		[]string{"infrastructure/docker/config/crd/bases"},
	},
}

// download gives the folders of modules that hold definitions.
func download(ctx context.Context, modules []module) (folders []string, err error) {
	// Outside of every module, so that no go.mod or go.sum learns of it.
	nowhere, err := os.MkdirTemp("", "tenantry-contract-")
	if err != nil {
		return nil, fmt.Errorf("download modules: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(nowhere)) }()
	args := []string{"mod", "download", "-json"}
	for _, m := range modules {
		args = append(args, m.path+"@"+m.version)
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = nowhere, &out, &errs
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	failed := cmd.Run()
	decoder := json.NewDecoder(&out)
	for _, m := range modules {
		var got struct{ Dir, Sum, Error string }
		switch err := decoder.Decode(&got); {
		case err != nil && !errors.Is(err, io.EOF):
			return nil, fmt.Errorf("download %s: %w", m.path, err)
		case err != nil || got.Error != "" || got.Dir == "":
			return nil, fmt.Errorf("download %s %s: %w: %s%s", m.path, m.version, failed, got.Error, errs.Bytes())
		case got.Sum != m.sum:
			return nil, fmt.Errorf("download %s %s: its sum is %s, want %s", m.path, m.version, got.Sum, m.sum)
		}
		for _, folder := range m.folders {
			folders = append(folders, filepath.Join(got.Dir, folder))
		}
	}
	return folders, nil
}

// needed are the definitions of kinds that histories have. Of what a module holds the
// rest is not ours to try.
func needed(definitions []definition, histories []history) []definition {
	kinds := map[schema.GroupKind]bool{}
	for _, h := range histories {
		for _, step := range h.steps {
			for _, o := range step {
				kinds[o.GroupVersionKind().GroupKind()] = true
			}
		}
	}
	return slices.DeleteFunc(definitions, func(d definition) bool { return !kinds[d.kind()] })
}
