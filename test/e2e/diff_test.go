package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Diff says what the daemon would change, by the shard's own word: of what people
// changed and removed while it was away, and of a folder that is not committed yet. It
// writes nothing, and never shows what a Secret holds.
func TestDiff(t *testing.T) {
	t.Parallel()
	s := take(t)
	f := newFleet(t, "diff", s)
	f.declare("diff-one")
	d := f.start()
	f.reach("Ready", "diff-one")
	run := func(want int, arguments ...string) string {
		t.Helper()
		out, errs, code := f.command(append([]string{"diff", "--repository", f.URL, "--kubeconfigs", f.kubeconfigs}, arguments...)...)
		if code != want {
			t.Fatalf("diff %v ends with %d, want %d\n%s%s", arguments, code, want, out, errs)
		}
		return out
	}
	says := func(out string, parts ...string) {
		t.Helper()
		for _, p := range parts {
			if !strings.Contains(out, p) {
				t.Errorf("it does not say %q:\n%s", p, out)
			}
		}
	}
	if out := run(0); out != "no differences\n" {
		t.Errorf("of a fleet at rest it says\n%s", out)
	}
	d.stop(t)

	change := func(kind, name, patch string) {
		t.Helper()
		_, err := s.client.Resource(resource(kind)).Namespace("tenant-diff-one").Patch(context.Background(), name,
			types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"})
		if err != nil {
			t.Fatal(err)
		}
	}
	change("Deployment", "control-plane", `{"spec":{"replicas":3,"minReadySeconds":7}}`)
	change("Secret", "diff-one-kubeconfig", `{"data":{"value":"dGhlaXJz","other":"bW9yZQ=="}}`)
	s.delete(t, "ConfigMap", "tenant-diff-one/kubeconfigs")
	uid := f.mustEntry("diff-one").UID
	before := s.versions(t, uid)

	out := run(1)
	says(out, "drifted", "spec.replicas: 3 → 1, changed by kubectl-edit (Update)", "data.value: (hidden) → (hidden)", "ConfigMap/tenant-diff-one/kubeconfigs", "missing")
	if strings.Contains(out, "minReadySeconds") || strings.Contains(out, "data.other") || strings.Contains(out, "dGhlaXJz") {
		t.Errorf("it tells what it should not:\n%s", out)
	}
	says(run(1, "--others"), "kubectl-edit (Update) has set spec.minReadySeconds")
	if out := run(1, "diff-one", "--others", "-o", "json"); strings.Contains(out, "dGhlaXJz") || strings.Contains(out, "bW9yZQ") || strings.Contains(out, "LS0tLS1") {
		t.Errorf("it shows what a Secret holds:\n%s", out)
	} else {
		var answer struct {
			Owners []struct {
				Name    string
				Objects []struct{ Object, Action string }
			}
		}
		if err := json.Unmarshal([]byte(out), &answer); err != nil || len(answer.Owners) != 1 || answer.Owners[0].Name != "diff-one" || len(answer.Owners[0].Objects) < 3 {
			t.Errorf("as JSON it says %+v, %v", answer, err)
		}
	}
	says(run(1, "nobody"), "there is no such tenant")

	// A folder that nobody has committed yet: a tenant changed, one more, one less.
	dir := f.checkout()
	write := func(path, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	path, content := tenant("diff-two", "replicas: 1")
	write(path, content)
	path, content = tenant("diff-one", "replicas: 2")
	write(path, content)
	out = run(1, "--fleet", dir)
	says(out, "would be decided first: ", "outdated", "spec.replicas: 3 → 2", "tenant diff-two", "Namespace/tenant-diff-two", "missing")

	for name, now := range s.versions(t, uid) {
		if now != before[name] {
			t.Errorf("%s was written", name)
		}
	}
	if _, err := f.entry("diff-two"); err == nil {
		t.Error("a preview was committed")
	}

	// What cannot be compared is told, too.
	out, _, code := f.command("diff", "--repository", f.URL, "--kubeconfigs", t.TempDir())
	if code != 1 {
		t.Errorf("without kubeconfigs it ends with %d", code)
	}
	says(out, "there is no kubeconfig for shard "+s.name)
	if _, _, code := f.command("diff", "--repository", f.URL); code != 2 {
		t.Errorf("without --kubeconfigs it ends with %d", code)
	}
}
