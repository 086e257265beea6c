package render

import (
	"bytes"
	"io/fs"
	"path"
	"regexp"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestStampsSelectByExactNames: an exported tree is built by the Kustomize that people
// have, and kubectl's older ones compare a target's name, where newer ones match it.
func TestStampsSelectByExactNames(t *testing.T) {
	exact, seen := regexp.MustCompile(`^[A-Za-z0-9-]*$`), 0
	err := fs.WalkDir(embedded, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Base(file) != "kustomization.yaml" {
			return err
		}
		data, err := fs.ReadFile(embedded, file)
		if err != nil {
			return err
		}
		var doc struct {
			Replacements []struct {
				Targets []struct {
					Select struct{ Kind, Name, Namespace string }
				}
			}
		}
		if err := yaml.Unmarshal(bytes.TrimSpace(data), &doc); err != nil {
			return err
		}
		for _, r := range doc.Replacements {
			for _, target := range r.Targets {
				seen++
				for _, word := range []string{target.Select.Kind, target.Select.Name, target.Select.Namespace} {
					if !exact.MatchString(word) {
						t.Errorf("%s: selects %q: want one exact word", file, word)
					}
				}
			}
		}
		return nil
	})
	if err != nil || seen == 0 {
		t.Errorf("%d targets seen, %v", seen, err)
	}
}
