package fleet

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// AddressRange is a run of IP addresses of one family, both ends included.
type AddressRange struct{ From, To netip.Addr }

func (r AddressRange) String() string {
	if r.From == r.To {
		return r.From.String()
	}
	return r.From.String() + "-" + r.To.String()
}

// Contains says whether the address lies in the range.
func (r AddressRange) Contains(a netip.Addr) bool {
	return a.BitLen() == r.From.BitLen() && r.From.Compare(a) <= 0 && a.Compare(r.To) <= 0
}

func (r AddressRange) overlaps(o AddressRange) bool {
	return r.From.BitLen() == o.From.BitLen() && r.From.Compare(o.To) <= 0 && o.From.Compare(r.To) <= 0
}

// Addresses are the shard's ranges, lowest first. Entries that do not parse are
// left out: a Shard that Load gives has none.
func (s ShardSpec) Addresses() []AddressRange {
	var out []AddressRange
	for _, entry := range s.AddressPool {
		if r, err := ParseAddressRange(entry); err == nil {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b AddressRange) int {
		return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To))
	})
	return out
}

// ParseAddressRange reads an entry of an address pool: an address, a range
// ("10.0.0.10-10.0.0.50") or a CIDR. Of a CIDR the addresses that hosts cannot
// use are left out: of IPv4 the network and its broadcast address, of IPv6 the
// routers' anycast address.
func ParseAddressRange(entry string) (AddressRange, error) {
	if strings.Contains(entry, "/") {
		prefix, err := parsePrefix(entry)
		if err != nil {
			return AddressRange{}, err
		}
		r := AddressRange{prefix.Addr(), lastOf(prefix)}
		if hostBits := prefix.Addr().BitLen() - prefix.Bits(); hostBits > 1 {
			r.From = r.From.Next()
			if prefix.Addr().Is4() {
				r.To = r.To.Prev()
			}
		}
		return r, usable(r)
	}
	first, last, isRange := strings.Cut(entry, "-")
	from, err := parseAddress(first)
	if err != nil {
		return AddressRange{}, err
	}
	r := AddressRange{from, from}
	if isRange {
		if r.To, err = parseAddress(last); err != nil {
			return AddressRange{}, err
		}
	}
	switch {
	case r.From.BitLen() != r.To.BitLen():
		return AddressRange{}, fmt.Errorf("both ends of a range must be of one family")
	case r.To.Less(r.From):
		return AddressRange{}, fmt.Errorf("the range ends before it starts")
	}
	return r, usable(r)
}

// usable refuses ranges that reach into addresses no endpoint can have.
func usable(r AddressRange) error {
	for _, prefix := range []string{"0.0.0.0/8", "224.0.0.0/3", "::/128", "ff00::/8"} {
		p := netip.MustParsePrefix(prefix)
		if r.overlaps(AddressRange{p.Addr(), lastOf(p)}) {
			return fmt.Errorf("no endpoint can have an address of %s", p)
		}
	}
	return nil
}

func parseAddress(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return netip.Addr{}, fmt.Errorf("want an IP address, a range (10.0.0.10-10.0.0.50) or a CIDR")
	case a.Zone() != "" || a.Is4In6():
		return netip.Addr{}, fmt.Errorf("want a plain IPv4 or IPv6 address")
	}
	return a, nil
}

// parsePrefix reads a CIDR that names its network exactly.
func parsePrefix(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil || p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("want a CIDR (10.96.0.0/16)")
	case p.Masked() != p:
		return netip.Prefix{}, fmt.Errorf("has bits set behind the prefix: the network is %s", p.Masked())
	}
	return p, nil
}

// lastOf gives the highest address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}
