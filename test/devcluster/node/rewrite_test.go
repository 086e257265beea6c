package node

import (
	"net/netip"
	"testing"
)

func podRewriter(service func(string) (string, bool)) rewriter {
	return rewriter{
		ip:      netip.MustParseAddr("127.72.65.7"),
		mounts:  map[string]string{"/data": "/pods/1/data", "/etc/kubernetes": "/pods/1/k", "/etc/kubernetes/pki": "/pods/1/pki"},
		service: service,
	}
}

func TestRewriteValue(t *testing.T) {
	for _, tc := range []struct {
		name, in, want string
		reason         string
	}{
		{"wildcard", "--bind-address=0.0.0.0", "--bind-address=127.72.65.7", "all addresses are everybody's here"},
		{"wildcard with port", "http://0.0.0.0:2379,http://0.0.0.0:2380", "http://127.72.65.7:2379,http://127.72.65.7:2380", "each of a list"},
		{"IPv6 wildcard", "[::]:8080", "127.72.65.7:8080", "the same in other words"},
		{"everybody", "--allow=0.0.0.0/0", "--allow=0.0.0.0/0", "a range is not an address to listen on"},
		{"own loopback", "https://127.0.0.1:6443", "https://127.72.65.7:6443", "127.0.0.1 is the pod's own"},
		{"localhost", "https://localhost:6443/x", "https://127.72.65.7:6443/x", "by name as well"},
		{"localhost as a name", "--tls-server-name=localhost", "--tls-server-name=localhost", "certificates speak of names"},
		{"longer address", "127.0.0.10 10.127.0.0.1 127.0.0.1.nip.io", "127.0.0.10 10.127.0.0.1 127.0.0.1.nip.io", "another address that only looks alike"},
		{"port only", "--listen=:8080", "--listen=127.72.65.7:8080", "means the wildcard"},
		{"port only, alone", ":8080", "127.72.65.7:8080", "as the value of a variable"},
		{"not a port", "a:8080", "a:8080", "an image or a host"},
		{"mount", "--data-dir=/data", "--data-dir=/pods/1/data", "the volume's folder"},
		{"below a mount", "/data/member/snap", "/pods/1/data/member/snap", "files in the volume"},
		{"longest mount", "/etc/kubernetes/pki/ca.crt:/etc/kubernetes/a.conf", "/pods/1/pki/ca.crt:/pods/1/k/a.conf", "a mount within a mount"},
		{"prefix only", "/database /data-2", "/database /data-2", "another path that begins alike"},
		{"part of a path", "/srv/data", "/srv/data", "another path that ends alike"},
		{"URL path", "http://host/data", "http://host/data", "not a file"},
		{"service", "https://etcd.db.svc:2379", "https://etcd.db.svc:2379", "own programs ask the node's DNS"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := podRewriter(nil).value(tc.in); got != tc.want {
				t.Errorf("%s: %s: got %s, want %s", tc.in, tc.reason, got, tc.want)
			}
		})
	}
}

func TestRewriteServices(t *testing.T) {
	known := func(host string) (string, bool) {
		ip, ok := map[string]string{
			"etcd.db.svc": "127.72.129.5", "etcd.db.svc.cluster.local": "127.72.129.5", "etcd-0.peers.db.svc": "127.72.65.9",
		}[host]
		return ip, ok
	}
	for _, tc := range []struct {
		name, in, want string
		reason         string
	}{
		{"URL", "--endpoints=https://etcd.db.svc:2379", "--endpoints=https://127.72.129.5:2379", "the program cannot ask"},
		{"full name", "https://etcd.db.svc.cluster.local:2379/health?x=1", "https://127.72.129.5:2379/health?x=1", "the rest stays"},
		{"no port", "http://etcd.db.svc", "http://127.72.129.5", "the scheme's own"},
		{"list", "https://etcd.db.svc:1,https://etcd-0.peers.db.svc:2", "https://127.72.129.5:1,https://127.72.65.9:2", "each of them, pods of headless services too"},
		{"name", "--tls-server-name=etcd.db.svc", "--tls-server-name=etcd.db.svc", "a name that is meant as a name"},
		{"host and port", "etcd.db.svc:2379", "etcd.db.svc:2379", "only URLs are safe to tell from names"},
		{"unknown", "https://gone.db.svc:2379", "https://gone.db.svc:2379", "the program shall say what it cannot reach"},
		{"outside", "https://svc.example.com", "https://svc.example.com", "not a Service"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := podRewriter(known).value(tc.in); got != tc.want {
				t.Errorf("%s: %s: got %s, want %s", tc.in, tc.reason, got, tc.want)
			}
		})
	}
}

func TestRewriteFile(t *testing.T) {
	for _, tc := range []struct {
		name, in, want string
		reason         string
	}{
		{"kubeconfig", "apiVersion: v1\nkind: Config\nclusters: [{cluster: {server: https://127.0.0.1:6443, certificate-authority: /etc/kubernetes/pki/ca.crt}}]\n",
			"apiVersion: v1\nkind: Config\nclusters: [{cluster: {server: https://127.72.65.7:6443, certificate-authority: /pods/1/pki/ca.crt}}]\n", "it names files by mount path"},
		{"as JSON", `{"kind":"Config","client-key":"/data/k"}`, `{"kind":"Config","client-key":"/pods/1/data/k"}`, "JSON is YAML"},
		{"other", "server = 127.0.0.1\npath = /data\n", "server = 127.0.0.1\npath = /data\n", "what is not understood stays as it is"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := string(podRewriter(nil).file([]byte(tc.in))); got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}
