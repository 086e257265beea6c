package subnet

import (
	"fmt"
	"net/netip"
	"strings"
)

// Range is the addresses from First to Last, both included.
type Range struct{ First, Last netip.Addr }

// ParseRange reads FIRST-LAST.
func ParseRange(s string) (Range, error) {
	first, last, ok := strings.Cut(s, "-")
	if !ok {
		return Range{}, fmt.Errorf("parse range %q: want FIRST-LAST", s)
	}
	a, err := netip.ParseAddr(first)
	if err != nil {
		return Range{}, fmt.Errorf("parse range %q: %w", s, err)
	}
	b, err := netip.ParseAddr(last)
	if err != nil {
		return Range{}, fmt.Errorf("parse range %q: %w", s, err)
	}
	if b.Less(a) {
		return Range{}, fmt.Errorf("parse range %q: the last address comes before the first", s)
	}
	return Range{a, b}, nil
}

func (r Range) String() string { return r.First.String() + "-" + r.Last.String() }

// Contains tells whether a is in the range.
func (r Range) Contains(a netip.Addr) bool { return !a.Less(r.First) && !r.Last.Less(a) }

// Free returns the first address after the given one that is not taken,
// beginning again at the range's start; an address outside of it means the
// start. It is false when all are taken.
//
// Going on from the last one leaves an address to rest before it is given to
// somebody else, whose clients may still be calling.
func (r Range) Free(after netip.Addr, taken func(netip.Addr) bool) (netip.Addr, bool) {
	start := r.First
	if r.Contains(after) && after != r.Last {
		start = after.Next()
	}
	a := start
	for {
		if !taken(a) {
			return a, true
		}
		if a = a.Next(); !r.Contains(a) {
			a = r.First
		}
		if a == start {
			return netip.Addr{}, false
		}
	}
}
