package fleet_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/fleet"
)

// everything is the archive in which every field and every kind of file stands.
func everything(t testing.TB) fstest.MapFS {
	t.Helper()
	archive, _, _ := readArchive(t, "testdata/ok/everything.txtar")
	out := fstest.MapFS{}
	for _, f := range archive.Files {
		out[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	return out
}

// faulty fails to open, list or stat one path.
type faulty struct {
	fstest.MapFS
	at  string
	err error
}

func (f faulty) Open(name string) (fs.File, error) {
	if name == f.at {
		return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
	}
	return f.MapFS.Open(name)
}

func (f faulty) ReadFile(name string) ([]byte, error) {
	if name == f.at {
		return nil, &fs.PathError{Op: "read", Path: name, Err: f.err}
	}
	return f.MapFS.ReadFile(name)
}

func (f faulty) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == f.at {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: f.err}
	}
	return f.MapFS.ReadDir(name)
}

func (f faulty) TreeHash(name string) (string, error) {
	if "hash:"+name == f.at {
		return "", f.err
	}
	return "hash of " + name, nil
}

// What cannot be read is never absent: wherever reading fails, nothing at all is
// concluded. A file that was listed and is gone when it is read is no better.
func TestLoadGivesNothingWhenSomethingIsUnreadable(t *testing.T) {
	files := everything(t)
	paths := map[string]bool{".": true, "hash:classes/small": true}
	for file := range files {
		switch top, _, _ := strings.Cut(file, "/"); top {
		case "fleet.yaml", "shards", "datastores", "classes", "tenants":
		default:
			continue
		}
		for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
			paths[dir] = true
		}
		if base := path.Base(file); base != "README.md" && !strings.HasPrefix(base, ".") {
			paths[file] = true
		}
	}
	for at := range paths {
		for _, cause := range []error{errors.New("object unreadable"), fs.ErrNotExist} {
			f, findings, err := fleet.Load(faulty{files, at, cause})
			if !errors.Is(err, cause) || f != nil || findings != nil {
				t.Errorf("%s fails with %v: got fleet %v, findings %v, error %v; want the error alone", at, cause, f, findings, err)
			}
			if err != nil && !strings.Contains(err.Error(), strings.TrimPrefix(at, "hash:")) {
				t.Errorf("%s fails: the error %q does not name it", at, err)
			}
		}
	}
	f, _, err := fleet.Load(faulty{MapFS: files})
	if err != nil || f.Classes["small"].Tree != "hash of classes/small" {
		t.Errorf("a class's tree is not filled: %v, %v", f.Classes["small"].Tree, err)
	}
}

func TestLoadRefusesWhatIsNoOrdinaryFile(t *testing.T) {
	link, submodule := fs.ModeSymlink|0o777, fs.ModeIrregular
	tests := []struct {
		name   string
		path   string
		mode   fs.FileMode
		broken fleet.Ref
		opaque string
		find   string
	}{
		{"tenant.yaml", "tenants/web/all/tenant.yaml", link, fleet.Ref{Kind: fleet.KindTenant, Name: "all"}, "", "tenants/web/all/tenant.yaml: is a symbolic link"},
		{"a tenant's folder", "tenants/web/linked", link, fleet.Ref{}, "tenants/web/linked", "tenants/web/linked: is a symbolic link"},
		{"a file beside a tenant", "tenants/web/all/notes.txt", link, fleet.Ref{Kind: fleet.KindTenant, Name: "all"}, "", "notes.txt: is a symbolic link"},
		{"a team", "tenants/linked", submodule, fleet.Ref{}, "tenants/linked", "tenants/linked: is neither a file nor a folder (a submodule?)"},
		{"a shard", "shards/eu-2.yaml", link, fleet.Ref{Kind: fleet.KindShard, Name: "eu-2"}, "", "shards/eu-2.yaml: is a symbolic link"},
		{"something in shards", "shards/more", submodule, fleet.Ref{}, "shards/more", "shards/more: is neither"},
		{"a class's patch", "classes/small/patches/two.yaml", link, fleet.Ref{Kind: fleet.KindClass, Name: "small"}, "", "classes/small/patches/two.yaml: is a symbolic link"},
		{"a class", "classes/linked", link, fleet.Ref{}, "classes/linked", "classes/linked: is a symbolic link"},
		{"all shards", "shards", link, fleet.Ref{}, "shards", "shards: is not a folder: is a symbolic link"},
		{"all tenants", "tenants", 0, fleet.Ref{}, "tenants", "tenants: is not a folder: is a file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := everything(t)
			for file := range files {
				if strings.HasPrefix(file, tt.path+"/") {
					delete(files, file)
				}
			}
			files[tt.path] = &fstest.MapFile{Mode: tt.mode, Data: []byte("elsewhere")}
			f, findings, err := fleet.Load(files)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(findings.String(), tt.find) {
				t.Errorf("findings\n%slack %q", findings, tt.find)
			}
			if _, ok := f.Broken[tt.broken]; tt.broken.Name != "" && !ok {
				t.Errorf("%v is not broken: %v", tt.broken, f.Broken)
			}
			if got := strings.Join(f.Opaque, " "); got != tt.opaque {
				t.Errorf("opaque %q, want %q", got, tt.opaque)
			}
		})
	}
}

