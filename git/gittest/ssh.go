package gittest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// SSHServer serves the repositories below a folder over SSH on loopback, to whom it
// admits.
type SSHServer struct {
	root     string
	listener net.Listener
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex
	hostKey ssh.Signer
	admits  map[string]bool // a key on the wire → it may push
	faults  Faults
	counts  map[string]int
	open    map[net.Conn]bool
}

// ServeSSH starts a server with a new host key. Stop ends it.
func ServeSSH(root string) (*SSHServer, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	s := &SSHServer{root: root, admits: map[string]bool{}, counts: map[string]int{}, open: map[net.Conn]bool{}}
	if err := s.ChangeHostKey(); err != nil {
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if s.listener, err = (&net.ListenConfig{}).Listen(s.ctx, "tcp", "127.0.0.1:0"); err != nil {
		s.cancel()
		return nil, fmt.Errorf("start SSH server: %w", err)
	}
	s.running.Go(s.accept)
	return s, nil
}

// Stop breaks all connections and waits for the services to end.
func (s *SSHServer) Stop() {
	s.cancel()
	_ = s.listener.Close()
	s.mu.Lock()
	for conn := range s.open {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// URL of a repository by its folder's name; the user is git.
func (s *SSHServer) URL(repo string) string {
	return "ssh://git@" + s.listener.Addr().String() + "/" + repo
}

// KnownHosts is the line by which the server is known.
func (s *SSHServer) KnownHosts() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return knownhosts.Line([]string{s.listener.Addr().String()}, s.hostKey.PublicKey()) + "\n"
}

// ChangeHostKey gives the server another key, as a reinstalled host has one.
func (s *SSHServer) ChangeHostKey() error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hostKey = signer
	return nil
}

// Admit lets whoever has a key read, and push when write is set.
func (s *SSHServer) Admit(key ssh.PublicKey, write bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.admits[string(key.Marshal())] = write
}

// Expel admits a key no more.
func (s *SSHServer) Expel(key ssh.PublicKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.admits, string(key.Marshal()))
}

// Fail sets what goes wrong from now on; Status, Header, BeforePush and BeforeFetch do not
// exist over SSH.
func (s *SSHServer) Fail(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Requests counts as Server.Requests does.
func (s *SSHServer) Requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// NewKey writes a new private key to a file, as ssh-keygen does, and gives its public
// half. With a passphrase it is locked.
func NewKey(file, passphrase string) (ssh.PublicKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	return ssh.NewPublicKey(public)
}

func (s *SSHServer) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.open[conn] = true
		s.mu.Unlock()
		s.running.Go(func() {
			s.serve(conn)
			_ = conn.Close()
			s.mu.Lock()
			delete(s.open, conn)
			s.mu.Unlock()
		})
	}
}

func (s *SSHServer) serve(conn net.Conn) {
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		s.mu.Lock()
		write, admitted := s.admits[string(key.Marshal())]
		onRefuse := s.faults.OnRefuse
		s.mu.Unlock()
		if !admitted {
			if onRefuse != nil {
				onRefuse()
			}
			return nil, errors.New("unknown key")
		}
		return &ssh.Permissions{Extensions: map[string]string{"write": fmt.Sprint(write)}}, nil
	}}
	s.mu.Lock()
	config.AddHostKey(s.hostKey)
	s.mu.Unlock()
	client, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	var sessions sync.WaitGroup
	for offered := range channels {
		if offered.ChannelType() != "session" {
			_ = offered.Reject(ssh.UnknownChannelType, "sessions only")
			continue
		}
		channel, asked, err := offered.Accept()
		if err != nil {
			break
		}
		sessions.Go(func() {
			for r := range asked {
				var command struct{ Text string }
				if r.Type != "exec" || ssh.Unmarshal(r.Payload, &command) != nil {
					_ = r.Reply(false, nil)
					continue
				}
				_ = r.Reply(true, nil)
				go ssh.DiscardRequests(asked)
				s.run(conn, channel, command.Text, client.Permissions.Extensions["write"] == "true")
				return
			}
		})
	}
	sessions.Wait()
}

