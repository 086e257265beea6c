package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is one line of `go test -json`; see `go doc test2json` and `go help buildjson`.
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Elapsed     float64
	Output      string
	FailedBuild string
}

// slow is the duration in seconds from which a top-level test is worth a line of its own.
const slow = 5.0

// summary counts results and prints what a person wants to see of them.
type summary struct {
	out io.Writer

	passed, failed, skipped int
	failures                []string
	packages                map[string]*pkg
	builds                  map[string][]string
}

// pkg is a package that has begun and not ended.
type pkg struct {
	tests  int
	failed bool
	// running holds the output of tests without a result; "" is the package's own.
	running map[string][]string
}

func newSummary(out io.Writer) *summary {
	return &summary{out: out, packages: map[string]*pkg{}, builds: map[string][]string{}}
}

// read consumes a stream of events. Lines that are no JSON are passed on: they
// are the go command's own words.
func (s *summary) read(in io.Reader) error {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 64<<10), 16<<20)
	for scanner.Scan() {
		line := scanner.Bytes()
		var e event
		if err := json.Unmarshal(line, &e); err != nil || e.Action == "" {
			fmt.Fprintf(s.out, "%s\n", line)
			continue
		}
		s.add(e)
	}
	return scanner.Err()
}

func (s *summary) add(e event) {
	switch e.Action {
	case "build-output":
		s.builds[e.ImportPath] = append(s.builds[e.ImportPath], e.Output)
		return
	case "build-fail":
		// The packages that needed it fail, each with FailedBuild; its errors are told once.
		fmt.Fprintf(s.out, "FAIL  %s does not build\n", e.ImportPath)
		s.print(s.builds[e.ImportPath])
		return
	}
	if e.Package == "" {
		return
	}
	p := s.packages[e.Package]
	if p == nil {
		p = &pkg{running: map[string][]string{}}
		s.packages[e.Package] = p
	}
	switch {
	case e.Action == "output":
		test := e.Test
		if _, running := p.running[test]; !running {
			test = "" // a goroutine that outlives its test still speaks in its name
		}
		p.running[test] = append(p.running[test], e.Output)
	case e.Action == "run":
		p.running[e.Test] = nil
	case e.Test != "":
		s.endTest(p, e)
	case e.Action == "pass" || e.Action == "fail" || e.Action == "skip":
		s.endPackage(p, e)
	}
}

func (s *summary) endTest(p *pkg, e event) {
	name := e.Package + "." + e.Test
	switch e.Action {
	case "pass":
		s.passed++
		if e.Elapsed >= slow && !strings.Contains(e.Test, "/") {
			fmt.Fprintf(s.out, "      %s %.1fs\n", name, e.Elapsed)
		}
	case "fail":
		p.failed = true
		s.fail(name, p.running[e.Test])
	case "skip":
		s.skipped++
		fmt.Fprintf(s.out, "SKIP  %s\n", name)
		s.print(p.running[e.Test])
	default: // pause, cont, bench, attr
		return
	}
	p.tests++
	delete(p.running, e.Test)
}

func (s *summary) endPackage(p *pkg, e event) {
	own := p.running[""]
	delete(p.running, "")
	// A panic, an exit or a timeout leaves tests without a result.
	for _, test := range sorted(p.running) {
		p.failed = true
		s.fail(e.Package+"."+test+" did not end", p.running[test])
	}
	switch {
	case e.Action == "fail" && e.FailedBuild != "":
		s.fail(e.Package+": build failed", nil)
	case e.Action == "fail" && !p.failed:
		// No test is to blame: TestMain, init, a leaked exit.
		s.fail(e.Package, own)
	case e.Action == "fail":
		s.print(own)
		fmt.Fprintf(s.out, "FAIL  %s %.1fs\n", e.Package, e.Elapsed)
	case p.tests > 0:
		fmt.Fprintf(s.out, "ok    %s %.1fs (%d)\n", e.Package, e.Elapsed, p.tests)
	}
	delete(s.packages, e.Package)
}

// close judges what never ended, prints the failures once more and, as the last
// line, the counts. It reports whether all is well: some test ran, none failed,
// none was skipped.
func (s *summary) close() bool {
	for _, name := range sorted(s.packages) {
		p := s.packages[name]
		s.fail(name+" did not end", p.running[""])
	}
	if len(s.failures) > 0 {
		fmt.Fprintf(s.out, "\nfailed:\n")
		for _, name := range s.failures {
			fmt.Fprintf(s.out, "  %s\n", name)
		}
	}
	if s.passed+s.failed+s.skipped == 0 {
		fmt.Fprintln(s.out, "no test ran")
	}
	fmt.Fprintf(s.out, "%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
	return s.passed > 0 && s.failed == 0 && s.skipped == 0
}

func (s *summary) fail(what string, output []string) {
	s.failed++
	s.failures = append(s.failures, what)
	fmt.Fprintf(s.out, "FAIL  %s\n", what)
	s.print(output)
}

func (s *summary) print(output []string) {
	for _, line := range output {
		fmt.Fprintf(s.out, "      %s\n", strings.TrimRight(line, "\n"))
	}
}

func sorted[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
