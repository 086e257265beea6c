package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshRemote speaks Git's protocol over SSH: the service is a command that the host
// runs, and one connection is one conversation with it.
//
//	dial ─► host key ─► our key ─► git-upload-pack 'path' ─► list ─► request ─► answer
type sshRemote struct {
	user, address, path string
	name                string // for people
	opts                Options
}

func newSSH(where *url.URL, opts Options) (*sshRemote, error) {
	s := &sshRemote{user: where.User.Username(), path: where.Path, opts: opts}
	port := where.Port()
	if port == "" {
		port = "22"
	}
	s.address = net.JoinHostPort(where.Hostname(), port)
	s.name = "ssh://" + s.user + "@" + where.Host + where.Path
	switch {
	case where.Opaque != "":
		s.path = where.Opaque
		s.name = s.user + "@" + where.Host + ":" + s.path
	case strings.HasPrefix(s.path, "/~"):
		s.path = s.path[1:] // somebody's home
	}
	// What is wrong with the files is told at once, not when they are first needed.
	for _, who := range []Credentials{opts.who(uploadPack), opts.who(receivePack)} {
		if _, _, err := who.privateKey(); err != nil {
			return nil, err
		}
	}
	_, err := readHostKeys(opts.KnownHostsFile, s.address)
	return s, err
}

func (s *sshRemote) String() string { return s.name }

func (s *sshRemote) close() {} // conversations end with their contexts

func (s *sshRemote) advertise(ctx context.Context, service string) (*advertisement, error) {
	talk, adv, err := s.begin(ctx, service)
	if err != nil {
		return nil, err
	}
	adv.ask = func(ctx context.Context, request []byte) (io.ReadCloser, error) {
		if talk.asked {
			var err error // one conversation takes one request
			if talk, _, err = s.begin(ctx, service); err != nil {
				return nil, err
			}
		}
		return talk.ask(request)
	}
	return adv, nil
}

// begin starts a conversation and hears the list of references.
func (s *sshRemote) begin(ctx context.Context, service string) (*conversation, *advertisement, error) {
	talk, err := s.connect(ctx, service)
	if err != nil {
		return nil, nil, err
	}
	adv, err := readAdvertisement(io.LimitReader(talk, maxAdvertisement))
	if err != nil {
		err = tagged(talk.explain(err), ErrUnreachable, "list references of "+s.name)
		talk.end()
		return nil, nil, err
	}
	return talk, adv, nil
}

// connect starts a service. A key that is refused is read again, and shown once more if
// it has changed meanwhile.
func (s *sshRemote) connect(ctx context.Context, service string) (*conversation, error) {
	who := s.opts.who(service)
	key, shown, err := who.privateKey()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAuth, err)
	}
	talk, err := s.dial(ctx, service, key)
	if errors.Is(err, ErrAuth) {
		if key, now, unread := who.privateKey(); unread == nil && now != shown {
			return s.dial(ctx, service, key)
		}
	}
	return talk, err
}

func (s *sshRemote) dial(ctx context.Context, service string, key ssh.Signer) (*conversation, error) {
	unreachable := func(err error) error { return fmt.Errorf("%w: %s: %w", ErrUnreachable, s.name, err) }
	known, err := readHostKeys(s.opts.KnownHostsFile, s.address)
	if err != nil {
		return nil, unreachable(err)
	}
	raw, err := (&net.Dialer{Timeout: s.opts.Timeout}).DialContext(ctx, "tcp", s.address)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, unreachable(err)
	}
	talk := &conversation{ctx: ctx, line: &patientConn{Conn: raw, patience: s.opts.Timeout}}
	talk.stop = context.AfterFunc(ctx, func() { _ = raw.Close() })
	err = talk.start(s.address, service+" "+quote(s.path), &ssh.ClientConfig{
		User: s.user, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)},
		HostKeyCallback: known.check, HostKeyAlgorithms: known.algorithms, ClientVersion: "SSH-2.0-tenantry",
	})
	if err == nil {
		return talk, nil
	}
	err = talk.explain(err)
	talk.end()
	var kinds *ssh.AlgorithmNegotiationError
	switch {
	case known.refused != nil:
		err = known.refused
	case strings.Contains(err.Error(), "unable to authenticate"): // it has no type
		return nil, fmt.Errorf("%w: %s does not accept the key %s (%s) of user %s",
			ErrAuth, s.name, ssh.FingerprintSHA256(key.PublicKey()), key.PublicKey().Type(), s.user)
	case errors.As(err, &kinds) && len(known.algorithms) > 0:
		err = fmt.Errorf("%w; if it was given a key of another kind, put that into %s", err, s.opts.KnownHostsFile)
	}
	return nil, unreachable(err)
}

