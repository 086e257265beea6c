package cluster

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
)

// Options of a run of clusters.
type Options struct {
	// Names of the shards; or Shards, how many, called shard-1, shard-2, …;
	// default 1.
	Names  []string
	Shards int
	// Node runs pods as processes; CertManager runs its controllers.
	Node, CertManager bool
	// Images are REPOSITORY=BINARY: pods of this image run this binary.
	Images []string
	// APIServerArgs are more arguments for every API server.
	APIServerArgs []string
}

func (o Options) arguments(dir string) []string {
	args := []string{
		"up", "--dir", dir, "--until-eof", "--unsafe-no-fsync",
		"--node=" + strconv.FormatBool(o.Node), "--cert-manager=" + strconv.FormatBool(o.CertManager),
	}
	if len(o.Names) > 0 {
		names := o.Names[0]
		for _, n := range o.Names[1:] {
			names += "," + n
		}
		args = append(args, "--names", names)
	} else {
		args = append(args, "--shards", strconv.Itoa(max(o.Shards, 1)))
	}
	for _, a := range o.APIServerArgs {
		args = append(args, "--apiserver-arg", a)
	}
	for _, i := range o.Images {
		args = append(args, "--image", i)
	}
	return args
}

// Fixture is one run of clusters that all tests of a binary share.
type Fixture struct {
	start func() (*Cluster, error)

	mu   sync.Mutex
	made *Cluster
}

// New makes a fixture. It starts nothing.
func New(opts Options) *Fixture {
	return Later(func() (Options, error) { return opts, nil })
}

// Later makes a fixture whose options are asked for when it is started: they may
// name what has to be built first.
func Later(options func() (Options, error)) *Fixture {
	f := &Fixture{}
	f.start = sync.OnceValues(func() (*Cluster, error) {
		opts, err := options()
		if err != nil {
			return nil, err
		}
		c, err := start(opts)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.made = c
		return c, err
	})
	return f
}

// Main runs a binary's tests, stops what they started, and gives the exit code.
func (f *Fixture) Main(m *testing.M) int { return Main(m, f) }

// Main is Fixture.Main for several fixtures.
func Main(m *testing.M, fixtures ...*Fixture) int {
	code := m.Run()
	clean := code == 0
	for _, f := range fixtures {
		if err := f.stop(clean); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	return code
}

func (f *Fixture) stop(clean bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.made == nil {
		return nil
	}
	return f.made.stop(clean)
}

// Start gives the clusters, all ready.
func (f *Fixture) Start(t testing.TB) *Cluster {
	t.Helper()
	c, err := f.start()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Start gives a test clusters of its own, which end with it.
func Start(t testing.TB, opts Options) *Cluster {
	t.Helper()
	c, err := start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.stop(!t.Failed()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// Up starts clusters for a program that is no test; Close ends them.
func Up(opts Options) (*Cluster, error) { return start(opts) }

// Close stops the clusters and removes their folder.
func (c *Cluster) Close() error { return c.stop(true) }
