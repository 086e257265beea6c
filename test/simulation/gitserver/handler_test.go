package gitserver_test

import (
	"net/http"
	"net/http/httptest"

	"github.com/tenantry/tenantry/test/simulation/gitserver"
)

// direct sends requests to a simulated host without a network.
type direct struct{ server *gitserver.Server }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.server.ServeHTTP(w, r)
	res := w.Result()
	res.Request = r
	return res, nil
}
