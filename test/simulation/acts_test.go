package simulation

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What nobody does, nobody is tried by.
func TestEveryActIsMadeAndKnown(t *testing.T) {
	made := map[string]bool{}
	for seed := range uint64(300) {
		for _, a := range Generate(seed).Acts {
			made[a.Do] = true
		}
	}
	if d := cmp.Diff(sortedKeys(acts), sortedKeys(made)); d != "" {
		t.Errorf("acts that are known (-) and made (+):\n%s", d)
	}
}

// Each way in which an act can be done is tried, too: what a comment offers is made.
func TestEveryWayIsMade(t *testing.T) {
	made := map[string]map[string]bool{}
	for seed := range uint64(1000) {
		for _, a := range Generate(seed).Acts {
			if made[a.Do] == nil {
				made[a.Do] = map[string]bool{}
			}
			made[a.Do][a.Args["how"]] = true
		}
	}
	for act, ways := range map[string]string{
		"break":     "yaml empty class name field",
		"class":     "broken unrendered gone mended",
		"fleet":     "broken",
		"shard":     "cordoned gone broken small tainted theirs well",
		"datastore": "gone broken well",
		"own":       "fast slow refused unknown kind gone",
		"cache":     "lost torn full",
		"rewind":    "gone rewritten squashed",
		"touch":     "label uid digest self managed spec foreign",
		"anchor":    "gone lower higher torn",
		"lease":     "gone taken",
		"admission": "refuse down mutate",
	} {
		for _, way := range strings.Fields(ways) {
			if !made[act][way] {
				t.Errorf("nobody makes %s how=%s, but %v", act, way, slices.Sorted(maps.Keys(made[act])))
			}
		}
	}
}

// An act that finds nothing to do does nothing, whatever it is about.
func TestActsFindNothingToDo(t *testing.T) {
	h := &History{Settings: defaults()}
	for _, name := range sortedKeys(acts) {
		h.Acts = append(h.Acts, Act{Do: name, Args: map[string]string{"tenant": "nobody", "to": "nothing", "cluster": "green", "replica": "z", "for": "1s"}})
	}
	if out := live(t, h, false); out.Violation != "" {
		t.Error(out.Violation)
	}
}
