// Package overlay writes what `go build -overlay` reads: a program is built as if some of
// its files were others, and nothing of it is touched.
package overlay

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Write has files, by their paths below root, taken for others of these contents. It
// writes into dir, which exists, and gives the path that -overlay wants.
func Write(root, dir string, files map[string][]byte) (string, error) {
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		to := filepath.Join(dir, strings.ReplaceAll(file, "/", "+"))
		if err := os.WriteFile(to, files[file], 0o600); err != nil {
			return "", fmt.Errorf("write overlay: %w", err)
		}
		overlay.Replace[filepath.Join(root, file)] = to
	}
	data, err := json.MarshalIndent(overlay, "", "\t")
	if err != nil {
		return "", fmt.Errorf("write overlay: %w", err)
	}
	to := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(to, data, 0o600); err != nil {
		return "", fmt.Errorf("write overlay: %w", err)
	}
	return to, nil
}
