package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Finding is one thing that is wrong with a fleet, for the person who can mend it.
type Finding struct {
	// File is relative to the repository's root. Line and Column count from 1; both
	// are 0 when the finding is about the file or folder as such.
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// Field is the path of the field (spec.version), empty when there is none.
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
	// Hint says what to do about it; it may be empty.
	Hint string `json:"hint,omitempty"`
}

// String gives file:line:col: field: message, and the hint on a second line.
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(printable(f.File))
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	if f.Field != "" {
		b.WriteString(": " + f.Field)
	}
	b.WriteString(": " + f.Message)
	if f.Hint != "" {
		b.WriteString("\n    " + f.Hint)
	}
	return b.String()
}

// Findings is everything that is wrong with a fleet, sorted by place.
type Findings []Finding

// String gives one finding after the other, each on lines of its own.
func (f Findings) String() string {
	var b strings.Builder
	for _, finding := range f {
		b.WriteString(finding.String() + "\n")
	}
	return b.String()
}

// Error makes Findings an error; use Err to get nil when there are none.
func (f Findings) Error() string { return strings.TrimSuffix(f.String(), "\n") }

// Err is nil when nothing was found.
func (f Findings) Err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// Longest texts that are taken over out of a file.
const (
	maxFieldText   = 200
	maxMessageText = 1000
)

// bounded makes a text fit to be shown on a terminal and kept in a commit.
func bounded(s string, longest int) string {
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return printable(s)
}

// printable writes out what would move the cursor or hide text.
func printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// Fit makes what was taken over out of files fit to be shown and kept.
func (f Finding) Fit() Finding {
	f.Field = bounded(f.Field, maxFieldText)
	f.Message, f.Hint = bounded(f.Message, maxMessageText), bounded(f.Hint, maxMessageText)
	return f
}

// Sort puts findings in the order of their places.
func (f Findings) Sort() {
	slices.SortFunc(f, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Field, b.Field), cmp.Compare(a.Message, b.Message))
	})
}
