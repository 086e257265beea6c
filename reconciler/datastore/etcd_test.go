package datastore

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
)

// binary holds a real etcd among other things; `make build` makes it.
const binary = "../../bin/devcluster"

// etcd is a real one with TLS, whose clients are told apart by their certificates.
type etcd struct {
	dir, url string
	ca       *x509.Certificate
	caKey    *ecdsa.PrivateKey
	serial   int64
}

// newEtcd prepares certificates and an address; start runs it.
func newEtcd(t *testing.T) *etcd {
	t.Helper()
	e := &etcd{dir: t.TempDir()}
	e.url = "https://" + freeAddress(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	e.caKey = key
	e.ca = &x509.Certificate{Subject: pkix.Name{CommonName: "datastore-ca"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	e.write(t, "ca", e.ca, key)
	e.issue(t, "server", &x509.Certificate{
		DNSNames: []string{"etcd.datastore-a.svc"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	e.issue(t, root, client(root))
	return e
}

func client(name string) *x509.Certificate {
	return &x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
}

// issue writes name.crt and name.key.
func (e *etcd) issue(t *testing.T, name string, template *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	e.write(t, name, template, key)
}

func (e *etcd) write(t *testing.T, name string, template *x509.Certificate, key *ecdsa.PrivateKey) {
	t.Helper()
	e.serial++
	template.SerialNumber = big.NewInt(e.serial)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	cert, err := x509.CreateCertificate(rand.Reader, template, e.ca, key.Public(), e.caKey)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".crt": {Type: "CERTIFICATE", Bytes: cert},
		name + ".key": {Type: "EC PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(filepath.Join(e.dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// start runs etcd until the test ends, with the flags that matter to access as the
// native provider sets them. It does not wait for it.
func (e *etcd) start(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("find etcd: %v (make build makes it)", err)
	}
	file := func(name string) string { return filepath.Join(e.dir, name) }
	cmd := exec.Command(binary, "etcd",
		"--name=one", "--data-dir="+file("data"), "--unsafe-no-fsync", "--log-level=error",
		"--listen-client-urls="+e.url, "--advertise-client-urls="+e.url, "--listen-peer-urls=http://"+freeAddress(t),
		"--client-cert-auth=true", "--trusted-ca-file="+file("ca.crt"),
		"--cert-file="+file("server.crt"), "--key-file="+file("server.key"))
	// A file, not our own: a test that is killed would else wait for etcd's end.
	log, err := os.Create(file("etcd.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // killed, as it was told
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
}

// as is how a client of that certificate reaches it.
func (e *etcd) as(name string) Config {
	return Config{
		Endpoints: []string{e.url}, TLSServerName: "etcd.datastore-a.svc",
		CA: filepath.Join(e.dir, "ca.crt"), Cert: filepath.Join(e.dir, name+".crt"), Key: filepath.Join(e.dir, name+".key"),
	}
}

// client is a plain client of that certificate, made without our code's help.
func (e *etcd) client(t *testing.T, name string) *clientv3.Client {
	t.Helper()
	config := e.as(name)
	security, err := config.security()
	if err != nil {
		t.Fatal(err)
	}
	c, err := clientv3.New(clientv3.Config{Endpoints: config.Endpoints, TLS: security, DialTimeout: 10 * time.Second, Logger: zap.NewNop(),
		DialOptions: []grpc.DialOption{grpc.WithAuthority(config.TLSServerName)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	return l.Addr().String()
}

// revision is the datastore's own count of changes to users and roles.
func revision(ctx context.Context, t *testing.T, c *clientv3.Client) uint64 {
	t.Helper()
	status, err := c.AuthStatus(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return status.AuthRevision
}

func put(ctx context.Context, t *testing.T, c *clientv3.Client, prefix string, n int) {
	t.Helper()
	for i := 0; i < n; i += 100 {
		var ops []clientv3.Op
		for j := i; j < min(i+100, n); j++ {
			ops = append(ops, clientv3.OpPut(fmt.Sprintf("%s%05d", prefix, j), "x"))
		}
		if _, err := c.Txn(ctx).Then(ops...).Commit(); err != nil {
			t.Fatal(err)
		}
	}
}

func count(ctx context.Context, t *testing.T, c *clientv3.Client, prefix string) int64 {
	t.Helper()
	r, err := c.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		t.Fatal(err)
	}
	return r.Count
}
