package gittest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
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
