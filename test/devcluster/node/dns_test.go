package node

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"
)

func TestServiceName(t *testing.T) {
	type name struct {
		pod, service, namespace string
		ok                      bool
	}
	for _, tc := range []struct {
		host string
		want name
	}{
		{"etcd.db", name{"", "etcd", "db", true}},
		{"etcd.db.svc", name{"", "etcd", "db", true}},
		{"etcd.db.svc.cluster.local", name{"", "etcd", "db", true}},
		{"etcd-0.peers.db.svc", name{"etcd-0", "peers", "db", true}},
		{"etcd", name{}},
		{"a.b.c.d.svc", name{}},
	} {
		var got name
		got.pod, got.service, got.namespace, got.ok = serviceName(tc.host)
		if got != tc.want {
			t.Errorf("%s: got %+v, want %+v", tc.host, got, tc.want)
		}
	}
}

func TestAnswer(t *testing.T) {
	lookup := func(name string) ([]netip.Addr, bool) {
		ips, ok := map[string][]netip.Addr{
			"etcd.db.svc":  {netip.MustParseAddr("127.71.65.1"), netip.MustParseAddr("127.71.65.2")},
			"empty.db.svc": nil,
		}[name]
		return ips, ok
	}
	for _, tc := range []struct {
		name   string
		kind   dnsmessage.Type
		code   dnsmessage.RCode
		want   []string
		reason string
	}{
		{"etcd.db.svc.", dnsmessage.TypeA, dnsmessage.RCodeSuccess, []string{"127.71.65.1", "127.71.65.2"}, "every ready pod"},
		{"etcd.db.svc.", dnsmessage.TypeAAAA, dnsmessage.RCodeSuccess, nil, "it exists, without such an address"},
		{"empty.db.svc.", dnsmessage.TypeA, dnsmessage.RCodeSuccess, nil, "it exists, nobody is ready"},
		{"gone.db.svc.", dnsmessage.TypeA, dnsmessage.RCodeNameError, nil, "no such Service"},
	} {
		q := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, RecursionDesired: true},
			Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(tc.name), Type: tc.kind, Class: dnsmessage.ClassINET}}}
		b, err := q.Pack()
		if err != nil {
			t.Fatal(err)
		}
		b, err = answer(b, lookup)
		if err != nil {
			t.Fatal(err)
		}
		var m dnsmessage.Message
		if err := m.Unpack(b); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range m.Answers {
			got = append(got, netip.AddrFrom4(r.Body.(*dnsmessage.AResource).A).String())
		}
		if diff := cmp.Diff(tc.want, got); diff != "" || m.RCode != tc.code || m.ID != 7 || !m.Response {
			t.Errorf("%s %s: %s: %s %s (-want +got):\n%s", tc.name, tc.kind, tc.reason, m.RCode, m.Header.GoString(), diff)
		}
	}
	if _, err := answer([]byte("nonsense"), lookup); err == nil {
		t.Error("nonsense was answered")
	}
}
