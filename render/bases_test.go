package render

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/test/bases"
)

// newerRenderer carries base version 2 of every provider beside version 1.
func newerRenderer(t *testing.T) *Renderer {
	t.Helper()
	newer, err := bases.Newer(Embedded())
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(Options{Image: newRenderer(t).options.Image, Providers: newer})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestBasesSideBySide: a binary that learned a newer base renders the older one as ever.
func TestBasesSideBySide(t *testing.T) {
	old, both := newRenderer(t), newerRenderer(t)
	if got := both.LatestBase("native"); got != "2" {
		t.Fatalf("latest: got %q, want 2", got)
	}
	class := *acme().Class
	newest := both.BaseFor(&class)
	class.Spec.BaseVersion = "1"
	if got := newest + both.BaseFor(&class); got != "21" {
		t.Errorf("a class begins with the newest, or what it names: got %q, want 21", got)
	}
	in := acme()
	before, err := old.Tenant(in)
	if err != nil {
		t.Fatal(err)
	}
	same, err := both.Tenant(in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before.Objects, same.Objects); diff != "" || before.Digest != same.Digest {
		t.Errorf("version 1 is not what it was: %s", diff)
	}
	in.BaseVersion = "2"
	next, err := both.Tenant(in)
	if err != nil {
		t.Fatal(err)
	}
	if next.Provider.BaseVersion != "2" || next.Digest == before.Digest {
		t.Errorf("version 2 is version %s with digest %s", next.Provider.BaseVersion, next.Digest)
	}
	digests := map[ObjectID]string{}
	for _, o := range before.Objects {
		digests[o.ID] = o.Digest
	}
	var differ []string
	for _, o := range next.Objects {
		if digests[o.ID] != o.Digest {
			differ = append(differ, o.ID.String())
		}
	}
	if want := []string{"Namespace/tenant-acme", "ResourceQuota/tenant-acme/" + bases.Quota}; !cmp.Equal(want, differ) {
		t.Errorf("what differs: %s", cmp.Diff(want, differ))
	}
	if _, err := old.Tenant(in); err == nil || err.Error() != `render tenant of tenant acme: `+old.CheckBase("native", "2").Error() {
		t.Errorf("an older binary says %v", err)
	}
}

func TestLoadBasesSideBySide(t *testing.T) {
	tests := []struct {
		name   string
		reason string
		more   map[string]string // folder to baseVersion, beside toy with "2"
		want   string
	}{
		{"Older", "A folder of its own for each older version.", map[string]string{"toy-1": "1"}, ""},
		{"Far", "Versions are numbers, not texts.", map[string]string{"toy-10": "10"}, ""},
		{"Twice", "Which of both would be rendered?", map[string]string{"toy-2": "2"}, "base version 2 of provider toy is there twice"},
		{"OtherVersion", "The folder would lie.", map[string]string{"toy-1": "3"}, `want the folder's name, "toy-1"`},
		{"NoNumber", "It could not be told which is newer.", map[string]string{"toy-v1": "v1"}, `baseVersion: Invalid value: "v1": want a whole number`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := toy("toy", "2")
			for folder, version := range tt.more {
				for name, file := range toy(folder, version) {
					files[name] = file
				}
			}
			got, err := loadBases(files)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("%s\n%v", tt.reason, err)
			case tt.want == "" && len(got["toy"]) != 2:
				t.Errorf("%s\n%d versions, want 2", tt.reason, len(got["toy"]))
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%s\ngot %v, want …%s…", tt.reason, err, tt.want)
			}
		})
	}
}

// TestStatefulInAnyVersion: a base that no longer has a kind does not take its data away.
func TestStatefulInAnyVersion(t *testing.T) {
	files := toy("toy", "1")
	text := strings.Replace(goodProvider, "kinds: [v1/Namespace]", "kinds: [v1/Namespace, apps/v1/StatefulSet]\n  stateful: [apps/v1/StatefulSet]", 1)
	files["providers/toy-2/kustomization.yaml"] = files["providers/toy/kustomization.yaml"]
	files["providers/toy-2/provider.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(text, `baseVersion: "1"`, `baseVersion: "2"`, 1))}
	got, err := loadBases(files)
	if err != nil {
		t.Fatal(err)
	}
	for version, b := range got["toy"] {
		if !b.parts[partTenant].Stateful(ObjectID{Group: "apps", Version: "v1", Kind: "StatefulSet"}) {
			t.Errorf("version %s would remove a StatefulSet", version)
		}
	}
}

// TestOptionsProviders: what is laid beside the binary's providers adds, and changes none.
func TestOptionsProviders(t *testing.T) {
	r, err := New(Options{Image: "image", Providers: toy("toy", "7")})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.LatestBase("toy") + " " + strings.Join(r.Providers(), " "); got != "7 cluster-api k0smotron kamaji native toy" {
		t.Errorf("got %s", got)
	}
	_, err = New(Options{Image: "image", Providers: Embedded()})
	if err == nil || !strings.Contains(err.Error(), "is there twice") {
		t.Errorf("a base that the binary carries was replaced: %v", err)
	}
	if _, err := fs.Stat(Embedded(), "providers/native/testdata"); err == nil {
		t.Error("tests' data is carried")
	}
}

// toy is the shortest provider, in a folder.
func toy(folder, version string) fstest.MapFS {
	text := strings.Replace(goodProvider, `baseVersion: "1"`, `baseVersion: "`+version+`"`, 1)
	return fstest.MapFS{
		"providers/" + folder + "/provider.yaml":      {Data: []byte(text)},
		"providers/" + folder + "/kustomization.yaml": {Data: []byte("resources: []")},
	}
}
