package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// version is stamped by the linker.
var version = "devel"

func newVersion() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Example: `  tenantry version
  tenantry version -o json`,
		Args: args(cobra.NoArgs),
	}
	form := addOutput(cmd, "text", "json", "yaml")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		answer := struct {
			Version  string `json:"version"`
			Go       string `json:"go"`
			Platform string `json:"platform"`
		}{version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
		if done, err := form.data(cmd.OutOrStdout(), answer); done {
			return err
		}
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "tenantry %s (%s, %s)\n", answer.Version, answer.Go, answer.Platform)
		return err
	}
	return cmd
}
