package render

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/utils"
)

// A stamp may put a value into a part of a text, which it finds by a delimiter. Where
// several values go into one text, the first must not hold the delimiter that a later
// one is put in by: Kustomize would then cut elsewhere than it did between marks.

// delimiters are, by place, those that its value must not hold.
func (s *shape) delimiters(doc document, ps places, contents []content) map[int][]string {
	shared := map[int]bool{}
	for _, c := range contents {
		findShared(c, shared)
	}
	found := map[int][]string{}
	var before []int // places that stamps have put in so far
	for _, dir := range s.layout.stamps(doc) {
		for _, r := range s.stamps[dir].Replacements {
			for _, target := range r.Targets {
				if target.Options == nil || target.Options.Delimiter == "" {
					continue
				}
				for _, hole := range before {
					found[hole] = append(found[hole], target.Options.Delimiter)
				}
			}
			path := utils.SmarterPathSplitter(r.Source.FieldPath, ".")
			hole := slices.IndexFunc(ps, func(p place) bool { return slices.Equal(p.path, path) })
			if shared[hole] && !slices.Contains(before, hole) {
				before = append(before, hole)
			}
		}
	}
	return found
}

// findShared collects places whose values share a text with others.
func findShared(node any, shared map[int]bool) {
	switch n := node.(type) {
	case content:
		for _, child := range n {
			findShared(child, shared)
		}
	case []any:
		for _, child := range n {
			findShared(child, shared)
		}
	case string:
		if strings.Count(n, markOpen) < 2 {
			return
		}
		for {
			before, _, found := strings.Cut(n, markOpen)
			if !found {
				return
			}
			hole, _, rest, _ := cutMark(n[len(before):])
			shared[hole] = true
			n = rest
		}
	}
}

// checkDelimiters judges the values that are to be filled in.
func (t *template) checkDelimiters(f *filling) error {
	for hole, delimiters := range t.delimiters {
		for _, d := range delimiters {
			if strings.Contains(f.values[hole].raw, d) {
				return fmt.Errorf("%s: %q may not hold %q: it is put into a text that is cut there", t.places[hole], f.values[hole].raw, d)
			}
		}
	}
	return nil
}
