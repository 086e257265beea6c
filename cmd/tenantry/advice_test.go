package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// A reason for which docs/formats.md says that somebody has to look has advice,
// and nothing else has.
func TestAdvice(t *testing.T) {
	raw, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(raw), "\nSomebody has to look:\n")
	section, _, _ = strings.Cut(section, "\n#")
	documented := map[string]bool{}
	for row := range strings.Lines(section) {
		cell, found := strings.CutPrefix(row, "| `")
		if !found {
			continue
		}
		cell, _, _ = strings.Cut("`"+cell, " |")
		for _, m := range regexp.MustCompile("`([A-Z][A-Za-z]+)`").FindAllStringSubmatch(cell, -1) {
			documented[m[1]] = true
		}
	}
	if len(documented) < 10 {
		t.Fatalf("found %d reasons in the table: the rule was tested on nothing", len(documented))
	}
	for reason := range documented {
		if advice[reason] == "" {
			t.Errorf("advice.go does not say what helps with %s", reason)
		}
	}
	for reason := range advice {
		if !documented[reason] {
			t.Errorf("docs/formats.md does not say that somebody has to look at %s", reason)
		}
	}
}
