package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/cluster"
	"github.com/tenantry/tenantry/test/crds"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are the program's flags.
type options struct{ crds, repository string }

// errMisuse: the flags told why.
var errMisuse = errors.New("misuse")

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("contract", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.crds, "crds", "", "`DIR` with the custom resource definitions that shards have (required)")
	f.StringVar(&o.repository, "repository", ".", "`DIR` of this repository")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	misuse := ""
	switch info, err := os.Stat(o.crds); {
	case f.NArg() > 0:
		misuse = fmt.Sprintf("unexpected argument %q", f.Arg(0))
	case o.crds == "":
		misuse = "--crds is needed: make contract CRDS=DIR"
	case err != nil || !info.IsDir():
		misuse = fmt.Sprintf("--crds: %s is no folder", o.crds)
	}
	if misuse != "" {
		fmt.Fprintf(stderr, "contract: %s\n", misuse)
		return o, errMisuse
	}
	return o, nil
}

// run is the program without its process: it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	result, err := opts.prove(ctx, stdout)
	if err != nil {
		fmt.Fprintln(stdout, err)
		fmt.Fprintln(stdout, "contract: failed")
		return 1
	}
	fmt.Fprintf(stdout, "contract: ok: %s\n", result)
	return 0
}

// prove starts a cluster, and stops it again.
func (o options) prove(ctx context.Context, out io.Writer) (result string, err error) {
	definitions, err := crds.Read(o.crds)
	if err != nil {
		return "", err
	}
	histories, err := rendered(o.repository)
	if err != nil {
		return "", err
	}
	folders, err := crds.Download(ctx, crds.ClusterAPI)
	if err != nil {
		return "", err
	}
	more, err := crds.Read(folders...)
	if err != nil {
		return "", err
	}
	definitions = append(definitions, needed(more, histories)...)
	fmt.Fprintln(out, "starting a management cluster")
	up, err := cluster.Up(cluster.Options{})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, up.Close()) }()
	// What builds the cluster takes cert-manager's definitions out of its module.
	more, err = crds.Read(filepath.Join(o.repository, "test", "devcluster", "certmanager", "crds"))
	if err != nil {
		return "", err
	}
	definitions = append(definitions, more...)
	cfg, err := clientcmd.BuildConfigFromFlags("", up.Shards[0].Kubeconfig)
	if err != nil {
		return "", fmt.Errorf("read kubeconfig: %w", err)
	}
	return judge(ctx, cfg, definitions, histories, out)
}

// judge applies histories to a cluster that gets these definitions.
func judge(ctx context.Context, cfg *rest.Config, definitions []crds.Definition, histories []history, out io.Writer) (string, error) {
	t, err := newTarget(cfg)
	if err != nil {
		return "", err
	}
	for _, d := range definitions {
		if err := d.Install(ctx, t.dynamic); err != nil {
			return "", err
		}
	}
	fmt.Fprintf(out, "applied %d CRDs\n", len(definitions))
	if err := t.discover(ctx, definitions); err != nil {
		return "", err
	}
	if err := t.missing(histories); err != nil {
		return "", err
	}
	var errs []error
	for _, h := range histories {
		errs = append(errs, t.live(ctx, h)...)
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
	}
	fmt.Fprintf(out, "applied %d histories\n", len(histories))
	renderer, err := render.New(render.Options{Image: image})
	if err != nil {
		return "", err
	}
	imported, wrong := t.imports(ctx, renderer, histories)
	errs = append(errs, wrong...)
	fmt.Fprintf(out, "imported %d objects\n", imported)
	if len(errs) > 0 {
		return "", fmt.Errorf("%d objects were refused:\n%w", len(errs), errors.Join(errs...))
	}
	return t.tally(definitions), nil
}

// needed are the definitions of kinds that histories have. Of what a module holds the
// rest is not ours to try.
func needed(definitions []crds.Definition, histories []history) []crds.Definition {
	kinds := map[schema.GroupKind]bool{}
	for _, h := range histories {
		for _, step := range h.steps {
			for _, o := range step {
				kinds[o.GroupVersionKind().GroupKind()] = true
			}
		}
	}
	return slices.DeleteFunc(definitions, func(d crds.Definition) bool { return !kinds[d.Kind()] })
}
