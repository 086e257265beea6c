package fleet_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/fleet"
)

// hashing names folders by their content, as Git does, and counts what is read.
type hashing struct {
	fstest.MapFS
	hashes map[string]string
	reads  int
}

func newHashing(files fstest.MapFS) *hashing {
	sums := map[string]*strings.Builder{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		parts := strings.Split(name, "/")
		for i := 1; i < len(parts); i++ {
			dir := strings.Join(parts[:i], "/")
			if sums[dir] == nil {
				sums[dir] = &strings.Builder{}
			}
			fmt.Fprintf(sums[dir], "%s %o %q\n", strings.Join(parts[i:], "/"), files[name].Mode, files[name].Data)
		}
	}
	h := &hashing{MapFS: files, hashes: map[string]string{}}
	for dir, sum := range sums {
		h.hashes[dir] = fmt.Sprintf("%x", sha256.Sum256([]byte(sum.String())))
	}
	return h
}

func (h *hashing) TreeHash(dir string) (string, error) {
	if hash := h.hashes[dir]; hash != "" {
		return hash, nil
	}
	return "", errors.New("no such folder")
}

func (h *hashing) ReadFile(name string) ([]byte, error) {
	h.reads++
	return h.MapFS.ReadFile(name)
}

// A Loader that has seen other commits says of one what Load says of it.
func TestLoaderForgetsNothingAndInventsNothing(t *testing.T) {
	var pieces []map[string]*fstest.MapFile
	for _, folder := range []string{"ok", "err"} {
		for _, file := range archives(t, folder) {
			archive, _, _ := readArchive(t, file)
			piece := map[string]*fstest.MapFile{}
			for _, f := range archive.Files {
				piece[f.Name] = &fstest.MapFile{Data: f.Data}
			}
			pieces = append(pieces, piece)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		var loader fleet.Loader
		for range rapid.IntRange(1, 6).Draw(t, "commits") {
			files := fstest.MapFS{}
			for _, piece := range rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 3).Draw(t, "pieces") {
				maps.Copy(files, piece)
			}
			fsys := newHashing(files)
			want, wantFindings, wantErr := fleet.Load(fsys)
			got, findings, err := loader.Load(fsys)
			if diff := gocmp.Diff(wantFindings, findings); diff != "" {
				t.Fatalf("findings: want (-) got (+):\n%s", diff)
			}
			if diff := gocmp.Diff(want, got); diff != "" || (err == nil) != (wantErr == nil) {
				t.Fatalf("errors %v and %v, fleet: want (-) got (+):\n%s", wantErr, err, diff)
			}
		}
	})
}

func TestLoaderReadsWhatChanged(t *testing.T) {
	var loader fleet.Loader
	files := generated(t, 100)
	first := newHashing(files)
	if _, _, err := loader.Load(first); err != nil {
		t.Fatal(err)
	}
	again := newHashing(files)
	if _, _, err := loader.Load(again); err != nil {
		t.Fatal(err)
	}
	const file = "tenants/team-07/tenant-00007/tenant.yaml"
	files[file] = &fstest.MapFile{Data: append(slices.Clone(files[file].Data), "  shard: eu-1\n"...)}
	changed := newHashing(files)
	f, _, err := loader.Load(changed)
	if err != nil {
		t.Fatal(err)
	}
	if first.reads < 100 || again.reads > 10 || changed.reads != again.reads+1 {
		t.Errorf("read %d files, then %d, then with one changed %d", first.reads, again.reads, changed.reads)
	}
	if f.Tenants["tenant-00007"].Spec.Shard != "eu-1" {
		t.Error("the change is not seen")
	}
}

// BenchmarkLoad10k loads 10,000 tenants in 500 teams of 20 classes from a file system
// with hashes: cold, with nothing changed, and with one tenant changed.
func BenchmarkLoad10k(b *testing.B) {
	files := large(10000)
	fsys := newTree(files)
	b.Run("cold", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var loader fleet.Loader
			mustLoad(b, &loader, fsys)
		}
	})
	b.Run("kept", func(b *testing.B) {
		for b.Loop() {
			before := heap()
			var loader fleet.Loader
			f := mustLoad(b, &loader, fsys)
			after, raw := heap(), 0
			for _, t := range f.Tenants {
				raw += len(t.Source.Raw)
			}
			b.ReportMetric(float64(after-before)/10000, "B/tenant")
			b.ReportMetric(float64(raw)/10000, "raw-B/tenant")
			runtime.KeepAlive(&loader)
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		var loader fleet.Loader
		mustLoad(b, &loader, fsys)
		b.ReportAllocs()
		for b.Loop() {
			mustLoad(b, &loader, fsys)
		}
	})
	b.Run("one changed", func(b *testing.B) {
		const file = "tenants/team-000/tenant-00007/tenant.yaml"
		declaration := files[file].Data
		var loader fleet.Loader
		mustLoad(b, &loader, fsys)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			mustLoad(b, &loader, fsys.with(file, fmt.Appendf(slices.Clip(declaration), "  shardSelector: {round: \"%d\"}\n", i)))
		}
	})
}

// heap is how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func mustLoad(b *testing.B, loader *fleet.Loader, fsys fs.FS) *fleet.Fleet {
	f, findings, err := loader.Load(fsys)
	if err != nil || len(findings) > 0 {
		b.Fatal(err, findings)
	}
	return f
}
