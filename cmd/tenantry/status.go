package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/reconciler/core"
)

func newStatus() *cobra.Command {
	c := &config{}
	cmd := &cobra.Command{
		Use:   "status [TENANT]",
		Short: "Show what was observed of the fleet, or of one tenant",
		Long: `Status reads the status branch of the fleet repository: what the daemon last
observed and committed. It asks no shard.`,
		Example: `  tenantry status --repository https://git.example.com/fleet.git
  tenantry status acme -o yaml
  tenantry status --watch`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeTenant,
	}
	c.take(cmd, slices.Concat(statusSettings, remoteSettings)...)
	form := addOutput(cmd, "table", "json", "yaml")
	watch := cmd.Flags().BoolP("watch", "w", false, "go on, and print whenever something changed")
	every := cmd.Flags().Duration("every", 5*time.Second, "how often --watch looks")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := required(cmd.Flags(), "repository"); err != nil {
			return err
		}
		if *every < 100*time.Millisecond {
			return misusef("--every %s: want at least 100ms", *every)
		}
		v := &statusView{config: c, form: form, stdout: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr()}
		if len(args) > 0 {
			v.tenant = args[0]
		}
		defer v.close()
		if *watch {
			return v.watch(cmd.Context(), *every)
		}
		answer, err := v.look(cmd.Context())
		if _, err := v.stdout.Write(answer); err != nil {
			return err
		}
		return err
	}
	return cmd
}

// statusView prints the status branch as somebody asked to see it.
type statusView struct {
	*config
	form           *output
	tenant         string // empty for all
	stdout, stderr io.Writer

	remote *remote
}

func (v *statusView) close() {
	if v.remote != nil {
		v.remote.close()
	}
}

// look reads the branch and gives the answer's bytes. With an error there may be
// an answer too: of all files but those that cannot be read.
func (v *statusView) look(ctx context.Context) ([]byte, error) {
	if v.remote == nil {
		r, err := v.openStatus(ctx)
		if err != nil {
			return nil, err
		}
		v.remote = r
	}
	fsys, _, err := v.remote.read(ctx, v.statusBranch)
	if err != nil {
		return nil, statusHint(err)
	}
	statuses, broken := readStatus(fsys, v.progress)
	var answer any = statuses
	if v.tenant != "" {
		s, err := findStatus(statuses, v.tenant)
		if err != nil {
			return nil, errors.Join(err, broken)
		}
		statuses, answer, broken = []core.TenantStatus{s}, s, nil
	}
	var out bytes.Buffer
	if done, err := v.form.data(&out, answer); done {
		return out.Bytes(), errors.Join(broken, err)
	}
	return table(statuses, v.tenant != ""), broken
}

// watch prints the answer whenever it changed, until ctx ends. A look that fails
// is told once; the next one may succeed.
func (v *statusView) watch(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var last []byte
	var told string
	for {
		answer, err := v.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && err.Error() != told {
			fmt.Fprintf(v.stderr, "tenantry: %v; looking again every %s\n", err, every)
		}
		told = ""
		if err != nil {
			told = err.Error()
		}
		if answer != nil && !bytes.Equal(answer, last) {
			if last != nil {
				fmt.Fprintln(v.stdout, v.separator())
			}
			if _, err := v.stdout.Write(answer); err != nil {
				return err
			}
			last = answer
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// separator stands between two answers of --watch.
func (v *statusView) separator() string {
	if v.form.value == "yaml" {
		return "---"
	}
	return ""
}
