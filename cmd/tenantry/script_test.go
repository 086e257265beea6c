package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

var update = flag.Bool("update", false, "write the expected output of the scripts anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tenantry": main, "fetch": fetch})
}

// TestScripts runs the program as a person would: testdata/script/*.txtar.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			examples, err := filepath.Abs("../../examples")
			if err != nil {
				return err
			}
			env.Setenv("EXAMPLES", examples)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("TENANTRY_CACHE_DIR", filepath.Join(env.WorkDir, "cache"))
			// Git must not read the machine's settings, nor ask for anything.
			env.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
			env.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			for _, who := range []string{"AUTHOR", "COMMITTER"} {
				env.Setenv("GIT_"+who+"_NAME", "script")
				env.Setenv("GIT_"+who+"_EMAIL", "script@example.com")
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"expand": expand,
			"gitssh": serveGit,
			"shard":  serveShard,
			"kinds":  serveKinds,
			"mode":   mode,
		},
	})
}

// fetch is: fetch URL, which prints what is served there.
func fetch() {
	response, err := http.Get(os.Args[1])
	if err == nil {
		_, err = io.Copy(os.Stdout, response.Body)
		err = errors.Join(err, response.Body.Close())
	}
	if err != nil || response.StatusCode != http.StatusOK {
		fmt.Fprintln(os.Stderr, err, response)
		os.Exit(1)
	}
}

// expand FILE... replaces $NAME in files by the environment.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		content := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(content), 0o600))
	}
}

// mode FILE WANT compares a file's permissions.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := info.Mode().Perm().String(); got != args[1] {
		ts.Fatalf("mode of %s is %s, want %s", args[0], got, args[1])
	}
}

// serveShard is: shard NAME NAMESPACE SECRET UID TENANT starts an API that holds one Secret with a
// kubeconfig, and nothing else. It writes shards/NAME.kubeconfig and sets
// $FINGERPRINT to that of the certificate in the Secret. What is asked of a
// shard is one request; test/e2e asks real ones.
func serveShard(ts *testscript.TestScript, _ bool, args []string) {
	name, namespace, secret := args[0], args[1], args[2]
	labels := map[string]string{}
	for i, label := range []string{"tenantry.io/uid", "tenantry.io/tenant"} {
		if args[3+i] != "" {
			labels[label] = args[3+i]
		}
	}
	kubeconfig, fingerprint := tenantKubeconfig(ts)
	answer, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret",
		"metadata": map[string]any{"name": secret, "namespace": namespace, "labels": labels},
		"data": map[string][]byte{
			"value": kubeconfig,
			"exec":  []byte(execKubeconfig),
		},
	})
	ts.Check(err)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/api/v1/namespaces/"+namespace+"/secrets/"+secret {
			http.Error(w, r.Method+" "+r.URL.Path+" was not to be asked", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if _, err := w.Write(answer); err != nil {
			ts.Logf("answer: %v", err)
		}
	}))
	ts.Defer(server.Close)

	writeKubeconfig(ts, name, server)
	ts.Setenv("FINGERPRINT", fingerprint)
}

// authority is what a server's certificate is trusted by.
func authority(server *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

// tenantKubeconfig makes a kubeconfig as a tenant has it.
func tenantKubeconfig(ts *testscript.TestScript) (raw []byte, fingerprint string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "admin"}, NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	ts.Check(err)
	certificate, err := x509.ParseCertificate(der)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)

	config := clientcmdapi.NewConfig()
	config.Clusters["acme"] = &clientcmdapi.Cluster{Server: "https://acme.example.com:6443"}
	config.AuthInfos["acme-admin"] = &clientcmdapi.AuthInfo{
		ClientCertificateData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		ClientKeyData:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
	config.Contexts["acme"] = &clientcmdapi.Context{Cluster: "acme", AuthInfo: "acme-admin"}
	config.CurrentContext = "acme"
	raw, err = clientcmd.Write(*config)
	ts.Check(err)
	sum := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
	return raw, hex.EncodeToString(sum[:])
}

// execKubeconfig would run a program on the machine of whoever uses it.
const execKubeconfig = `apiVersion: v1
kind: Config
current-context: acme
contexts: [{name: acme, context: {cluster: acme, user: acme}}]
clusters: [{name: acme, cluster: {server: https://acme.example.com:6443}}]
users: [{name: acme, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: touch, args: [canary], interactiveMode: Never}}}]
`
