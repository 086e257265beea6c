package placement

import (
	"net/netip"

	"github.com/tenantry/tenantry/fleet"
)

// pool walks a shard's addresses once: everything before next is taken.
type pool struct {
	ranges []fleet.AddressRange
	index  int
	next   netip.Addr
}

// rewind starts at the lowest address.
func (p *pool) rewind() {
	p.index = 0
	if len(p.ranges) > 0 {
		p.next = p.ranges[0].From
	}
}

// release goes back to an address that has become free. What is between it and
// where the pool was is still taken.
func (p *pool) release(a netip.Addr) {
	for i, r := range p.ranges[:min(p.index+1, len(p.ranges))] {
		if r.Contains(a) && (i < p.index || a.Less(p.next)) {
			p.index, p.next = i, a
			return
		}
	}
}

// lowest gives the lowest address that is not used. It does not take it.
func (p *pool) lowest(used map[netip.Addr]int) (netip.Addr, bool) {
	for p.index < len(p.ranges) {
		if !p.ranges[p.index].Contains(p.next) {
			if p.index++; p.index < len(p.ranges) {
				p.next = p.ranges[p.index].From
			}
			continue
		}
		if used[p.next] == 0 {
			return p.next, true
		}
		p.next = p.next.Next()
	}
	return netip.Addr{}, false
}
