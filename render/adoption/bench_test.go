package adoption_test

import (
	"fmt"
	"testing"
)

// BenchmarkRun imports a shard of a hundred control planes, each with a field of its own.
func BenchmarkRun(b *testing.B) {
	objects := []object{store("default")}
	for i := range 100 {
		objects = append(objects, plane("team-a", fmt.Sprintf("t%d", i)))
	}
	for b.Loop() {
		if r := imported(b, nil, objects...); len(r.Imported) != 101 {
			b.Fatal(told(r))
		}
	}
}
