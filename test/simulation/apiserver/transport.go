package apiserver

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
)

// Transport gives clients a Server without anything between: requests are answered one
// after the other, in the order in which they come. Watches wait in real time for what
// happens. Any goroutine may use it; whoever calls the Server beside it does so in Do.
type Transport struct {
	mu      sync.Mutex
	changed *sync.Cond
	server  *Server
}

// NewTransport makes a way to a server.
func NewTransport(s *Server) *Transport {
	t := &Transport{server: s}
	t.changed = sync.NewCond(&t.mu)
	return t
}

// Do has something done to the server while no request is answered.
func (t *Transport) Do(do func(*Server)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	do(t.server)
	t.changed.Broadcast()
}

// RoundTrip answers a request.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.changed.Broadcast()
	if !IsWatch(r) {
		w := httptest.NewRecorder()
		t.server.ServeHTTP(w, r)
		response := w.Result()
		response.Request = r
		return response, nil
	}
	watch, no := t.server.Watch(r)
	if no != nil {
		return response(r, no.Code, io.NopCloser(bytes.NewReader(no.Body))), nil
	}
	s := &stream{transport: t, watch: watch}
	stop := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		s.cut = r.Context().Err()
		watch.Stop()
		t.changed.Broadcast()
	}
	done := make(chan struct{})
	s.closed = sync.OnceFunc(func() { close(done) })
	go func() {
		select {
		case <-r.Context().Done():
			stop()
		case <-done:
			stop()
		}
	}()
	return response(r, http.StatusOK, s), nil
}

func response(r *http.Request, code int, body io.ReadCloser) *http.Response {
	return &http.Response{
		StatusCode: code, Status: fmt.Sprintf("%d %s", code, http.StatusText(code)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: body, ContentLength: -1, Request: r,
	}
}

// stream is the body of a watch's answer.
type stream struct {
	transport *Transport
	watch     *Watch
	left      []byte
	ended     bool
	cut       error
	closed    func()
}

// Read gives what is there of frames, and waits for one when there is none.
func (s *stream) Read(p []byte) (int, error) {
	t := s.transport
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(s.left) == 0 {
		switch {
		case s.cut != nil:
			return 0, s.cut
		case s.ended:
			return 0, io.EOF
		case s.watch.Pending():
			s.left, s.ended = s.watch.Next()
		default:
			t.changed.Wait()
		}
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}

// Close ends the watch.
func (s *stream) Close() error {
	s.closed()
	return nil
}
