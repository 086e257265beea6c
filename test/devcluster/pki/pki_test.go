package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
	"testing"
)

func TestIssue(t *testing.T) {
	a, err := New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Issue("server", Subject{Name: "api", Groups: []string{"masters"}, Hosts: []string{"127.71.1.1", "kubernetes"}}); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(a.Path("server.crt"), a.Path("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.71.1.1", "kubernetes"} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: a.Pool()}); err != nil {
			t.Errorf("as server %s: %v", host, err)
		}
	}
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: a.Pool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Errorf("as client: %v", err)
	}
	if got := pair.Leaf.Subject.String(); got != "CN=api,O=masters" {
		t.Errorf("subject: got %s", got)
	}
	for _, name := range []string{"server.key", "sa.key"} {
		info, err := os.Stat(a.Path(name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s: others may read it: %s", name, info.Mode())
		}
	}
}

func TestKubeconfig(t *testing.T) {
	a, err := New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Issue("admin", Subject{Name: "admin"}); err != nil {
		t.Fatal(err)
	}
	b, err := a.Kubeconfig("admin", "eu-1", "https://127.71.1.1:6443")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Clusters []struct {
			Cluster struct {
				Server string
				CA     []byte `json:"certificate-authority-data"`
			}
		}
		Users []struct {
			User struct {
				Cert []byte `json:"client-certificate-data"`
				Key  []byte `json:"client-key-data"`
			}
		}
		Current string `json:"current-context"`
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.Current != "eu-1" || got.Clusters[0].Cluster.Server != "https://127.71.1.1:6443" {
		t.Errorf("got %+v", got)
	}
	if _, err := tls.X509KeyPair(got.Users[0].User.Cert, got.Users[0].User.Key); err != nil {
		t.Errorf("credentials: %v", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(got.Clusters[0].Cluster.CA) {
		t.Error("no authority in it")
	}
}
