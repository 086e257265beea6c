// Testsummary reads the output of `go test -json` and says what came of it: a
// line a package while it runs, the output of what fails, and as its last line
//
//	N passed, 0 failed, 0 skipped
//
// It exits with 1 if anything failed or did not build, if a test was skipped (a
// test that does not run proves nothing), and if no test ran at all.
package main

import (
	"fmt"
	"os"
)

func main() {
	s := newSummary(os.Stdout)
	err := s.read(os.Stdin)
	if err != nil {
		fmt.Fprintf(os.Stderr, "read test events: %v\n", err)
	}
	if !s.close() || err != nil {
		os.Exit(1)
	}
}
