package crds

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
)

// Module is a Go module that holds definitions. It is none of the product's: the Go
// command downloads it like any other, and its content is known by its sum.
type Module struct {
	Path, Version, Sum string
	Folders            []string
}

// ClusterAPI is Cluster API: its own kinds, those of kubeadm's bootstrap provider, and an
// infrastructure to try things out with.
var ClusterAPI = []Module{
	{
		"sigs.k8s.io/cluster-api", "v1.14.2", "h1:o3GFNaeNFAOEEMpDPfhCK+2CjmV6gtQ8yLEcUwCg7bA=",
		[]string{"core/config/crd/bases", "bootstrap/kubeadm/config/crd/bases"},
	},
	{
		"sigs.k8s.io/cluster-api/test", "v1.14.2", "h1:nZ/Ql57cR7Huwqd7o3X+2AFSg5kcAmSTUZovLwzIhIs=",
		[]string{"infrastructure/docker/config/crd/bases"},
	},
}

// Download gives the folders of modules that hold definitions.
func Download(ctx context.Context, modules []Module) (folders []string, err error) {
	// Outside of every module, so that no go.mod or go.sum learns of it.
	nowhere, err := os.MkdirTemp("", "tenantry-crds-")
	if err != nil {
		return nil, fmt.Errorf("download modules: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(nowhere)) }()
	args := []string{"mod", "download", "-json"}
	for _, m := range modules {
		args = append(args, m.Path+"@"+m.Version)
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
			return nil, fmt.Errorf("download %s: %w", m.Path, err)
		case err != nil || got.Error != "" || got.Dir == "":
			return nil, fmt.Errorf("download %s %s: %w: %s%s", m.Path, m.Version, failed, got.Error, errs.Bytes())
		case got.Sum != m.Sum:
			return nil, fmt.Errorf("download %s %s: its sum is %s, want %s", m.Path, m.Version, got.Sum, m.Sum)
		}
		for _, folder := range m.Folders {
			folders = append(folders, filepath.Join(got.Dir, folder))
		}
	}
	return folders, nil
}