func TestLoadRefusesTwinsInCase(t *testing.T) {
	for _, file := range []string{"classes/small/Kustomization.yaml", "tenants/web/all/Tenant.yaml"} {
		files := everything(t)
		files[file] = &fstest.MapFile{Data: []byte("a: b\n")}
		_, findings, err := fleet.Load(files)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(findings.String(), "differs from") {
			t.Errorf("%s: no finding about its twin in\n%s", file, findings)
		}
	}
}

// Absent is the question before anything is removed.
func TestAbsent(t *testing.T) {
	tests := []struct {
		name   string
		change func(fstest.MapFS)
		ref    fleet.Ref
		want   bool
	}{
		{"declared", func(fstest.MapFS) {}, fleet.Ref{Kind: fleet.KindTenant, Name: "all"}, false},
		{"removed", func(m fstest.MapFS) { delete(m, "tenants/web/all/tenant.yaml") }, fleet.Ref{Kind: fleet.KindTenant, Name: "all"}, true},
		{"never declared", func(fstest.MapFS) {}, fleet.Ref{Kind: fleet.KindTenant, Name: "nobody"}, true},
		{"broken", func(m fstest.MapFS) { m["tenants/web/all/tenant.yaml"] = &fstest.MapFile{Data: []byte("[")} }, fleet.Ref{Kind: fleet.KindTenant, Name: "all"}, false},
		{"file left behind", func(m fstest.MapFS) {
			delete(m, "tenants/web/all/tenant.yaml")
			m["tenants/web/all/notes.txt"] = &fstest.MapFile{}
		}, fleet.Ref{Kind: fleet.KindTenant, Name: "all"}, false},
		{"moved too deep", func(m fstest.MapFS) {
			m["tenants/web/eu/all/tenant.yaml"] = m["tenants/web/all/tenant.yaml"]
			delete(m, "tenants/web/all/tenant.yaml")
		}, fleet.Ref{Kind: fleet.KindTenant, Name: "all"}, false},
		{"a team that cannot be looked into", func(m fstest.MapFS) {
			delete(m, "tenants/web/all/tenant.yaml")
			m["tenants/other"] = &fstest.MapFile{Mode: fs.ModeIrregular}
		}, fleet.Ref{Kind: fleet.KindTenant, Name: "all"}, false},
		{"an opaque folder of another kind", func(m fstest.MapFS) {
			delete(m, "tenants/web/all/tenant.yaml")
			m["classes/other"] = &fstest.MapFile{Mode: fs.ModeIrregular}
		}, fleet.Ref{Kind: fleet.KindTenant, Name: "all"}, true},
		{"shard", func(m fstest.MapFS) { delete(m, "shards/eu-2.yaml") }, fleet.Ref{Kind: fleet.KindShard, Name: "eu-2"}, true},
		{"shard as .yml", func(m fstest.MapFS) {
			m["shards/eu-2.yml"] = m["shards/eu-2.yaml"]
			delete(m, "shards/eu-2.yaml")
		}, fleet.Ref{Kind: fleet.KindShard, Name: "eu-2"}, false},
		{"datastore", func(fstest.MapFS) {}, fleet.Ref{Kind: fleet.KindDataStore, Name: "eu-1-a"}, false},
		{"class", func(fstest.MapFS) {}, fleet.Ref{Kind: fleet.KindClass, Name: "small"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := everything(t)
			tt.change(files)
			f, findings, err := fleet.Load(files)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.Absent(tt.ref); got != tt.want {
				t.Errorf("absent is %v, want %v; findings:\n%s", got, tt.want, findings)
			}
		})
	}
}

