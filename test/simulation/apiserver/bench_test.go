package apiserver_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// golden is what the native provider renders of a tenant.
const golden = "../../../render/providers/native/testdata/tenant-address.golden.yaml"

// target is one object, and how it is reached.
type target struct {
	kind, path string
	body       []byte
}

func targets(tb testing.TB) []target {
	tb.Helper()
	content, err := os.ReadFile(golden)
	if err != nil {
		tb.Fatal(err)
	}
	var all []target
	for document := range bytes.SplitSeq(content, []byte("\n---\n")) {
		var o map[string]any
		if err := yaml.Unmarshal(document, &o); err != nil {
			tb.Fatal(err)
		}
		if o["kind"] == nil {
			continue
		}
		body, err := yaml.YAMLToJSON(document)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, target{o["kind"].(string), path(o), body})
	}
	return all
}

func path(o map[string]any) string {
	kind, version := o["kind"].(string), o["apiVersion"].(string)
	meta := o["metadata"].(map[string]any)
	p := "/apis/" + version
	if !strings.Contains(version, "/") {
		p = "/api/" + version
	}
	if ns, ok := meta["namespace"].(string); ok {
		p += "/namespaces/" + ns
	}
	plural := strings.ToLower(kind) + "s"
	if stem, ok := strings.CutSuffix(kind, "y"); ok { // policies
		plural = strings.ToLower(stem) + "ies"
	}
	return p + "/" + plural + "/" + meta["name"].(string)
}

func serve(tb testing.TB, s *apiserver.Server, method, path, accept string, body []byte) *httptest.ResponseRecorder {
	tb.Helper()
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	if method == http.MethodPatch {
		r.Header.Set("Content-Type", "application/apply-patch+yaml")
	}
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code >= 300 {
		tb.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return w
}

func BenchmarkServer(b *testing.B) {
	begin := func(b *testing.B) (*apiserver.Server, []target) {
		s := apiserver.New(apiserver.Options{Now: time.Now, Kinds: apiserver.CertManager()})
		all := targets(b)
		made := map[string]bool{}
		for _, t := range all {
			if _, rest, ok := strings.Cut(t.path, "/namespaces/"); ok {
				ns, _, _ := strings.Cut(rest, "/")
				if !made[ns] {
					made[ns] = true
					if _, err := s.Write("b", "", apiserver.Object{"apiVersion": "v1", "kind": "Namespace", "metadata": apiserver.Object{"name": ns}}); err != nil {
						b.Fatal(err)
					}
				}
			}
		}
		for _, t := range all {
			serve(b, s, "PATCH", t.path+"?fieldManager=tenantry&force=true", "", t.body)
		}
		return s, all
	}
	b.Run("New", func(b *testing.B) {
		for b.Loop() {
			apiserver.New(apiserver.Options{Now: time.Now, Kinds: apiserver.CertManager()})
		}
	})
	b.Run("Get", func(b *testing.B) {
		s, all := begin(b)
		for i := 0; b.Loop(); i++ {
			serve(b, s, "GET", all[i%len(all)].path, "", nil)
		}
	})
	seen := map[string]bool{}
	s, all := begin(b)
	for _, t := range all {
		if seen[t.kind] {
			continue
		}
		seen[t.kind] = true
		b.Run("ApplySame/"+t.kind, func(b *testing.B) {
			for b.Loop() {
				serve(b, s, "PATCH", t.path+"?fieldManager=tenantry&force=true", "", t.body)
			}
		})
		b.Run("ApplyChange/"+t.kind, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				body := bytes.Replace(t.body, []byte(`"labels":{`), fmt.Appendf(nil, `"labels":{"x":"%d",`, i), 1)
				serve(b, s, "PATCH", t.path+"?fieldManager=tenantry&force=true", "", body)
			}
		})
	}
}
