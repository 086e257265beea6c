package simulation

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What is left of a history fails still, nothing of it can be spared, and what comes late
// comes at its old time.
func TestShrink(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := Generate(rapid.Uint64().Draw(t, "seed"))
		n := len(h.Acts)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "guilty"), 0))
		guilty := map[string]bool{}
		for range rapid.IntRange(1, 3).Draw(t, "acts") {
			i := random.IntN(n)
			h.Acts[i].Args = map[string]string{"guilty": strconv.Itoa(i)}
			guilty[strconv.Itoa(i)] = true
		}
		fails := func(h *History) bool {
			found := map[string]bool{}
			for _, a := range h.Acts {
				if guilty[a.Args["guilty"]] {
					found[a.Args["guilty"]] = true
				}
			}
			return len(found) == len(guilty)
		}
		short := Shrink(h, 1000, fails)
		if len(short.Acts) != len(guilty) || !fails(short) {
			t.Fatalf("%d acts are left, want %d:\n%s", len(short.Acts), len(guilty), short)
		}
		if len(h.Acts) != n {
			t.Fatalf("the history itself was shortened")
		}
		if got, want := span(short, guilty), span(h, guilty); got != want {
			t.Fatalf("the last guilty act comes after %v, came after %v", got, want)
		}
	})
}

// span is the time of the last act that is among some.
func span(h *History, of map[string]bool) (last time.Duration) {
	now := time.Duration(0)
	for _, a := range h.Acts {
		now += a.After
		if of[a.Args["guilty"]] {
			last = now
		}
	}
	return last
}
