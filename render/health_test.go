package render

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// How the providers judge stands in their testdata/*.health.yaml.

// TestJudges: observers keep the content of what is judged, and of nothing else.
func TestJudges(t *testing.T) {
	unit, err := newRenderer(t).Tenant(acme())
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, o := range unit.Objects {
		if unit.Provider.Judges(o.ID) {
			kinds[o.ID.Kind] = true
		}
	}
	if diff := cmp.Diff(map[string]bool{"Job": true, "Deployment": true, "Service": true}, kinds); diff != "" {
		t.Errorf("judged kinds (-want +got):\n%s", diff)
	}
}

// TestEndpointOutput: what an object says of the endpoint goes into a status that people
// and programs follow.
func TestEndpointOutput(t *testing.T) {
	files := toy("toy", "1")
	text := goodProvider + "  outputs: [{name: endpoint, kind: v1/Namespace, object: \"*\", value: object.status.url}]\n"
	files["providers/toy/provider.yaml"].Data = []byte(text)
	source, findings, err := ReadProvider(files, "providers/toy")
	if err != nil || len(findings) > 0 {
		t.Fatal(err, findings)
	}
	for url, want := range map[string]bool{
		"https://acme.example.com:6443": true, "https://[fd00::1]:6443": true, "https://10.0.0.7": true,
		"https://acme:": false, "https://acme:0": false, "https://acme:65536": false, "https://acme:65535": true,
		"": false, "acme.example.com:6443": false, "http://acme.example.com": false, "https://": false, "https://a b": false,
		"https://user:password@acme.example.com": false, "https://acme.example.com/path": false, "https://acme.example.com?token=a": false,
	} {
		content := map[string]any{"status": map[string]any{"url": url}}
		h := source.base.parts[partTenant].Judge([]Judged{{ID: ObjectID{Version: "v1", Kind: "Namespace", Name: "a"}, Present: true, Content: content}})
		if got := h.Outputs[OutputEndpoint]; (got == url && url != "") != want || !want && got != "" {
			t.Errorf("%q: got %q, want it to be taken: %t", url, got, want)
		}
	}
}
