package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// output is the value of -o: one of a verb's forms.
type output struct {
	value string
	forms []string
}

// addOutput gives cmd the flag -o; the first form is the default.
func addOutput(cmd *cobra.Command, forms ...string) *output {
	o := &output{value: forms[0], forms: forms}
	cmd.Flags().VarP(o, "output", "o", "`FORM` of the answer: "+strings.Join(forms, ", "))
	if err := cmd.RegisterFlagCompletionFunc("output", oneOf(forms...)); err != nil {
		panic(err) // the flag is there: it was just defined
	}
	return o
}

func (o *output) String() string { return o.value }
func (o *output) Type() string   { return "form" }

func (o *output) Set(value string) error {
	if !slices.Contains(o.forms, value) {
		return fmt.Errorf("want one of %s", strings.Join(o.forms, ", "))
	}
	o.value = value
	return nil
}

// data prints v when the form is one for machines, and reports whether it was.
func (o *output) data(w io.Writer, v any) (bool, error) {
	switch o.value {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return true, enc.Encode(v)
	case "yaml":
		raw, err := yaml.Marshal(v)
		if err != nil {
			return true, err
		}
		_, err = w.Write(raw)
		return true, err
	default:
		return false, nil
	}
}
