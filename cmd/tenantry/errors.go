package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// errFound ends a verb that has printed the problems it found.
var errFound = errors.New("problems found")

// misuse is a request that makes no sense; it exits with 2.
type misuse struct{ err error }

func (m *misuse) Error() string { return m.err.Error() }
func (m *misuse) Unwrap() error { return m.err }

func misusef(format string, args ...any) error {
	return &misuse{fmt.Errorf(format, args...)}
}

// hinted is an error with advice on what to do about it.
type hinted struct {
	err  error
	hint string
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }

func hint(err error, advice string) error { return &hinted{err, advice} }

// args makes wrong arguments a misuse.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check(cmd, args) != nil { // its words are about numbers
			return &misuse{hint(wrongNumber(cmd, len(args)), "usage: "+cmd.UseLine())}
		}
		return nil
	}
}

// wrongNumber says that a verb was given that many arguments.
func wrongNumber(cmd *cobra.Command, given int) error {
	if given == 0 {
		return fmt.Errorf("%s: an argument is missing", cmd.Name())
	}
	return fmt.Errorf("%s: too many arguments or too few: %d", cmd.Name(), given)
}
