package e2e

import (
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"
)

// The program does its work with what the image and the Deployment give it: as an
// unprivileged user in a folder that it takes for the root, without git, with the
// settings file and the mounts of examples/install/daemon.
func TestImage(t *testing.T) {
	t.Parallel()
	s := take(t)
	f := newFleet(t, "image", s)
	f.declare("image-one")
	var deployment appsv1.Deployment
	content, err := os.ReadFile("../../examples/install/daemon/deployment.yaml")
	if err == nil {
		err = yaml.UnmarshalStrict(content, &deployment)
	}
	if err != nil {
		t.Fatal(err)
	}
	pod := deployment.Spec.Template.Spec
	host := overTLS(t, f, "tenantry", "a password")
	c := unpack(t, f.program, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: host.Certificate().Raw}))
	if want := strconv.Itoa(int(*pod.SecurityContext.RunAsUser)); c.user != want {
		t.Errorf("the image's user is %s, the Deployment's %s", c.user, want)
	}
	for _, m := range pod.Containers[0].VolumeMounts {
		switch m.Name {
		case "config":
			c.mount(t, m.MountPath, "../../examples/install/daemon/config.yaml")
		case "git":
			c.write(t, filepath.Join(m.MountPath, "password"), "a password\n")
		case "shards":
			c.mount(t, m.MountPath, filepath.Join(f.kubeconfigs, s.name+".kubeconfig"))
		case "state": // the one folder that the image has, too
			if c.state != m.MountPath {
				t.Errorf("the image's folder to write to is %s, the Deployment's %s", c.state, m.MountPath)
			}
		default:
			t.Errorf("a mount %s that this test does not know", m.Name)
		}
	}
	for path, content := range f.MustFiles(declared) {
		c.write(t, filepath.Join("/fleet", path), content)
	}
	c.seal(t)

	c.says(t, "tenantry devel (", "version")
	c.says(t, "", "validate", "/fleet")
	// The settings file's repository is an example; ports must not be anybody else's.
	c.env = append(c.env, "TENANTRY_REPOSITORY="+host.URL+"/"+filepath.Base(f.Dir), "TENANTRY_LISTEN=127.0.0.1:0",
		"TENANTRY_INTERVAL=1s", "TENANTRY_STATUS_INTERVAL=300ms", "TENANTRY_LOG_FORMAT=text")
	d := f.launch(c.command(pod.Containers[0].Args...))
	f.reach("Ready", "image-one")
	if err := f.unready(""); err != nil {
		t.Error(err)
	}
	c.says(t, "image-one", "status", "--config", "/etc/tenantry/config/config.yaml")
	d.stop(t)
}

// overTLS serves a fleet as Git hosts do: over HTTPS, to who knows a password.
func overTLS(t *testing.T, f *fleet, username, password string) *httptest.Server {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, word, _ := r.BasicAuth(); user != username || word != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		f.Server.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// The image's program is built as the Makefile builds it, by the Go of go.mod, from
// what the program is made of.
func TestDockerfile(t *testing.T) {
	dockerfile, makefile := read(t, "../../Dockerfile"), read(t, "../../Makefile")
	tools := regexp.MustCompile(`(?m)^GO := (.*)$`).FindStringSubmatch(makefile)
	build := regexp.MustCompile(`(?m)^\t@\$\(GO\) (build .* -o) \$\(BIN\)/tenantry (\S+)$`).FindStringSubmatch(makefile)
	if tools == nil || build == nil {
		t.Fatal("the Makefile builds the program in a way that this test does not know")
	}
	want := fmt.Sprintf("RUN %s %s /tenantry %s\n", tools[1], strings.ReplaceAll(build[1], "$(VERSION)", "${VERSION}"), build[2])
	if !strings.Contains(dockerfile, want) {
		t.Errorf("the Dockerfile does not build as the Makefile does:\n%s", want)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "../../go.mod"))
	if from := "FROM golang:" + version[1] + " AS build\n"; !strings.Contains(dockerfile, from) {
		t.Errorf("the Dockerfile builds with another Go than go.mod names: want %s", from)
	}

	var let []string
	for line := range strings.Lines(read(t, "../../.dockerignore")) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") {
			let = append(let, line)
		}
	}
	all := []string{"*"}
	for _, part := range sources {
		all = append(all, "!"+part)
	}
	if !slices.Equal(let, all) {
		t.Errorf(".dockerignore is %q, want %q", let, all)
	}
	cmd := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./cmd/tenantry")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for pkg := range strings.Lines(string(out)) {
		rest, ours := strings.CutPrefix(pkg, "github.com/tenantry/tenantry/")
		if !ours {
			continue
		}
		found++
		rest = strings.TrimSpace(rest)
		if !slices.ContainsFunc(sources, func(part string) bool { return rest == part || strings.HasPrefix(rest, part+"/") }) {
			t.Errorf("the program is made of %s, which is not in %q", rest, sources)
		}
	}
	if found < 5 {
		t.Errorf("go list found %d packages: the rule was tested on nothing", found)
	}
}

// A cluster takes the daemon's manifests, all fields known, and lets its pod in where
// only restricted ones are.
func TestDaemonManifests(t *testing.T) {
	t.Parallel()
	s := take(t)
	f := newFleet(t, "manifests", s) // for its patience
	if err := lookAtSources("../../examples/install/daemon", "."); err != nil {
		t.Fatal(err)
	}
	kubectl := func(args ...string) string {
		return s.cluster.Kubectl(t, s.name, append(args, "-n", "tenantry-system")...)
	}
	kubectl("apply", "-k", "../../examples/install/daemon")
	t.Cleanup(func() { kubectl("delete", "deployment", "tenantry") })
	f.eventually("the daemon's pod is let in", func() error {
		if pods := kubectl("get", "pods", "-l", "app.kubernetes.io/name=tenantry", "-o", "name"); !strings.HasPrefix(pods, "pod/tenantry-") {
			return errors.New(kubectl("get", "events"))
		}
		return nil
	})
}
