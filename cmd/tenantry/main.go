package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	exitOK       = 0
	exitProblems = 1
	exitMisuse   = 2
)

// run is the program without its process: it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return exitCode(root.ExecuteContext(ctx), stderr)
}

// exitCode tells the person what went wrong, and the shell how.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return exitOK
	}
	if errors.Is(err, errFound) {
		return exitProblems // what was found is the answer, and was printed
	}
	fmt.Fprintf(stderr, "tenantry: %v\n", err)
	if h := (*hinted)(nil); errors.As(err, &h) {
		fmt.Fprintf(stderr, "    %s\n", h.hint)
	}
	if m := (*misuse)(nil); errors.As(err, &m) {
		return exitMisuse
	}
	return exitProblems
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "tenantry",
		Short: "Turn a Git repository into a fleet of Kubernetes control planes",
		Long: `Tenantry turns a Git repository into a fleet of Kubernetes control planes.

The repository says which tenants exist; "tenantry run" makes it so and commits
what it decided and what came of it. The other verbs read what is in Git.

Every setting can be given as a flag (--status-branch), in the environment
(TENANTRY_STATUS_BRANCH) or in a YAML file named by --config (statusBranch);
the first of these that is there counts.`,
		Example: `  tenantry init ./fleet --shard eu-1 --domain tenants.example.com
  tenantry tenant new acme --team web --fleet ./fleet
  tenantry validate ./fleet
  tenantry run --repository https://git.example.com/fleet.git --kubeconfigs /etc/tenantry/shards
  tenantry status --repository https://git.example.com/fleet.git --watch
  tenantry kubeconfig acme --repository https://git.example.com/fleet.git --kubeconfigs ./shards > acme.kubeconfig`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return &misuse{hint(fmt.Errorf("unknown verb %q", args[0]), `"tenantry --help" lists the verbs`)}
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &misuse{hint(err, fmt.Sprintf("%q says what there is", cmd.CommandPath()+" --help"))}
	})
	root.AddCommand(
		newInit(), newTenant(), newImport(), newValidate(), newRender(), newRun(), newStatus(), newDiff(), newExplain(), newSimulate(), newApprove(), newKubeconfig(), newSchema(), newProvider(), newCompletion(), newVersion(), newDataStore(),
	)
	return root
}
