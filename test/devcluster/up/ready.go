package up

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	kubeconfigsDir = "kubeconfigs"
	readyFile      = "ready.json"
	controlFile    = "control.json"
)

// Ready is what ready.json says.
type Ready struct {
	PID    int         `json:"pid"`
	Subnet string      `json:"subnet"`
	Shards []ShardInfo `json:"shards"`
}

// ShardInfo is one shard in ready.json.
type ShardInfo struct {
	Name string `json:"name"`
	// Kubeconfig is the path of an administrator's kubeconfig.
	Kubeconfig string `json:"kubeconfig"`
	// Server is the API server's URL, Address its host:port.
	Server  string `json:"server"`
	Address string `json:"address"`
	// AddressPool is where load balancers' addresses come from: FIRST-LAST.
	AddressPool string `json:"addressPool"`
}

// publishKubeconfig puts the administrator's kubeconfig where users look for it.
func (s *shard) publishKubeconfig() error {
	b, err := s.pki.Kubeconfig("admin", s.name, s.server())
	if err != nil {
		return err
	}
	return writeFile(filepath.Dir(s.dir), filepath.Join(kubeconfigsDir, s.name), b)
}

func writeJSON(root, name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return writeFile(root, name, append(b, '\n'))
}

// writeFile writes root/name, which appears with all its content or not at all.
// The half-written file stands in root: whoever reads root/kubeconfigs takes
// every file there for a kubeconfig.
func writeFile(root, name string, b []byte) error {
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	f, err := os.CreateTemp(root, ".part-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
