package gittest

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

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
