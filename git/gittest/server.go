package gittest

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/cgi"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Options of a Server.
type Options struct {
	// Root is the folder whose repositories are served.
	Root string
	// Address is a loopback address with a port; empty takes any free port.
	Address string
	// Username and Password are demanded by basic authentication when set; for
	// pushing WriteUsername and WritePassword instead, when they are set.
	Username, Password           string
	WriteUsername, WritePassword string
	// Token is demanded as bearer when set.
	Token string
}

// Server serves the repositories below a folder over smart HTTP, for reading and
// writing.
type Server struct {
	opts    Options
	backend string
	address string

	mu     sync.Mutex
	http   *http.Server
	ended  chan struct{}
	faults Faults
	counts map[string]int
	// answering are requests under way.
	answering sync.WaitGroup
}

// Faults are what goes wrong. Numbers count down with each fault.
type Faults struct {
	// LoseAcknowledgements of that many pushes: the push is carried out, then the
	// connection breaks without an answer.
	LoseAcknowledgements int
	// LosePushes: the connection breaks before the push is carried out.
	LosePushes int
	// LoseLists: the connection breaks when references are asked for.
	LoseLists int
	// CutFetches after that many bytes of the pack; 0 is not at all.
	CutFetches int
	// Hang until the server stops or the client goes away; OnHang, when set, is
	// called before.
	Hang   bool
	OnHang func()
	// Status is answered to everything when set, with Header.
	Status int
	Header http.Header
	// BeforePush, when set, is called once before anything is done about a push, and
	// BeforeFetch before each fetch.
	BeforePush, BeforeFetch func()
	// OnRefuse, when set, is called when a key of SSH is refused.
	OnRefuse func()
	// AfterPush, when set, is called once after a push was carried out and before
	// it is acknowledged.
	AfterPush func()
}

// Serve starts a server. Stop ends it.
func Serve(opts Options) (*Server, error) {
	path, err := exec.CommandContext(context.Background(), "git", "--exec-path").Output()
	if err != nil {
		return nil, fmt.Errorf("find git: %w", err)
	}
	if opts.Address == "" {
		opts.Address = "127.0.0.1:0"
	}
	s := &Server{
		opts: opts, backend: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		address: opts.Address, counts: map[string]int{},
	}
	if s.opts.Root, err = filepath.Abs(opts.Root); err != nil {
		return nil, err
	}
	if _, err := exec.LookPath(s.backend); err != nil {
		return nil, fmt.Errorf("find git-http-backend: %w", err)
	}
	return s, s.Start()
}

// Start serves again after Stop, on the same address.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http != nil {
		return errors.New("start Git server: it is running")
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", s.address)
	if err != nil {
		return fmt.Errorf("start Git server: %w", err)
	}
	s.address = listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{Handler: s, BaseContext: func(net.Listener) context.Context { return ctx }}
	ended := make(chan struct{})
	s.http, s.ended = server, ended
	go func() {
		defer close(ended)
		defer cancel()
		_ = server.Serve(listener)
	}()
	return nil
}

// Stop breaks all connections and refuses new ones. When it returns, nothing
// writes to the repositories any more.
func (s *Server) Stop() {
	s.mu.Lock()
	server, ended := s.http, s.ended
	s.http = nil
	s.mu.Unlock()
	if server == nil {
		return
	}
	_ = server.Close()
	<-ended
	quiet := make(chan struct{})
	go func() {
		defer close(quiet)
		s.answering.Wait()
	}()
	select {
	case <-quiet:
	case <-time.After(stopTimeout): // a hook of a test's that waits for the test
	}
}

// stopTimeout bounds how long Stop waits for what git still does: a push whose
// client is gone goes on writing to the repository.
const stopTimeout = 10 * time.Second

// URL of a repository by its folder's name.
func (s *Server) URL(repo string) string { return "http://" + s.address + "/" + repo }

// Create makes an empty repository below the root.
func (s *Server) Create(name string, args ...string) (*Repo, error) {
	return Init(filepath.Join(s.opts.Root, name), args...)
}

// Fail sets what goes wrong from now on; the zero value is nothing.
func (s *Server) Fail(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Requests counts, since the start, by kind: "list", "fetch", "list for push", "push".
func (s *Server) Requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

func kindOf(r *http.Request) string {
	switch {
	case strings.HasSuffix(r.URL.Path, "/git-receive-pack"):
		return "push"
	case strings.HasSuffix(r.URL.Path, "/git-upload-pack"):
		return "fetch"
	case r.URL.Query().Get("service") == "git-receive-pack":
		return "list for push"
	}
	return "list"
}

// ServeHTTP answers one request, faults applied.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.answering.Add(1)
	defer s.answering.Done()
	kind := kindOf(r)
	s.mu.Lock()
	s.counts[kind]++
	faults := s.faults
	lost := take(kind == "push", &s.faults.LosePushes) || take(strings.HasPrefix(kind, "list"), &s.faults.LoseLists)
	loseAck := take(kind == "push" && !lost, &s.faults.LoseAcknowledgements)
	if kind == "push" {
		s.faults.BeforePush = nil
	}
	if kind == "push" && !lost {
		s.faults.AfterPush = nil
	}
	s.mu.Unlock()

	if kind == "push" && faults.BeforePush != nil {
		faults.BeforePush()
	}
	if kind == "fetch" && faults.BeforeFetch != nil {
		faults.BeforeFetch()
	}
	switch {
	case faults.Hang:
		if faults.OnHang != nil {
			faults.OnHang()
		}
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case lost:
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	case faults.Status != 0:
		maps.Copy(w.Header(), faults.Header)
		w.WriteHeader(faults.Status)
		return
	case !s.admits(r, kind):
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "give a name and a password", http.StatusUnauthorized)
		return
	}
	answer := &recorder{header: http.Header{}, status: http.StatusOK}
	s.git().ServeHTTP(answer, r)
	if kind == "push" && faults.AfterPush != nil {
		faults.AfterPush()
	}
	if loseAck {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), answer.header)
	w.WriteHeader(answer.status)
	if kind == "fetch" && faults.CutFetches > 0 && answer.body.Len() > faults.CutFetches {
		_, _ = w.Write(answer.body.Bytes()[:faults.CutFetches])
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(answer.body.Bytes())
}

func take(applies bool, n *int) bool {
	if !applies || *n == 0 {
		return false
	}
	*n--
	return true
}

// Demand changes what is demanded from now on; of the options, only the credentials
// matter.
func (s *Server) Demand(opts Options) {
	s.mu.Lock()
	defer s.mu.Unlock()
	opts.Root, opts.Address = s.opts.Root, s.opts.Address
	s.opts = opts
}

func (s *Server) admits(r *http.Request, kind string) bool {
	s.mu.Lock()
	opts := s.opts
	s.mu.Unlock()
	if opts.Token != "" {
		return equal(r.Header.Get("Authorization"), "Bearer "+opts.Token)
	}
	if strings.HasSuffix(kind, "push") && opts.WritePassword != "" {
		opts.Username, opts.Password = opts.WriteUsername, opts.WritePassword
	}
	if opts.Username == "" && opts.Password == "" {
		return true
	}
	name, password, _ := r.BasicAuth()
	return equal(name, opts.Username) && equal(password, opts.Password)
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (s *Server) git() http.Handler {
	env := append(cleanEnv(), "GIT_PROJECT_ROOT="+s.opts.Root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=person")
	return &cgi.Handler{Path: s.backend, Env: env, Stderr: io.Discard}
}

// recorder holds an answer back until it is decided whether it is given.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }
