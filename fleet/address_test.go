package fleet_test

import (
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tenantry/tenantry/fleet"
)

func TestParseAddressRange(t *testing.T) {
	tests := []struct {
		entry, want, reason string
	}{
		{"10.0.0.7", "10.0.0.7", "one address"},
		{"10.0.0.7-10.0.0.7", "10.0.0.7", "a range of one"},
		{"10.0.0.250-10.0.1.5", "10.0.0.250-10.0.1.5", "ranges cross bytes"},
		{"10.0.0.0/24", "10.0.0.1-10.0.0.254", "neither network nor broadcast address"},
		{"10.0.0.4/31", "10.0.0.4-10.0.0.5", "a point-to-point network has no other"},
		{"10.0.0.4/32", "10.0.0.4", "one address"},
		{"127.71.1.10-127.71.1.250", "127.71.1.10-127.71.1.250", "loopback serves a trial on one machine"},
		{"fd00::/126", "fd00::1-fd00::3", "not the routers' anycast address; IPv6 has no broadcast"},
		{"fd00::/127", "fd00::-fd00::1", "a point-to-point network has no other"},
	}
	for _, tt := range tests {
		got, err := fleet.ParseAddressRange(tt.entry)
		if err != nil || got.String() != tt.want {
			t.Errorf("%s gives %v, %v, want %s: %s", tt.entry, got, err, tt.want, tt.reason)
		}
	}
	for _, bad := range []string{"", "-", "10.0.0.1-", "10.0.0.1 - 10.0.0.2", "10.0.0.0/", "::ffff:10.0.0.1", "ff02::1", "255.255.255.255", "a-b", "10.0.0.1/24", "0.0.0.0/0"} {
		if got, err := fleet.ParseAddressRange(bad); err == nil {
			t.Errorf("%q gives %v, want an error", bad, got)
		}
	}
}

func TestAddressesAreSorted(t *testing.T) {
	got := fleet.ShardSpec{AddressPool: []string{"fd00::1", "10.0.1.1", "nonsense", "10.0.0.1"}}.Addresses()
	var texts []string
	for _, r := range got {
		texts = append(texts, r.String())
	}
	if want := "10.0.0.1 10.0.1.1 fd00::1"; strings.Join(texts, " ") != want {
		t.Errorf("got %v, want %s", texts, want)
	}
	if got[0].Contains(netip.MustParseAddr("::ffff:10.0.0.1")) || !got[0].Contains(netip.MustParseAddr("10.0.0.1")) {
		t.Error("a range holds an address of another family, or not its own")
	}
}

// A long range overlaps with every short one in it, also when those are apart.
func TestOverlapsAreFoundBehindShortRanges(t *testing.T) {
	files := fstest.MapFS{"fleet.yaml": {Data: []byte("apiVersion: tenantry.io/v1alpha1\nkind: Fleet\n")}}
	for name, pool := range map[string]string{"long": "10.0.0.1-10.0.0.100", "first": "10.0.0.2-10.0.0.3", "second": "10.0.0.50", "apart": "10.0.0.101"} {
		files["shards/"+name+".yaml"] = &fstest.MapFile{Data: []byte("apiVersion: tenantry.io/v1alpha1\nkind: Shard\nmetadata: {name: " + name + "}\nspec: {addressPool: [" + pool + "]}\n")}
	}
	f, findings, err := fleet.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Shards) != 1 || f.Shards["apart"] == nil {
		t.Errorf("valid are %v, want apart alone; findings:\n%s", f.Shards, findings)
	}
}