// run is the command `git-upload-pack 'path'` of a session, or git-receive-pack.
func (s *SSHServer) run(conn net.Conn, channel ssh.Channel, command string, write bool) {
	defer func() { _ = channel.Close() }()
	exit := func(code uint32) {
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{code}))
	}
	service, path, _ := strings.Cut(command, " ")
	path = strings.TrimPrefix(strings.Trim(path, "'"), "/")
	dir := filepath.Join(s.root, filepath.FromSlash(path))
	pushing := service == "git-receive-pack"
	switch _, err := os.Stat(dir); {
	case err != nil || !filepath.IsLocal(path):
		_, _ = io.WriteString(channel.Stderr(), "ERROR: Repository not found.\n")
	case pushing && !write:
		_, _ = io.WriteString(channel.Stderr(), "ERROR: This key is marked as read only.\n")
	case pushing || service == "git-upload-pack":
		s.git(conn, channel, strings.TrimPrefix(service, "git-"), dir)
		exit(0)
		return
	default:
		_, _ = io.WriteString(channel.Stderr(), "ERROR: not a service: "+service+"\n")
	}
	exit(1)
}

// git lets the installed git talk with the client, faults applied.
func (s *SSHServer) git(conn net.Conn, channel ssh.Channel, service, dir string) {
	list, request := "list", "fetch"
	if service == "receive-pack" {
		list, request = "list for push", "push"
	}
	faults, lost := s.begin(list)
	if lost {
		_ = conn.Close()
		return
	}
	if faults.Hang {
		if faults.OnHang != nil {
			faults.OnHang()
		}
		_, _ = io.Copy(io.Discard, channel)
		return
	}
	// What the client asks shows only after the list was sent: until then nothing
	// is held back.
	out := &answer{channel: channel, limit: -1}
	in := &opening{channel: channel}
	var cut bool
	in.first = func(head []byte) bool {
		if bytes.Equal(head, []byte("0000")) {
			return true
		}
		faults, lost := s.begin(request)
		if lost {
			_, _ = io.Copy(io.Discard, io.LimitReader(channel, 1)) // it has begun to send
			_ = conn.Close()
			return false
		}
		if request == "fetch" && faults.CutFetches > 0 {
			out.setLimit(faults.CutFetches)
			cut = true
		}
		if request == "push" && (faults.LoseAcknowledgements > 0 || faults.AfterPush != nil) {
			out.hold()
		}
		return true
	}
	cmd := exec.CommandContext(s.ctx, "git", service, dir)
	cmd.Env, cmd.Stdout, cmd.Stderr = cleanEnv(), out, channel.Stderr()
	stdin, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		return
	}
	go func() {
		_, _ = io.Copy(stdin, in)
		_ = stdin.Close()
	}()
	_ = cmd.Wait()
	s.mu.Lock()
	loseAck := take(out.held(), &s.faults.LoseAcknowledgements)
	after := s.faults.AfterPush
	if out.held() {
		s.faults.AfterPush = nil
	}
	s.mu.Unlock()
	if out.held() && after != nil {
		after()
	}
	if loseAck || cut {
		_ = conn.Close()
		return
	}
	out.release()
}

// begin counts a step of a conversation and tells what goes wrong with it.
func (s *SSHServer) begin(kind string) (faults Faults, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[kind]++
	faults = s.faults
	return faults, take(kind == "push", &s.faults.LosePushes) || take(strings.HasPrefix(kind, "list"), &s.faults.LoseLists)
}

// opening shows how a request begins before git reads it.
type opening struct {
	channel ssh.Channel
	first   func(head []byte) bool
	head    []byte
	begun   bool
}

func (r *opening) Read(p []byte) (int, error) {
	if !r.begun {
		r.begun = true
		head := make([]byte, 4)
		if _, err := io.ReadFull(r.channel, head); err != nil {
			return 0, io.EOF
		}
		if !r.first(head) {
			return 0, io.EOF
		}
		r.head = head
	}
	if len(r.head) > 0 {
		n := copy(p, r.head)
		r.head = r.head[n:]
		return n, nil
	}
	return r.channel.Read(p)
}

// answer passes on what git says: all of it, so many bytes, or nothing until it is
// decided what to do with it.
type answer struct {
	mu      sync.Mutex
	channel ssh.Channel
	limit   int // negative is none
	holding bool
	kept    bytes.Buffer
}

func (a *answer) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.holding {
		return a.kept.Write(p)
	}
	shown := p
	if a.limit >= 0 {
		shown = p[:min(len(p), a.limit)]
		a.limit -= len(shown)
	}
	if _, err := a.channel.Write(shown); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (a *answer) setLimit(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.limit = n
}

func (a *answer) hold() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.holding = true
}

func (a *answer) held() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.holding
}

func (a *answer) release() {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, _ = a.channel.Write(a.kept.Bytes())
	a.kept.Reset()
}
