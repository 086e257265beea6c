package shard

import (
	"encoding/base64"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const good = `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443", certificate-authority: ca.crt}}]
users: [{name: u, user: {token: canary}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFromKubeconfigDir(t *testing.T) {
	dir := t.TempDir()
	good := strings.ReplaceAll(good, ", certificate-authority: ca.crt", "")
	write(t, dir, "eu-1.kubeconfig", good)
	write(t, dir, "eu-2.yaml", "broken")
	write(t, dir, "eu.3", good)
	write(t, dir, ".hidden", good)
	// A mounted Secret: links to a folder that is replaced as a whole.
	if err := os.Mkdir(filepath.Join(dir, "..2026_01"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "..2026_01"), "us-1", good)
	for link, to := range map[string]string{"..data": "..2026_01", "us-1": filepath.Join("..data", "us-1")} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	found, err := FromKubeconfigDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if names := slices.Sorted(maps.Keys(found)); !slices.Equal(names, []string{"eu-1", "eu-2", "eu.3", "us-1"}) {
		t.Errorf("found %v", names)
	}
	if _, _, err := found["us-1"].Config(); err != nil {
		t.Error(err)
	}

	write(t, dir, "eu-1", good)
	found, err = FromKubeconfigDir(dir)
	if err == nil || !strings.Contains(err.Error(), "both for shard eu-1") || len(found) != 4 {
		t.Errorf("two files for one shard: found %d, %v", len(found), err)
	}
	if _, err := FromKubeconfigDir(filepath.Join(dir, "absent")); err == nil {
		t.Error("an absent folder is no error")
	}
}

func TestKubeconfig(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "ca.crt", "not looked at before connecting")
	cases := []struct{ name, reason, content, want string }{
		{"good", "", good, ""},
		{"no context", "a file that was cut off", strings.ReplaceAll(good, "current-context: x", ""), `current-context "" does not exist`},
		{"no cluster", "a name that was mistyped", strings.ReplaceAll(good, "cluster: c,", "cluster: d,"), `cluster "d" does not exist`},
		{"a bare token", "a Secret's wrong key was mounted", "canary", "is not a kubeconfig"},
		{"wrong type", "the YAML library quotes what it cannot read", strings.ReplaceAll(good, "users: [", "users: canary #"), "is not a kubeconfig"},
		{"a bad certificate", "base64 is quoted, too", strings.ReplaceAll(good, "token: canary", "client-certificate-data: canary%"), "is not a kubeconfig"},
		{"absent file", "paths are relative to the file", strings.ReplaceAll(good, "ca.crt", "absent.crt"), "cannot be used"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, dir, "eu-1.yaml", c.content)
			cfg, version, err := Kubeconfig(path).Config()
			if c.want == "" {
				if err != nil || version == "" || cfg.Host != "https://10.0.0.1:6443" || cfg.BearerToken != "canary" {
					t.Errorf("got %v, %q, %v", cfg, version, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want the path and %q: %s", err, c.want, c.reason)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("quotes a credential: %v", err)
			}
		})
	}
	path := write(t, dir, "eu-1.yaml", good)
	_, one, _ := Kubeconfig(path).Config()
	write(t, dir, "eu-1.yaml", strings.ReplaceAll(good, "canary", "rotated"))
	if _, two, _ := Kubeconfig(path).Config(); one == two {
		t.Error("a rotated token is no new version")
	}
}

// An operator's kubeconfig may get its credential from a program, which stands beside
// it or in the path.
func TestKubeconfigWithExec(t *testing.T) {
	var seen atomic.Value
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen.Store(r.Header.Get("Authorization")) }))
	t.Cleanup(server.Close)
	authority := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	dir, path := t.TempDir(), t.TempDir()
	t.Setenv("PATH", path+string(os.PathListSeparator)+os.Getenv("PATH"))
	for where, dir := range map[string]string{"beside": dir, "path": path} {
		program := write(t, dir, "credential.sh", "#!/bin/sh\n"+
			`echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "`+where+`-'$GREETING'-'$1'"}}'`)
		if err := os.Chmod(program, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for command, want := range map[string]string{"./credential.sh": "Bearer beside-hello-shard", "credential.sh": "Bearer path-hello-shard"} {
		t.Run(command, func(t *testing.T) {
			// Another folder than the working directory, as a mounted Secret is.
			path := write(t, dir, "eu-1.kubeconfig", strings.NewReplacer(
				"https://10.0.0.1:6443", server.URL, "certificate-authority: ca.crt", "certificate-authority-data: "+authority,
				"token: canary", "exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: "+command+
					", args: [shard], env: [{name: GREETING, value: hello}]}",
			).Replace(good))
			cfg, _, err := Kubeconfig(path).Config()
			if err != nil {
				t.Fatal(err)
			}
			dial := dialer(cfg)
			defer dial.CloseAll()
			c, err := newClient(prepared(cfg, dial), func() time.Time { return time.Now().Add(time.Minute) }, NewSchemas())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.get(t.Context(), "/", nil); err != nil {
				t.Fatal(err)
			}
			if got := seen.Swap(""); got != want {
				t.Errorf("the server was shown %q, want %q", got, want)
			}
		})
	}
}

// What a program prints instead of a credential's document may be the credential.
func TestExecThatPrintsABareToken(t *testing.T) {
	for name, printed := range map[string]string{
		"bare": "canary", "string": `"canary"`, "YAML": "token: canary",
		"no kind": `{"token": "canary"}`, "wrong type": `{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": "canary"}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			program := write(t, dir, "credential.sh", "#!/bin/sh\necho '"+printed+"'\n")
			if err := os.Chmod(program, 0o700); err != nil {
				t.Fatal(err)
			}
			path := write(t, dir, "eu-1.kubeconfig", strings.NewReplacer("certificate-authority: ca.crt", "",
				"token: canary", "exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: ./credential.sh}").Replace(good))
			cfg, _, err := Kubeconfig(path).Config()
			if err != nil {
				t.Fatal(err)
			}
			dial := dialer(cfg)
			defer dial.CloseAll()
			c, err := newClient(prepared(cfg, dial), func() time.Time { return time.Now().Add(time.Minute) }, NewSchemas())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.get(t.Context(), "/", nil); err == nil || strings.Contains(err.Error(), "canary") {
				t.Errorf("got %v, want an error without what was printed", err)
			}
		})
	}
}
