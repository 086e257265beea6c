package up

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/tenantry/tenantry/test/devcluster/subnet"
)

// options are up's flags.
type options struct {
	dir           string
	names         []string
	subnet        string
	node          bool
	certManager   bool
	noFsync       bool
	untilEOF      bool
	images        []string
	apiserverArgs []string
}

// list is a flag that may be repeated.
type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	var images, extra list
	fs := flag.NewFlagSet("devcluster up", flag.ContinueOnError)
	fs.SetOutput(stderr)
	shards := fs.Int("shards", 1, "number of management clusters, called shard-1, shard-2, …")
	names := fs.String("names", "", "their names, comma separated, instead of a number")
	fs.StringVar(&o.dir, "dir", "", "folder for everything; must be empty or absent")
	fs.StringVar(&o.subnet, "subnet", "", "addresses, as 127.71.0.0/16 (default: a free block from 127.72 on)")
	fs.BoolVar(&o.node, "node", true, "run a node, which runs pods as processes")
	fs.BoolVar(&o.certManager, "cert-manager", true, "run cert-manager's controllers, with their CRDs applied")
	fs.BoolVar(&o.noFsync, "unsafe-no-fsync", false, "let etcd not wait for the disk")
	fs.BoolVar(&o.untilEOF, "until-eof", false, "end when standard input ends: for programs that must not leave it behind")
	fs.Var(&images, "image", "`REPOSITORY=BINARY`: pods of this image run this binary (repeatable)")
	fs.Var(&extra, "apiserver-arg", "one more `argument` for every API server (repeatable)")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	o.images, o.apiserverArgs = images, extra
	if fs.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if *names != "" {
		o.names = strings.Split(*names, ",")
	} else {
		for i := range *shards {
			o.names = append(o.names, fmt.Sprintf("shard-%d", i+1))
		}
	}
	return o, o.validate()
}

func (o *options) validate() error {
	var errs []error
	if o.dir == "" {
		errs = append(errs, errors.New("--dir: want a folder"))
	} else if abs, err := filepath.Abs(o.dir); err != nil {
		errs = append(errs, fmt.Errorf("--dir: %w", err))
	} else {
		o.dir = abs
	}
	if n := len(o.names); n < 1 || n > subnet.MaxShards {
		errs = append(errs, fmt.Errorf("--shards: %d: want 1 to %d", n, subnet.MaxShards))
	}
	for i, name := range o.names {
		if msgs := validation.IsDNS1123Label(name); len(msgs) > 0 {
			errs = append(errs, fmt.Errorf("--names: %q: %s", name, msgs[0]))
		}
		if name == kubeconfigsDir || slices.Contains(o.names[:i], name) {
			errs = append(errs, fmt.Errorf("--names: %q is taken", name))
		}
	}
	for i, image := range o.images {
		ref, binary, ok := strings.Cut(image, "=")
		if !ok || ref == "" || binary == "" {
			errs = append(errs, fmt.Errorf("--image: %q: want REPOSITORY=BINARY", image))
			continue
		}
		abs, err := filepath.Abs(binary)
		if err != nil {
			errs = append(errs, fmt.Errorf("--image: %w", err))
			continue
		}
		o.images[i] = ref + "=" + abs
	}
	return errors.Join(errs...)
}
