package jitter_test

import (
	"testing"
	"time"

	"github.com/tenantry/tenantry/reconciler/jitter"
)

func TestTheSameWaiterWaitsTheSame(t *testing.T) {
	a, b, other := jitter.New("ab", "cd"), jitter.New("ab", "cd"), jitter.New("abc", "d")
	same := 0
	for range 100 {
		x, y, z := a.Float64(), b.Float64(), other.Float64()
		if x != y {
			t.Fatalf("one name, two chances: %v and %v", x, y)
		}
		if x == z {
			same++
		}
	}
	if same > 0 {
		t.Errorf("two waiters came back in step %d times of 100", same)
	}
}

func TestSpread(t *testing.T) {
	const pauses, tenths = 10_000, 10
	var fell [tenths]int
	s := jitter.New("spread")
	for range pauses {
		d := s.Stretch(time.Minute)
		if d < time.Minute || d >= 72*time.Second {
			t.Fatalf("a minute was stretched to %v", d)
		}
		fell[int(tenths*(d-time.Minute)/(12*time.Second))]++
	}
	for i, n := range fell {
		if n < pauses/tenths*8/10 || n > pauses/tenths*12/10 {
			t.Errorf("%d of %d pauses in tenth %d of the spread", n, pauses, i)
		}
	}
}
