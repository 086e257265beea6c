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
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// overlay is what a person has of their own, with all that the manifests offer.
const overlay = "../../examples/install/overlay"

// The program does its work with what the image and the manifests give it: as an
// unprivileged user in a folder that it takes for the root, without git, with the
// settings and the mounts of the Deployment.
func TestImage(t *testing.T) {
	t.Parallel()
	s := take(t)
	f := newFleet(t, "image", s)
	path, declaration := tenant("image-one", "access: {groups: [team]}")
	f.MustCommit(declared, map[string]string{path: declaration})
	pod, config := manifests(t, s)
	main := pod.Containers[0]
	host := overTLS(t, f)
	c := unpack(t, f.program, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: host.Certificate().Raw}))
	if want := strconv.Itoa(int(*pod.SecurityContext.RunAsUser)); c.user != want {
		t.Errorf("the image's user is %s, the Deployment's %s", c.user, want)
	}
	for _, m := range main.VolumeMounts {
		switch m.Name {
		case "config":
			for name, content := range config.Data {
				c.write(t, filepath.Join(m.MountPath, name), content)
			}
		case "git":
			c.write(t, filepath.Join(m.MountPath, "password"), "to read\n")
			c.write(t, filepath.Join(m.MountPath, "write-password"), "to write\n")
		case "webhook":
			c.write(t, filepath.Join(m.MountPath, "secret"), "of the Git host and ours\n")
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
	for _, v := range main.Env {
		c.env = append(c.env, v.Name+"="+v.Value)
	}
	// The repository in the settings is an example; ports must not be anybody else's.
	c.env = append(c.env, "TENANTRY_REPOSITORY="+host.URL+"/"+filepath.Base(f.Dir), "TENANTRY_LISTEN=127.0.0.1:0",
		"TENANTRY_WEBHOOK_LISTEN=127.0.0.1:0", "TENANTRY_INTERVAL=1s", "TENANTRY_STATUS_INTERVAL=300ms", "TENANTRY_LOG_FORMAT=text")
	d := f.launch(c.command(main.Args...))
	f.reach("Ready", "image-one")
	if err := f.unready(""); err != nil {
		t.Error(err)
	}
	c.says(t, "image-one", "status", "--config", "/etc/tenantry/config/config.yaml")
	d.stop(t)

	// The daemon's rights suffice to let a team read its kubeconfig.
	rules := s.cluster.Kubectl(t, s.name, "auth", "can-i", "--list", "--no-headers", "-n", "tenant-image-one", "--as", "somebody", "--as-group", "team")
	if !regexp.MustCompile(`(?m)^secrets +\[\] +\[image-one-kubeconfig\] +\[get\]`).MatchString(rules) {
		t.Errorf("the team cannot read its kubeconfig:\n%s", rules)
	}
}

// manifests are the daemon's pod and settings, as Kustomize builds them.
func manifests(t *testing.T, s *shard) (pod corev1.PodSpec, config corev1.ConfigMap) {
	t.Helper()
	if err := lookAtSources("../../examples/install", "daemon", "overlay"); err != nil {
		t.Fatal(err)
	}
	found := 0
	for document := range strings.SplitSeq(s.cluster.Kubectl(t, s.name, "kustomize", overlay), "\n---\n") {
		var kind struct{ Kind string }
		err := yaml.Unmarshal([]byte(document), &kind)
		switch kind.Kind {
		case "ConfigMap":
			err = yaml.UnmarshalStrict([]byte(document), &config)
			found++
		case "Deployment":
			var d appsv1.Deployment
			err = yaml.UnmarshalStrict([]byte(document), &d)
			pod = d.Spec.Template.Spec
			found++
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if found != 2 {
		t.Fatalf("there are %d Deployments and ConfigMaps, want one of each", found)
	}
	return pod, config
}

// overTLS serves a fleet as Git hosts do: over HTTPS, to who knows a password, and
// another one to push.
func overTLS(t *testing.T, f *fleet) *httptest.Server {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		want := "fleet-reader: to read"
		if strings.Contains(r.URL.String(), "git-receive-pack") {
			want = "fleet-writer: to write"
		}
		if user, password, _ := r.BasicAuth(); user+": "+password != want {
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
	manifests(t, s)
	kubectl := func(args ...string) string {
		return s.cluster.Kubectl(t, s.name, append(args, "-n", "tenantry-system")...)
	}
	kubectl("apply", "-k", overlay)
	t.Cleanup(func() { kubectl("delete", "deployment", "tenantry") })
	f.eventually("the daemon's pod is let in", func() error {
		if pods := kubectl("get", "pods", "-l", "app.kubernetes.io/name=tenantry", "-o", "name"); !strings.HasPrefix(pods, "pod/tenantry-") {
			return errors.New(kubectl("get", "events"))
		}
		return nil
	})
}
