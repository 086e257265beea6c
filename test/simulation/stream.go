package simulation

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// stream is a watch under way: frames travel one by one, in their order.
type stream struct {
	n       *network
	x       *exchange
	cluster *cluster
	watch   *apiserver.Watch
	// moving tells that a frame is under way.
	moving, over bool
	tries        int // of the frame under way

	mu     sync.Mutex
	buffer []byte
	end    error // after the buffer
	closed bool
	more   chan struct{}
}

// begin answers a watch.
func (n *network) begin(x *exchange, c *cluster) *http.Response {
	// When it ends is decided here: where days pass, nobody learns from watches that end
	// after minutes.
	r, query := x.request(), x.req.URL.Query()
	ends := query.Has("timeoutSeconds")
	query.Del("timeoutSeconds")
	r.URL.RawQuery = query.Encode()
	watch, refused := c.server.Watch(r)
	if refused != nil {
		return response(x.req, refused.Code, refused.Body)
	}
	s := &stream{n: n, x: x, cluster: c, watch: watch, more: make(chan struct{}, 1)}
	n.streams = append(n.streams, s)
	n.stirred = true
	if ends { // from five to ten, as clients ask for, at random
		five := 5 * n.w.settings.Interval
		n.w.after(five+time.Duration(n.w.random.Int64N(int64(five))), func() { s.finish(io.EOF) })
	}
	answer := response(x.req, http.StatusOK, nil)
	answer.Body, answer.ContentLength = s, -1
	return answer
}

// flow has all watches move that have something to tell.
func (n *network) flow() {
	if !n.stirred && time.Since(n.asked) < n.w.settings.Interval {
		return
	}
	n.stirred, n.asked = false, time.Now()
	n.streams = slices.DeleteFunc(n.streams, func(s *stream) bool {
		if !s.over && (s.x.life.dead() || s.isClosed()) {
			s.finish(errReset)
		}
		return s.over
	})
	for _, s := range n.streams {
		if !s.moving && s.watch.Pending() {
			s.moving = true
			s.travel()
		}
	}
}

// travel takes one frame from the server and has it arrive some time later.
func (s *stream) travel() {
	w := s.n.w
	frame, ended := s.watch.Next()
	w.after(w.lag(s), func() { s.deliver(frame, ended) })
}

func (s *stream) deliver(frame []byte, ended bool) {
	if s.over {
		return
	}
	if r := s.x.life.replica; r.paused && !s.x.life.dead() {
		r.held = append(r.held, func() { s.deliver(frame, ended) })
		return
	}
	if s.n.w.cut(s.x.life.replica, s.x.target) {
		// It is sent again and again, until it arrives or somebody gives up.
		if s.tries++; s.tries > 12 {
			s.finish(errReset)
			return
		}
		s.n.w.after(5*time.Second, func() { s.deliver(frame, ended) })
		return
	}
	s.tries = 0
	s.n.w.trace("sees", s.x, strconv.Itoa(len(frame)))
	s.push(frame, nil)
	switch {
	case ended:
		s.finish(io.EOF)
	case s.watch.Pending():
		s.travel()
	default:
		s.moving = false
	}
	s.n.stirred = true
}

// finish ends the stream with err, once.
func (s *stream) finish(err error) {
	if !s.over {
		s.over = true
		s.watch.Stop()
		s.push(nil, err)
	}
}

func (s *stream) push(frame []byte, end error) {
	s.mu.Lock()
	s.buffer = append(s.buffer, frame...)
	if end != nil && s.end == nil {
		s.end = end
	}
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// Read is the client's side.
func (s *stream) Read(p []byte) (int, error) {
	for {
		s.mu.Lock()
		if len(s.buffer) > 0 {
			n := copy(p, s.buffer)
			s.buffer = s.buffer[n:]
			s.mu.Unlock()
			return n, nil
		}
		end := s.end
		s.mu.Unlock()
		if end != nil {
			return 0, end
		}
		select {
		case <-s.more:
		case <-s.x.req.Context().Done():
			s.shut()
			return 0, s.x.req.Context().Err()
		case <-s.x.life.killed:
			return 0, errDead
		}
	}
}

// Close is the client's, too.
func (s *stream) Close() error {
	s.shut()
	return nil
}

func (s *stream) shut() {
	s.mu.Lock()
	s.closed = true
	if s.end == nil {
		s.end = io.ErrClosedPipe
	}
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	s.n.ring()
}

func (s *stream) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}
