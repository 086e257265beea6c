package certmanager

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Namespace is where ClusterIssuers look for their Secrets.
const Namespace = "cert-manager"

//go:embed all:crds
var files embed.FS

// CRDs returns the definitions that the controllers need, as build.sh took them
// from cert-manager's module.
func CRDs() ([]*unstructured.Unstructured, error) {
	names, err := fs.Glob(files, "crds/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("read CRDs: %w", err)
	}
	if len(names) == 0 {
		return nil, errors.New("read CRDs: none is embedded: build with test/devcluster/build.sh")
	}
	var crds []*unstructured.Unstructured
	for _, name := range names {
		b, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read CRDs: %w", err)
		}
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(b, &u.Object); err != nil {
			return nil, fmt.Errorf("read CRD %s: %w", name, err)
		}
		crds = append(crds, u)
	}
	return crds, nil
}
