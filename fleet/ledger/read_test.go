package ledger_test

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tenantry/tenantry/fleet/ledger"
)

var errTorn = errors.New("the disk is torn")

// torn is a branch of which one path cannot be read.
type torn struct {
	fstest.MapFS
	path string
}

func (f torn) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == f.path {
		return nil, errTorn
	}
	return f.MapFS.ReadDir(name)
}

func (f torn) ReadFile(name string) ([]byte, error) {
	if name == f.path {
		return nil, errTorn
	}
	return f.MapFS.ReadFile(name)
}

// vague is a branch that does not tell how large its files are.
type vague struct{ fstest.MapFS }

func (f vague) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := f.MapFS.ReadDir(name)
	for i, e := range entries {
		entries[i] = vagueEntry{e}
	}
	return entries, err
}

type vagueEntry struct{ fs.DirEntry }

func (vagueEntry) Info() (fs.FileInfo, error) { return nil, errTorn }

// What cannot be read is never an empty ledger, nor a smaller one.
func TestUnreadableIsNotEmpty(t *testing.T) {
	fsys := fsOf(t, everything())
	tenant := ledger.TenantPath("acme")
	paths := []string{".", "tenants", strings.TrimSuffix(tenant, "/acme.yaml"), tenant}
	for _, dir := range []string{"datastores", "classes", "shards"} {
		files, err := fsys.ReadDir(dir)
		if err != nil || len(files) != 1 {
			t.Fatalf("%s has files %v, error %v", dir, files, err)
		}
		paths = append(paths, dir, dir+"/"+files[0].Name())
	}
	for _, path := range paths {
		if l, err := ledger.Read(torn{fsys, path}); !errors.Is(err, errTorn) || l != nil {
			t.Errorf("%s is torn: got %v, error %v", path, l, err)
		}
	}
	if l, err := ledger.Read(vague{fsys}); !errors.Is(err, errTorn) || l != nil {
		t.Errorf("sizes are not known: got %v, error %v", l, err)
	}
}

func TestReadRefusesWhatIsNoOrdinaryFile(t *testing.T) {
	fsys := fsOf(t, everything())
	fsys["shards/other.yaml"] = &fstest.MapFile{Data: fsys[ledger.ShardPath("eu-1")].Data, Mode: fs.ModeSymlink}
	if _, err := ledger.Read(fsys); err == nil || !strings.Contains(err.Error(), "shards/other.yaml: is not an ordinary file") {
		t.Errorf("a link: error %v", err)
	}
}

func TestReadRefusesWhatIsTooLarge(t *testing.T) {
	fsys := fsOf(t, everything())
	file := fsys[ledger.ShardPath("eu-1")]
	small := file.Data
	padded := func(size int) []byte {
		return slices.Concat(small, []byte("#"), bytes.Repeat([]byte("x"), size-len(small)-1))
	}
	file.Data = padded(2 << 20)
	if _, err := ledger.Read(fsys); err != nil {
		t.Errorf("2 MiB: error %v", err)
	}
	file.Data = padded(2<<20 + 1)
	if _, err := ledger.Read(fsys); err == nil || !strings.Contains(err.Error(), "shards/eu-1.yaml: is larger than 2097152 bytes") {
		t.Errorf("more than 2 MiB: error %v", err)
	}
}
