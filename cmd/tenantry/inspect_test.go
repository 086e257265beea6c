package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

// A tenant's kubeconfig is written by whoever may write its Secret on the shard, and
// used on the machines of people.
func TestInspect(t *testing.T) {
	canary := filepath.Join(t.TempDir(), "canary")
	harmless := strings.ReplaceAll(`apiVersion: v1
kind: Config
current-context: x
contexts: [{name: x, context: {cluster: acme, user: admin}}]
clusters:
- {name: acme, cluster: {server: "https://10.0.0.1:6443", certificate-authority-data: CERT}}
users:
- {name: admin, user: {client-certificate-data: CERT, client-key-data: CERT}}
`, "CERT", base64.StdEncoding.EncodeToString(selfSigned(t)))
	run := "exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: touch, args: [" + canary + "]}"
	user, cluster := "user: {client-", "cluster: {server: "
	cases := []struct{ name, reason, old, is, want string }{
		{"Harmless", "data alone", "", "", ""},
		{"Exec", "runs a program", user, "user: {" + run + ", client-", "run a program"},
		{"ExecOfAnother", "a later change of the context would run it", "users:", "users:\n- {name: other, user: {" + run + "}}", "run a program"},
		{"ExecTwice", "the last of two keys of one name counts for this parser, the first for another",
			user, "user: {" + run + ", exec: null, client-", ""},
		{"AuthProvider", "runs code of a plugin", user, "user: {auth-provider: {name: gcp, config: {cmd-path: " + canary + "}}, client-", "run a program"},
		{"TokenFile", "sends a file's content to the server", user, "user: {tokenFile: /etc/passwd, client-", "files on this machine"},
		{"CertificateFile", "reads a file", user, "user: {client-certificate: /etc/passwd, client-", "files on this machine"},
		{"KeyFile", "reads a file", user, "user: {client-key: /root/.ssh/id_rsa, client-", "files on this machine"},
		{"AuthorityFile", "reads a file", cluster, "cluster: {certificate-authority: /etc/passwd, server: ", "files on this machine"},
		{"Insecure", "anybody in between is believed", cluster, "cluster: {insecure-skip-tls-verify: true, server: ", "any server"},
		{"PlainHTTP", "the same", "https://", "http://", "any server"},
		{"NoCertificate", "the reference names a certificate's key", "client-certificate-data", "username", "no client certificate"},
		{"NoContext", "it has no answer", "current-context: x", "current-context: z", "no current context"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			content := strings.Replace(harmless, c.old, c.is, 1)
			if c.old != "" && content == harmless {
				t.Fatalf("there is no %q in the kubeconfig", c.old)
			}
			config, _, err := inspect([]byte(content))
			switch {
			case c.want == "" && err != nil:
				t.Errorf("got %v, want none: %s", err, c.reason)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q: %s", err, c.want, c.reason)
			case err == nil:
				// What is printed has nothing that was not judged.
				if printed, err := clientcmd.Write(*config); err != nil || strings.Contains(string(printed), "exec") {
					t.Errorf("%v: printed is\n%s", err, printed)
				}
			}
			if _, err := os.Stat(canary); err == nil {
				t.Errorf("a program was run: %s", c.reason)
			}
		})
	}
}

func selfSigned(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "admin"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
