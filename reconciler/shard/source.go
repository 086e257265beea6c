package shard

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Source is where a shard's connection comes from.
type Source interface {
	// Config reads it, and gives a word that changes when it does. Errors hold no
	// credentials.
	Config() (cfg *rest.Config, version string, err error)
}

// Fixed is a connection that never changes.
func Fixed(cfg *rest.Config) Source { return fixed{cfg} }

type fixed struct{ cfg *rest.Config }

func (f fixed) Config() (*rest.Config, string, error) { return rest.CopyConfig(f.cfg), "", nil }

// Kubeconfig is the path of a kubeconfig file, whose content may change.
type Kubeconfig string

// Config reads the file. What is wrong with its content is told without quoting
// it, since it may be a credential that stands in the wrong place.
func (k Kubeconfig) Config() (*rest.Config, string, error) {
	content, err := os.ReadFile(string(k))
	if err != nil {
		return nil, "", fmt.Errorf("read kubeconfig: %w", err)
	}
	sum := sha256.Sum256(content)
	version := hex.EncodeToString(sum[:])
	parsed, err := clientcmd.Load(content)
	if err != nil {
		return nil, version, fmt.Errorf("read kubeconfig %s: it is not a kubeconfig (YAML or JSON, kind Config)", string(k))
	}
	for _, c := range parsed.Clusters {
		c.LocationOfOrigin = string(k)
	}
	for _, a := range parsed.AuthInfos {
		a.LocationOfOrigin = string(k)
	}
	if err := clientcmd.ResolveLocalPaths(parsed); err != nil {
		return nil, version, fmt.Errorf("read kubeconfig %s: resolve the paths in it: %w", string(k), err)
	}
	context := parsed.Contexts[parsed.CurrentContext]
	switch {
	case context == nil:
		return nil, version, fmt.Errorf("read kubeconfig %s: current-context %q does not exist", string(k), parsed.CurrentContext)
	case parsed.Clusters[context.Cluster] == nil:
		return nil, version, fmt.Errorf("read kubeconfig %s: cluster %q does not exist", string(k), context.Cluster)
	}
	cfg, err := clientcmd.NewDefaultClientConfig(*parsed, nil).ClientConfig()
	if err != nil {
		return nil, version, fmt.Errorf("read kubeconfig %s: it cannot be used: check server, user and certificates of the current context", string(k))
	}
	return cfg, version, nil
}

// FromKubeconfigDir finds the shards' kubeconfigs in a folder: <shard>.kubeconfig,
// <shard>.yaml or <shard>, as a mounted Secret shows them. It reads none of them:
// a broken one is its own shard's trouble, reported when that shard connects.
func FromKubeconfigDir(dir string) (map[string]Source, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("find kubeconfigs: %w", err)
	}
	found := map[string]Source{}
	var wrong []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue // a mounted Secret's own links
		}
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			continue
		}
		name := strings.TrimSuffix(strings.TrimSuffix(e.Name(), ".kubeconfig"), ".yaml")
		if other, ok := found[name]; ok {
			wrong = append(wrong, fmt.Errorf("find kubeconfigs: %s and %s are both for shard %s", other, path, name))
			continue
		}
		found[name] = Kubeconfig(path)
	}
	return found, errors.Join(wrong...)
}
