package render

import (
	"strings"
	"testing"

	"github.com/tenantry/tenantry/fleet"
)

// TestJudgeProvider: what a fleet holds is read as every provider is, under its own name.
func TestJudgeProvider(t *testing.T) {
	tests := []struct {
		name, folder, reason string
		change               func(string) string
		want                 string
	}{
		{"Good", "toy", "The shortest provider.", func(s string) string { return s }, ""},
		{"Carried", "native", "Nothing takes its place.", func(s string) string { return s }, "providers/native: provider native is one that the binary carries"},
		{"Broken", "toy", "It is told where.", replaced(`current: "true"`, `current: "objekt.x"`), "providers/toy/provider.yaml:9:66: tenant.health[0].current: is not CEL"},
		{"Older", "toy-1", "There is one at a time.", func(s string) string { return s }, "want the folder's name, toy-1"},
	}
	r := newRenderer(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			findings := r.JudgeProvider(&fleet.Provider{Name: tt.folder, Files: map[string][]byte{
				"provider.yaml": []byte(tt.change(goodProvider)), "kustomization.yaml": []byte("resources: []"),
			}})
			switch {
			case tt.want == "" && len(findings) > 0:
				t.Errorf("%s\n%v", tt.reason, findings)
			case tt.want != "" && !strings.Contains(findings.Error(), tt.want):
				t.Errorf("%s\ngot %v, want …%s…", tt.reason, findings, tt.want)
			}
		})
	}
}
