package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/tenantry/tenantry/test/cluster"
)

// image is our own image's repository, which the full shards' node runs as the
// program under test.
const image = "ghcr.io/tenantry/tenantry"

var suite = newSuite()

// fixtures are what all tests share.
type fixtures struct {
	// program builds the binary and gives its path.
	program func() (string, error)
	light   *cluster.Fixture
	full    *cluster.Fixture
	// idle are the light shards that no test has taken.
	idle chan string
	dir  string
}

func newSuite() *fixtures {
	s := &fixtures{idle: make(chan string, 2)}
	s.idle <- "p"
	s.idle <- "q"
	s.program = sync.OnceValues(func() (string, error) {
		if err := lookAtSources("../..", sources...); err != nil {
			return "", err
		}
		dir, err := os.MkdirTemp("", "tenantry-e2e-")
		if err != nil {
			return "", err
		}
		s.dir = dir
		path := filepath.Join(dir, "tenantry")
		cmd := exec.Command("go", "build", "-o", path, "../../cmd/tenantry")
		// As the Makefile builds it, so that the libraries are compiled once.
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build tenantry: %w\n%s", err, out)
		}
		return path, nil
	})
	s.light = cluster.New(cluster.Options{Names: []string{"p", "q"}, CertManager: true})
	s.full = cluster.Later(func() (cluster.Options, error) {
		path, err := s.program()
		return cluster.Options{Names: []string{"a", "b"}, Node: true, CertManager: true, Images: []string{image + "=" + path}}, err
	})
	return s
}

// sources are what the program is made of.
var sources = []string{"go.mod", "go.sum", "cmd", "docs/schemas", "fleet", "git", "reconciler", "render"}

// lookAtSources looks at every file of which something is made: "go test" takes a
// former result for good only while what a test has looked at is the same, and it
// does not see what is made by other programs.
func lookAtSources(root string, parts ...string) error {
	for _, part := range parts {
		err := filepath.WalkDir(filepath.Join(root, part), func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("look at the sources: %w", err)
		}
	}
	return nil
}

func TestMain(m *testing.M) {
	code := cluster.Main(m, suite.light, suite.full)
	if suite.dir != "" {
		_ = os.RemoveAll(suite.dir) // a temporary folder
	}
	os.Exit(code)
}

// take gives a test one light shard for itself.
func take(t *testing.T) *shard {
	t.Helper()
	c := suite.light.Start(t)
	name := <-suite.idle
	t.Cleanup(func() { suite.idle <- name })
	s := open(t, c, name)
	s.forget(t)
	s.pretend(t)
	return s
}

// takeBoth gives a test both light shards. It must not run in parallel with others.
func takeBoth(t *testing.T) (p, q *shard) {
	t.Helper()
	p, q = take(t), take(t)
	if p.name > q.name {
		p, q = q, p
	}
	return p, q
}
