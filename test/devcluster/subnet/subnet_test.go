package subnet

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		in, want string // want is part of the error
		reason   string
	}{
		{"127.71.0.0/16", "", "as documented"},
		{"127.71.0.0/24", "want 127.X.0.0/16", "too small for a run"},
		{"127.71.1.0/16", "want 127.X.0.0/16", "not the block's first address"},
		{"10.71.0.0/16", "want 127.X.0.0/16", "not this machine's own"},
		{"127.71", "no '/'", "not a prefix"},
	} {
		_, err := Parse(tc.in)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("Parse(%s): got %v, want %q: %s", tc.in, err, tc.want, tc.reason)
		}
	}
}

func TestShardsDoNotMeet(t *testing.T) {
	b, err := Parse("127.71.0.0/16")
	if err != nil {
		t.Fatal(err)
	}
	owner := map[netip.Addr]int{}
	own := func(n int, a netip.Addr) {
		if o, taken := owner[a]; taken {
			t.Fatalf("%s belongs to %d and to %d", a, o, n)
		}
		if !b.prefix.Contains(a) {
			t.Fatalf("%s of shard %d is outside of the block", a, n)
		}
		owner[a] = n
	}
	own(0, b.at(0, 1)) // the claim
	for n := 1; n <= MaxShards; n++ {
		s := b.Shard(n)
		own(n, s.Control)
		own(n, s.Node)
		for _, r := range []Range{s.Pool, s.Pods} {
			for a := r.First; r.Contains(a); a = a.Next() {
				own(n, a)
			}
		}
		for a := s.Services.Addr(); s.Services.Contains(a); a = a.Next() {
			own(n, a)
		}
	}
	if got := b.Shard(2).Pool.String(); got != "127.71.2.10-127.71.2.250" {
		t.Errorf("pool of shard 2: got %s", got)
	}
}

func TestClaim(t *testing.T) {
	first, l, err := Claim("")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	second, m, err := Claim("")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if first == second {
		t.Errorf("two claims got %s", first)
	}
	if _, _, err := Claim(first.String()); err == nil || !strings.Contains(err.Error(), "another devcluster has it") {
		t.Errorf("claim of a taken block: got %v", err)
	}
	l.Close()
	_, again, err := Claim(first.String())
	if err != nil {
		t.Fatalf("claim of a released block: %v", err)
	}
	again.Close()
}

func TestRange(t *testing.T) {
	for _, in := range []string{"", "127.1.0.1", "127.1.0.9-127.1.0.1", "x-127.1.0.1", "127.1.0.1-x"} {
		if r, err := ParseRange(in); err == nil {
			t.Errorf("ParseRange(%q): got %s, want an error", in, r)
		}
	}
	r, err := ParseRange("127.1.0.10-127.1.0.12")
	if err != nil {
		t.Fatal(err)
	}
	ip := netip.MustParseAddr
	for _, tc := range []struct {
		name, after, taken, want string
		reason                   string
	}{
		{"first", "", "", "127.1.0.10", "nothing was given yet"},
		{"next", "127.1.0.10", "", "127.1.0.11", "an address rests before it is given again"},
		{"around", "127.1.0.12", "", "127.1.0.10", "after the last comes the first"},
		{"skip", "127.1.0.10", "127.1.0.11", "127.1.0.12", "taken ones are passed over"},
		{"skip around", "127.1.0.11", "127.1.0.12 127.1.0.10", "127.1.0.11", "the only free one is found"},
		{"none", "127.1.0.11", "127.1.0.10 127.1.0.11 127.1.0.12", "", "all are taken"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			after := netip.Addr{}
			if tc.after != "" {
				after = ip(tc.after)
			}
			got, ok := r.Free(after, func(a netip.Addr) bool { return strings.Contains(tc.taken, a.String()) })
			if ok != (tc.want != "") || ok && got != ip(tc.want) {
				t.Errorf("got %s, %t; want %q: %s", got, ok, tc.want, tc.reason)
			}
		})
	}
}
