package render_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tenantry/tenantry/render/trial"
)

// TestDocumentedProvider tries the provider that docs/providers.md shows: whoever copies it
// has one that works. -update writes its golden files anew, into the page.
func TestDocumentedProvider(t *testing.T) {
	const page = "../docs/providers.md"
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	blocks := regexp.MustCompile("(?s)```yaml\n# providers/(acme/[^\n]+)\n(.*?)```\n")
	for _, block := range blocks.FindAllStringSubmatch(string(raw), -1) {
		files[block[1]] = &fstest.MapFile{Data: []byte(block[2])}
	}
	if len(files) < 10 {
		t.Fatalf("%s shows %d files of a provider", page, len(files))
	}
	report, err := trial.Run(files, "acme", trial.Options{Image: trial.Image, Update: *update})
	if err != nil {
		t.Fatal(err)
	}
	report.Strict()
	for _, c := range report.Cases {
		if c.Failed() {
			t.Errorf("%s:\n%s%s", c.Name, c.Problems, c.Diff)
		}
	}
	if !*update {
		return
	}
	text := string(raw)
	for name, data := range report.Goldens {
		head := "```yaml\n# providers/acme/" + name + "\n"
		before, rest, found := strings.Cut(text, head)
		_, after, ended := strings.Cut(rest, "```\n")
		if !found || !ended {
			t.Fatalf("%s does not show %s", page, name)
		}
		text = before + head + string(data) + "```\n" + after
	}
	if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
