package simulation

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAsked: what is wrong with a request shows before anybody carries it out.
func TestAsked(t *testing.T) {
	const path = "/api/v1/namespaces/tenant-ant/configmaps/c"
	tests := []struct {
		name, reason string
		who          string
		method, url  string
		body         string
		within       time.Duration
		people       bool
		want         string
	}{
		{"Apply", "one that is bound to an object, within the Lease", "a-1", "PATCH", path + "?force=true", `{"metadata":{"uid":"u"}}`, 10 * time.Second, false, ""},
		{"Unbound", "a namesake would be taken over", "a-1", "PATCH", path + "?force=true", `{"metadata":{}}`, 10 * time.Second, false, "Preconditions"},
		{"First", "one that is not forced takes over nothing", "a-1", "PATCH", path, `{"metadata":{}}`, 10 * time.Second, false, ""},
		{"Delete", "one object, as it was", "a-1", "DELETE", path, `{"preconditions":{"uid":"u","resourceVersion":"1"}}`, 10 * time.Second, false, ""},
		{"AnyNamesake", "another one may be there by now", "a-1", "DELETE", path, `{"preconditions":{"resourceVersion":"1"}}`, 10 * time.Second, false, "Preconditions"},
		{"AnyVersion", "it may have changed", "a-1", "DELETE", path, `{"preconditions":{"uid":"u"}}`, 10 * time.Second, false, "Preconditions"},
		{"Stranger", "it is judged when it is carried out", "b-1", "PATCH", path, `{}`, 10 * time.Second, false, ""},
		{"Beyond", "it would still be under way when another one has the Lease", "a-1", "PATCH", path, `{}`, 16 * time.Second, false, "Lease"},
		{"ForEver", "and so would one without an end", "a-1", "PATCH", path, `{}`, 0, false, "Lease"},
		{"Read", "reading does no harm", "b-1", "GET", path, "", 0, false, ""},
		{"Rewritten", "people may take the Lease from anybody", "b-1", "PATCH", path, `{}`, 10 * time.Second, true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{t: t, clusters: map[string]*cluster{"red": {name: "red"}}}
				w.judge = newJudge(w)
				*w.judge.guard(w.clusters["red"]) = guard{
					holder: "a-1", duration: 15 * time.Second, foreign: tt.people, terms: map[string]*tenure{"a-1": {sent: time.Now()}},
				}
				ctx, cancel := context.WithCancel(t.Context())
				if tt.within > 0 {
					ctx, cancel = context.WithTimeout(t.Context(), tt.within)
				}
				defer cancel()
				req, err := http.NewRequestWithContext(ctx, tt.method, "https://red.example.com"+tt.url, nil)
				if err != nil {
					t.Fatal(err)
				}
				w.judge.asks(&exchange{life: &life{id: tt.who, replica: &replica{w: w}}, target: "red", req: req, body: []byte(tt.body)})
				if rule, _, _ := strings.Cut(w.judge.violation, ":"); rule != tt.want {
					t.Errorf("%s: got %q, want rule %q", tt.reason, w.judge.violation, tt.want)
				}
			})
		})
	}
}
