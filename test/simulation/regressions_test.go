package simulation

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRegressions lives through histories that went wrong once.
func TestRegressions(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d histories: %v", len(files), err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			file, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = file.Close() }()
			h, err := Parse(file)
			if err != nil {
				t.Fatal(err)
			}
			through(t, h)
		})
	}
}
