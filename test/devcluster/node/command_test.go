package node

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProgram(t *testing.T) {
	known := images{{"ghcr.io/tenantry/tenantry", "/bin/tenantry-dev"}}
	for _, tc := range []struct {
		name, image   string
		command, args []string
		want          string // path, then arguments
		err           string
		reason        string
	}{
		{"component", "registry.k8s.io/kube-apiserver:v1.36.3", []string{"kube-apiserver", "--v=2"}, nil, "self kube-apiserver --v=2", "", "part of this binary"},
		{"by path", "registry.k8s.io/etcd:3.6.16", []string{"/usr/local/bin/etcdctl"}, []string{"get", "a"}, "self etcdctl get a", "", "images have it there"},
		{"entry point", "gcr.io/etcd-development/etcd@sha256:0123", nil, []string{"--name=a"}, "self etcd --name=a", "", "with a digest instead of a tag"},
		{"no shell", "registry.k8s.io/kube-scheduler:v1", []string{"sh", "-c", "x"}, nil, "", "executable file not found", "as in the real image"},
		{"given", "ghcr.io/tenantry/tenantry:v1", nil, []string{"datastore", "ensure"}, "/bin/tenantry-dev tenantry datastore ensure", "", "the image's entry point"},
		{"given, by name", "ghcr.io/tenantry/tenantry", []string{"/tenantry", "version"}, nil, "/bin/tenantry-dev /tenantry version", "", "without a tag"},
		{"given, no shell", "ghcr.io/tenantry/tenantry:v1", []string{"sh"}, nil, "", "executable file not found", "only the binary is known"},
		{"prefix", "ghcr.io/tenantry/tenantry-extra:v1", nil, nil, "", "--image ghcr.io/tenantry/tenantry-extra=BINARY", "another repository, and what to do"},
		{"port", "localhost:5000/x", nil, nil, "", "no binary is known for localhost:5000/x", "a port is not a tag"},
		{"script", "busybox:1", []string{"sh", "-c", "true"}, nil, "/bin/sh sh -c true", "", "this machine's programs"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := known.program("self", tc.image, tc.command, tc.args)
			if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Fatalf("got error %v, want %q: %s", err, tc.err, tc.reason)
			}
			if err != nil {
				if image := strings.Contains(tc.err, "BINARY") || strings.Contains(tc.err, "no binary"); errors.Is(err, errImage) != image {
					t.Errorf("%v: errImage is %t", err, !image)
				}
				return
			}
			line := strings.Join(append([]string{strings.Replace(got.path, "/usr/bin/sh", "/bin/sh", 1)}, got.argv...), " ")
			if diff := cmp.Diff(tc.want, line); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestOwnAddress(t *testing.T) {
	for _, tc := range []struct {
		name, in, want string
		reason         string
	}{
		{"defaults", "kube-scheduler --v=2", "kube-scheduler --v=2 --bind-address=127.1.1.1 --cert-dir=certs", "the defaults would meet the next pod's"},
		{"given", "kube-controller-manager --bind-address=127.9.9.9 --cert-dir=x", "kube-controller-manager --bind-address=127.9.9.9 --cert-dir=x", "who says it is left alone"},
		{"given apart", "kube-scheduler --bind-address 127.9.9.9 --cert-dir x", "kube-scheduler --bind-address 127.9.9.9 --cert-dir x", "as two arguments too"},
		{"etcd", "etcd", "etcd --listen-peer-urls=http://127.1.1.1:2380", "a single member need not say it"},
		{"client", "etcdctl get a", "etcdctl get a", "listens on nothing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := strings.Join(ownAddress(strings.Fields(tc.in), "127.1.1.1", "certs"), " ")
			if got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}

func TestLastLines(t *testing.T) {
	for _, tc := range []struct {
		in   string
		n    int
		want string
	}{
		{"a\nb\nc\n", 2, "b\nc\n"},
		{"a\nb\nc", 2, "b\nc"},
		{"a\nb\n", 5, "a\nb\n"},
		{"a\nb\n", 0, ""},
		{"", 3, ""},
		{"\n\n", 1, "\n"},
	} {
		if got := string(lastLines([]byte(tc.in), tc.n)); got != tc.want {
			t.Errorf("lastLines(%q, %d): got %q, want %q", tc.in, tc.n, got, tc.want)
		}
	}
}
