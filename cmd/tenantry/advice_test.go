package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// A reason for which docs/formats.md says that somebody has to look has advice,
// and nothing else has.
func TestAdvice(t *testing.T) {
	raw, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(raw), "\nSomebody has to look:\n")
	section, _, _ = strings.Cut(section, "\n#")
	documented := map[string]bool{}
	for row := range strings.Lines(section) {
		cell, found := strings.CutPrefix(row, "| `")
		if !found {
			continue
		}
		cell, _, _ = strings.Cut("`"+cell, " |")
		for _, m := range regexp.MustCompile("`([A-Z][A-Za-z]+)`").FindAllStringSubmatch(cell, -1) {
			documented[m[1]] = true
		}
	}
	if len(documented) < 10 {
		t.Fatalf("found %d reasons in the table: the rule was tested on nothing", len(documented))
	}
	for reason := range documented {
		if advice[reason] == "" {
			t.Errorf("advice.go does not say what helps with %s", reason)
		}
	}
	for reason := range advice {
		if !documented[reason] {
			t.Errorf("docs/formats.md does not say that somebody has to look at %s", reason)
		}
	}
}

// Whatever placement may say of a shard has a fix.
func TestFixes(t *testing.T) {
	code, err := os.ReadFile("../../fleet/placement/unplaced.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\t\w+ += "([A-Z]\w+)"`).FindAllStringSubmatch(string(code), -1)
	if len(found) < 5 {
		t.Fatalf("found %d reasons: the rule was tested on nothing", len(found))
	}
	for _, m := range found {
		if nearestFix([]candidate{{Shard: "a", Reason: m[1]}}) == "" {
			t.Errorf("explainjudge.go has no fix for %s", m[1])
		}
	}
}

func TestNearestFix(t *testing.T) {
	tests := []struct {
		name, reason string
		candidates   []candidate
		want         string
	}{
		{"NoShards", "a fleet without shards has one fix", nil, "declare a shard in shards/"},
		{"Smallest", "to uncordon is less than to make room", []candidate{{Shard: "a", Reason: "Full"}, {Shard: "b", Reason: "Cordoned"}}, "remove spec.cordon from shards/b.yaml, if it may take tenants again"},
		{"Same", "among equals the first by name", []candidate{{Shard: "b", Reason: "Full"}, {Shard: "a", Reason: "Full"}}, "raise spec.capacity.tenants in shards/a.yaml"},
		{"New", "a rule without a fix says nothing wrong", []candidate{{Shard: "b", Reason: "SomethingNew"}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := nearestFix(tt.candidates); got != tt.want {
				t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
			}
		})
	}
}
