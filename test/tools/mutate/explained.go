package main

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
)

//go:embed explained.txt
var explanations string

// explain reads why mutants survive, by their keys: a line is a mutant's key, the
// indented ones below it say why; # begins a remark.
func explain(text string, mutants []Mutant) (map[string]string, error) {
	why, keys := map[string]string{}, []string(nil)
	begun := false // a line of reasons stands above
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "", strings.HasPrefix(line, "#"):
		case !strings.HasPrefix(line, " "):
			if begun {
				keys, begun = nil, false
			}
			keys = append(keys, line)
			why[line] = ""
		case len(keys) == 0:
			return nil, fmt.Errorf("read explanations: %q explains nothing", line)
		default:
			begun = true
			for _, key := range keys {
				why[key] = strings.TrimSpace(why[key] + " " + strings.TrimSpace(line))
			}
		}
	}
	known, files := map[string]bool{}, map[string]bool{}
	for _, m := range mutants {
		known[m.Key], files[m.File] = true, true
	}
	for _, key := range slices.Sorted(maps.Keys(why)) {
		file, _, _ := strings.Cut(key, " ")
		switch {
		case files[file] && !known[key]: // files that are not looked at are not judged
			return nil, fmt.Errorf("read explanations: there is no such mutant any more: %s", key)
		case why[key] == "":
			return nil, fmt.Errorf("read explanations: no reason is given for %s", key)
		}
	}
	return why, nil
}