func TestLoadRefusesOddBytes(t *testing.T) {
	good := string(everything(t)["tenants/web/some/tenant.yaml"].Data)
	tests := []struct {
		name, content, want string
	}{
		{"NUL", strings.Replace(good, "kind", "ki\x00nd", 1), "tenant.yaml:2:3: has the control character U+0000"},
		{"not UTF-8", strings.Replace(good, "kind", "k\xffnd", 1), "tenant.yaml:2:2: byte 0xff is not UTF-8"},
		{"byte order mark", "\uFEFF" + good, "tenant.yaml:1:1: has a byte order mark"},
		{"UTF-16", "\xff\xfea\x00", "tenant.yaml:1:1: is UTF-16"},
		{"lone CR", strings.Replace(good, "kind", "\rkind", 1), "tenant.yaml:2:1: has the control character U+000D"},
		{"NEL", strings.Replace(good, "kind", "# \u0085kind", 1), "tenant.yaml:2:3: has the control character U+0085"},
		{"text direction", strings.Replace(good, "kind", "# \u202ekind", 1), "tenant.yaml:2:3: has the text direction character U+202E"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := everything(t)
			files["tenants/web/some/tenant.yaml"].Data = []byte(tt.content)
			f, findings, err := fleet.Load(files)
			if err != nil {
				t.Fatal(err)
			}
			if len(findings) != 1 || !strings.Contains(findings.String(), tt.want) {
				t.Errorf("findings\n%swant one with %q", findings, tt.want)
			}
			if f.Tenants["some"] != nil || f.Tenants["all"] == nil {
				t.Error("the tenant is not broken, or its neighbour is")
			}
		})
	}
}

func TestLoadDoesNotReadLargeFiles(t *testing.T) {
	for _, file := range []string{"tenants/web/some/tenant.yaml", "classes/small/picture.svg"} {
		files := everything(t)
		files[file] = &fstest.MapFile{Data: bytes.Repeat([]byte("#"), 1<<20+1)}
		// Reading it would fail, and be an error.
		_, findings, err := fleet.Load(faulty{files, file, errors.New("was read")})
		if err != nil {
			t.Fatal(err)
		}
		if want := file + ": is larger than 1 MiB (1048577 bytes)"; !strings.Contains(findings.String(), want) {
			t.Errorf("findings\n%slack %q", findings, want)
		}
	}
}

func TestLoadBoundsClasses(t *testing.T) {
	files := everything(t)
	for i := range 5 {
		files["classes/small/"+string(rune('a'+i))] = &fstest.MapFile{Data: make([]byte, 1<<20)}
	}
	for i := range 257 {
		files["classes/many/"+strings.Repeat("x", i+1)] = &fstest.MapFile{}
	}
	files["classes/named/class yaml"] = &fstest.MapFile{}
	f, findings, err := fleet.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"classes/small: its files are larger than 4 MiB together",
		"classes/many: has 257 files, more than 256",
		"classes/named/class yaml: its name has characters other than",
	} {
		if !strings.Contains(findings.String(), want) {
			t.Errorf("findings lack %q", want)
		}
	}
	if len(f.Classes) != 1 || f.Classes["large"] == nil || f.Tenants["some"] == nil {
		t.Errorf("classes %v are valid, or the tenant that names a broken one is not", f.Classes)
	}
}