// quote makes a path one word for the host's shell.
func quote(path string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(path) + "'"
}

// conversation is one run of a service at the other end.
type conversation struct {
	ctx    context.Context // of who began it, for the reason why it ended
	line   *patientConn
	stop   func() bool
	client *ssh.Client
	run    *ssh.Session
	in     io.WriteCloser
	out    io.Reader
	said   heard
	asked  bool
}

func (c *conversation) start(address, command string, config *ssh.ClientConfig) error {
	conn, channels, requests, err := ssh.NewClientConn(c.line, address, config)
	if err != nil {
		return err
	}
	c.client = ssh.NewClient(conn, channels, requests)
	if c.run, err = c.client.NewSession(); err != nil {
		return err
	}
	c.run.Stderr = &c.said
	if c.in, err = c.run.StdinPipe(); err != nil {
		return err
	}
	if c.out, err = c.run.StdoutPipe(); err != nil {
		return err
	}
	return c.run.Start(command)
}

func (c *conversation) Read(p []byte) (int, error) { return c.out.Read(p) }

func (c *conversation) ask(request []byte) (io.ReadCloser, error) {
	c.asked = true
	if _, err := c.in.Write(request); err != nil {
		err = c.explain(err)
		c.end()
		return nil, tagged(err, ErrUnreachable, "send request")
	}
	return &spoken{c}, nil
}

// end hangs up. The service is not told before: without a request it does nothing.
func (c *conversation) end() {
	c.stop()
	_ = c.line.Close()
}

// explain says why the conversation broke off: what ended it here, or the last words
// from there.
func (c *conversation) explain(err error) error {
	var slow net.Error
	switch {
	case c.ctx.Err() != nil:
		return context.Cause(c.ctx)
	case errors.As(err, &slow) && slow.Timeout(), c.line.silent():
		return fmt.Errorf("the remote was silent for %s", c.line.patience)
	case c.run == nil:
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		_ = c.run.Wait() // until all of what it said is here; the line's patience bounds it
	}
	if words := c.said.String(); words != "" {
		return fmt.Errorf("%w: remote: %s", err, words)
	}
	return err
}

// spoken is an answer; whoever closes it ends the conversation.
type spoken struct{ *conversation }

func (s *spoken) Read(p []byte) (int, error) {
	n, err := s.conversation.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || err != nil && s.line.silent() {
		err = fmt.Errorf("%w: %w", ErrUnreachable, s.explain(noEOF(err)))
	}
	return n, err
}

func (s *spoken) Close() error {
	s.end()
	return nil
}

// heard keeps the words that a service says beside its answer. They come in while
// others read them.
type heard struct {
	mu    sync.Mutex
	words words
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.words.add(p)
	return len(p), nil
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.words.String()
}

// patientConn gives a connection up after a silence: when for so long nothing came, and
// nothing could be sent.
type patientConn struct {
	net.Conn
	patience time.Duration

	mu       sync.Mutex
	timedOut bool
}

func (p *patientConn) Read(b []byte) (int, error) { return p.watched(p.Conn.Read, b) }

func (p *patientConn) Write(b []byte) (int, error) { return p.watched(p.Conn.Write, b) }

func (p *patientConn) watched(do func([]byte) (int, error), b []byte) (int, error) {
	_ = p.SetDeadline(time.Now().Add(p.patience)) // of a closed connection: do says so
	n, err := do(b)
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		p.mu.Lock()
		p.timedOut = true
		p.mu.Unlock()
	}
	return n, err
}

// silent tells whether the connection was given up. What waits on a channel of SSH
// hears of it as an ordinary end.
func (p *patientConn) silent() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.timedOut
}
