package pki

import (
	"encoding/json"
	"fmt"
	"os"
)

// Kubeconfig returns a self-contained kubeconfig for the certificate FILE.crt,
// in which cluster, user and context are called name.
func (a *Authority) Kubeconfig(file, name, server string) ([]byte, error) {
	var ca, cert, key []byte
	for _, f := range []struct {
		name string
		into *[]byte
	}{{"ca.crt", &ca}, {file + ".crt", &cert}, {file + ".key", &key}} {
		b, err := os.ReadFile(a.Path(f.name))
		if err != nil {
			return nil, fmt.Errorf("make kubeconfig of %s: %w", file, err)
		}
		*f.into = b
	}
	// JSON is YAML, and its encoder turns bytes into the base64 that is wanted.
	type object = map[string]any
	b, err := json.MarshalIndent(object{
		"apiVersion":      "v1",
		"kind":            "Config",
		"clusters":        []object{{"name": name, "cluster": object{"server": server, "certificate-authority-data": ca}}},
		"users":           []object{{"name": name, "user": object{"client-certificate-data": cert, "client-key-data": key}}},
		"contexts":        []object{{"name": name, "context": object{"cluster": name, "user": name}}},
		"current-context": name,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("make kubeconfig of %s: %w", file, err)
	}
	return append(b, '\n'), nil
}