func TestResolve(t *testing.T) {
	f, _, err := fleet.Load(everything(t))
	if err != nil {
		t.Fatal(err)
	}
	got := fleet.Resolve(f.Tenants["some"], f.Classes["small"])
	want := fleet.TenantSpec{
		Class: "small", Version: "v1.36.3", Replicas: 3, ShardSelector: map[string]string{"region": "eu"},
		Prefer: []map[string]string{{"example.com/tier": "1"}}, Spread: fleet.Spread{Group: "front", MaxPerShard: 2},
		Network: fleet.Network{ServiceCIDR: "10.96.0.0/12", PodCIDR: "10.244.0.0/16", Domain: "cluster.local"},
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("what is left out is the class's: want (-) got (+):\n%s", diff)
	}
	got.ShardSelector["region"], got.Prefer[0]["example.com/tier"] = "us", "2"
	if s := f.Tenants["some"].Spec; s.ShardSelector["region"] != "eu" || s.Prefer[0]["example.com/tier"] != "1" {
		t.Error("the resolved spec shares a map with the tenant")
	}
	all := f.Tenants["all"]
	wanted := all.Spec
	wanted.Prefer = f.Classes["small"].Spec.Prefer
	if diff := gocmp.Diff(wanted, fleet.Resolve(all, f.Classes["small"])); diff != "" {
		t.Errorf("what is written stays: want (-) got (+):\n%s", diff)
	}
	if all.Team() != "web" || all.Dir() != "tenants/web/all" {
		t.Errorf("team %q, folder %q", all.Team(), all.Dir())
	}
}

func TestSettings(t *testing.T) {
	f, _, err := fleet.Load(everything(t))
	if err != nil {
		t.Fatal(err)
	}
	// Zeros that are written are meant: this fleet lets nobody be removed.
	want := fleet.Settings{Deletion: fleet.Deletion{Retention: 90 * 60 * 1e9, AllowLast: true}}
	if diff := gocmp.Diff(want, f.Settings); diff != "" || f.Name != "all" {
		t.Errorf("name %q, settings want (-) got (+):\n%s", f.Name, diff)
	}
	f, _, err = fleet.Load(fstest.MapFS{"fleet.yaml": {Data: []byte("apiVersion: tenantry.io/v1alpha1\nkind: Fleet\n")}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(fleet.DefaultSettings(), f.Settings); diff != "" || f.SettingsBroken {
		t.Errorf("settings broken %v, want (-) got (+):\n%s", f.SettingsBroken, diff)
	}
}

// What people write ends up on terminals and in commits.
func TestFindingsAreFitToBeShown(t *testing.T) {
	files := everything(t)
	files["tenants/web/some/tenant.yaml"].Data = []byte("apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata:\n  name: some\nspec:\n  class: small\n  \"\\e[31mred\": 1\n  version: " + strings.Repeat("9", 100_000) + "x\n")
	files["tenants/web\x1b[2J/tenant.yaml"] = &fstest.MapFile{}
	f, findings, err := fleet.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	text, message := findings.String(), f.Broken[fleet.Ref{Kind: fleet.KindTenant, Name: "some"}].Message
	if !strings.HasPrefix(message, "tenants/web/some/tenant.yaml:7:3: spec.") || strings.Contains(message, "\n") {
		t.Errorf("a status would say %q, want one line with its place", message)
	}
	if strings.Contains(text+message, "\x1b") {
		t.Errorf("escape sequences reach the terminal: %q", text)
	}
	if len(text) > 4000 {
		t.Errorf("findings have %d bytes", len(text))
	}
	if !strings.Contains(text, `spec.\x1b[31mred: unknown field`) {
		t.Errorf("the field is not shown in\n%s", text)
	}
}

func TestTooDeepIsOpaque(t *testing.T) {
	files := everything(t)
	files["tenants/web/some/1/2/3/4/5/6/7/8/9/lost/tenant.yaml"] = files["tenants/web/some/tenant.yaml"]
	f, _, err := fleet.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	if f.Absent(fleet.Ref{Kind: fleet.KindTenant, Name: "lost"}) {
		t.Error("what was not looked for is absent")
	}
}

func TestFindingsAsJSON(t *testing.T) {
	files := everything(t)
	files["tenants/web/some/tenant.yaml"].Data = []byte("apiVersion: tenantry.io/v1alpha1\nkind: Tenant\nmetadata:\n  name: some\nspec:\n  class: small\n  version: \"1.31\"\n")
	_, findings, err := fleet.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(findings)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"file":"tenants/web/some/tenant.yaml","line":7,"column":12,"field":"spec.version",` +
		`"message":"Invalid value: \"1.31\": want vMAJOR.MINOR.PATCH","hint":"for example v1.31.0"}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if fleet.Findings(nil).Err() != nil || findings.Err() == nil {
		t.Error("Err is an error without findings, or none with some")
	}
}
