package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenantry/tenantry/docs/schemas"
)

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema " + strings.Join(schemas.Kinds(), "|"),
		Short: "Print the JSON Schema of a kind",
		Long: `Schema prints the JSON Schema of a kind of declaration, which lets an editor
complete and check files while one types. An editor with the YAML language server
takes it from the first line of a file:

    # yaml-language-server: $schema=` + schemas.URL("tenant") + `

"tenantry init" and "tenantry tenant new" write that line. What stands between
files, a schema cannot say: that is for "tenantry validate".`,
		Example:   `  tenantry schema Tenant > tenant.schema.json`,
		Args:      args(cobra.ExactArgs(1)),
		ValidArgs: schemas.Kinds(),
		RunE: func(cmd *cobra.Command, args []string) error {
			schema := schemas.JSON(args[0])
			if schema == nil {
				return misusef("there is no kind %q: want %s", args[0], strings.Join(schemas.Kinds(), ", "))
			}
			_, err := cmd.OutOrStdout().Write(schema)
			return err
		},
	}
}
