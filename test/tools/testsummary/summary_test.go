package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSummary(t *testing.T) {
	tests := []struct {
		name   string
		reason string
		events []string
		last   string // the last line of what is printed
		says   string // somewhere in what is printed
		ok     bool
	}{
		{
			name:   "Passed",
			reason: "Tests and subtests count; packages without tests do not.",
			events: []string{
				`{"Action":"start","Package":"x/a"}`,
				`{"Action":"run","Package":"x/a","Test":"TestA"}`,
				`{"Action":"output","Package":"x/a","Test":"TestA","Output":"=== RUN   TestA\n"}`,
				`{"Action":"run","Package":"x/a","Test":"TestA/sub"}`,
				`{"Action":"pass","Package":"x/a","Test":"TestA/sub","Elapsed":0}`,
				`{"Action":"pass","Package":"x/a","Test":"TestA","Elapsed":0}`,
				`{"Action":"output","Package":"x/a","Output":"PASS\n"}`,
				`{"Action":"pass","Package":"x/a","Elapsed":0.1}`,
				`{"Action":"skip","Package":"x/b","Elapsed":0}`,
			},
			last: "2 passed, 0 failed, 0 skipped",
			says: "ok    x/a 0.1s (2)",
			ok:   true,
		},
		{
			name:   "Failed",
			reason: "A failure is told with its output.",
			events: []string{
				`{"Action":"run","Package":"x/a","Test":"TestA"}`,
				`{"Action":"output","Package":"x/a","Test":"TestA","Output":"a_test.go:3: no\n"}`,
				`{"Action":"fail","Package":"x/a","Test":"TestA","Elapsed":0}`,
				`{"Action":"fail","Package":"x/a","Elapsed":0.1}`,
			},
			last: "0 passed, 1 failed, 0 skipped",
			says: "FAIL  x/a.TestA\n      a_test.go:3: no\n",
		},
		{
			name:   "Skipped",
			reason: "A skipped test proves nothing, so it is not well.",
			events: []string{
				`{"Action":"run","Package":"x/a","Test":"TestA"}`,
				`{"Action":"skip","Package":"x/a","Test":"TestA","Elapsed":0}`,
				`{"Action":"pass","Package":"x/a","Elapsed":0.1}`,
			},
			last: "0 passed, 0 failed, 1 skipped",
			says: "SKIP  x/a.TestA",
		},
		{
			name:   "NoTest",
			reason: "Zero tests are not a success.",
			events: []string{`{"Action":"skip","Package":"x/b","Elapsed":0}`},
			last:   "0 passed, 0 failed, 0 skipped",
			says:   "no test ran",
		},
		{
			name:   "BuildFailure",
			reason: "A package that does not build has no test that could fail.",
			events: []string{
				`{"ImportPath":"x/a [x/a.test]","Action":"build-output","Output":"a.go:1:1: undefined: y\n"}`,
				`{"ImportPath":"x/a [x/a.test]","Action":"build-fail"}`,
				`{"Action":"start","Package":"x/a"}`,
				`{"Action":"output","Package":"x/a","Output":"FAIL\tx/a [build failed]\n"}`,
				`{"Action":"fail","Package":"x/a","Elapsed":0,"FailedBuild":"x/a [x/a.test]"}`,
			},
			last: "0 passed, 1 failed, 0 skipped",
			says: "FAIL  x/a [x/a.test] does not build\n      a.go:1:1: undefined: y\n",
		},
		{
			name:   "Exit",
			reason: "A process that ends early leaves a test without a result.",
			events: []string{
				`{"Action":"run","Package":"x/a","Test":"TestA"}`,
				`{"Action":"output","Package":"x/a","Test":"TestA","Output":"panic: oh\n"}`,
				`{"Action":"fail","Package":"x/a","Elapsed":0}`,
			},
			last: "0 passed, 1 failed, 0 skipped",
			says: "FAIL  x/a.TestA did not end\n      panic: oh\n",
		},
		{
			name:   "PackageAlone",
			reason: "A package may fail though all its tests passed: TestMain, or an init that panics.",
			events: []string{
				`{"Action":"run","Package":"x/a","Test":"TestA"}`,
				`{"Action":"pass","Package":"x/a","Test":"TestA","Elapsed":0}`,
				`{"Action":"output","Package":"x/a","Output":"exit status 3\n"}`,
				`{"Action":"fail","Package":"x/a","Elapsed":0}`,
			},
			last: "1 passed, 1 failed, 0 skipped",
			says: "FAIL  x/a\n      exit status 3\n",
		},
		{
			name:   "CutOff",
			reason: "A stream that ends in the middle is a failure, even if all that was seen passed.",
			events: []string{
				`{"Action":"run","Package":"x/a","Test":"TestA"}`,
				`{"Action":"pass","Package":"x/a","Test":"TestA","Elapsed":0}`,
			},
			last: "1 passed, 1 failed, 0 skipped",
			says: "x/a did not end",
		},
		{
			name:   "LateOutput",
			reason: "A goroutine that logs after its test has ended does not make it unfinished.",
			events: []string{
				`{"Action":"run","Package":"x/a","Test":"TestA"}`,
				`{"Action":"pass","Package":"x/a","Test":"TestA","Elapsed":6}`,
				`{"Action":"output","Package":"x/a","Test":"TestA","Output":"late\n"}`,
				`{"Action":"pass","Package":"x/a","Elapsed":6}`,
			},
			last: "1 passed, 0 failed, 0 skipped",
			says: "x/a.TestA 6.0s",
			ok:   true,
		},
		{
			name:   "Words",
			reason: "What the go command says in plain words is passed on.",
			events: []string{`go: updates to go.mod needed`},
			last:   "0 passed, 0 failed, 0 skipped",
			says:   "go: updates to go.mod needed\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			s := newSummary(&out)
			if err := s.read(strings.NewReader(strings.Join(tt.events, "\n"))); err != nil {
				t.Fatal(err)
			}
			if got := s.close(); got != tt.ok {
				t.Errorf("%s\nclose() = %v, want %v", tt.reason, got, tt.ok)
			}
			lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			if diff := cmp.Diff(tt.last, lines[len(lines)-1]); diff != "" {
				t.Errorf("%s\nlast line (-want +got):\n%s", tt.reason, diff)
			}
			if !strings.Contains(out.String(), tt.says) {
				t.Errorf("%s\nwant %q in\n%s", tt.reason, tt.says, out.String())
			}
		})
	}
}
