package node

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestTally(t *testing.T) {
	for _, tc := range []struct {
		name             string
		success, failure int32
		results          string // + or -
		want             string // p(assing), f(ailing), u(ndecided), one for each result
		reason           string
	}{
		{"defaults", 0, 0, "+-+", "pfp", "thresholds are at least one"},
		{"failures in a row", 1, 3, "+--+---", "puupuuf", "a success forgives"},
		{"successes in a row", 2, 1, "-+-++", "fufup", "a failure too"},
		{"stays", 2, 2, "++++----", "upppufff", "beyond the threshold it stays so"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			counted := newTally(&corev1.Probe{SuccessThreshold: tc.success, FailureThreshold: tc.failure})
			got := ""
			for _, r := range tc.results {
				got += map[verdict]string{passing: "p", failing: "f", undecided: "u"}[counted.add(r == '+')]
			}
			if got != tc.want {
				t.Errorf("%s: %s: got %s, want %s", tc.results, tc.reason, got, tc.want)
			}
		})
	}
}

func TestHTTPGet(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok":
			if r.Host != "health.example" || r.Header.Get("X-Probe") != "1" {
				w.WriteHeader(http.StatusBadRequest)
			}
		case "/redirect":
			http.Redirect(w, r, "https://192.0.2.1/", http.StatusFound)
		case "/slow":
			<-r.Context().Done()
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer server.Close()
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	number := intstr.Parse(port)
	c := &corev1.Container{Ports: []corev1.ContainerPort{{Name: "https", ContainerPort: number.IntVal}}}
	for _, tc := range []struct {
		path   string
		ok     bool
		reason string
	}{
		{"/ok", true, "headers are sent, the certificate is not verified, the port has a name"},
		{"ok", true, "a path without its slash"},
		{"/redirect", true, "is an answer, and not followed"},
		{"/broken", false, "500"},
		{"/slow", false, "no answer in time"},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		err := httpGet(ctx, host, c, &corev1.HTTPGetAction{Scheme: corev1.URISchemeHTTPS, Path: tc.path, Port: intstr.FromString("https"),
			HTTPHeaders: []corev1.HTTPHeader{{Name: "Host", Value: "health.example"}, {Name: "X-Probe", Value: "1"}}})
		cancel()
		if (err == nil) != tc.ok {
			t.Errorf("%s: got %v, want ok %t: %s", tc.path, err, tc.ok, tc.reason)
		}
	}
}
