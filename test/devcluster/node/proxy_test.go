package node

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// echo answers every connection with what it said, once it has said all.
func echo(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b, _ := io.ReadAll(c)
			_, _ = c.Write(b)
			c.Close()
		}
	}()
	return l
}

func serveForwarder(t *testing.T, backends ...string) *forwarder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &forwarder{name: "ns/s", listener: l, backends: backends}
	t.Cleanup(func() { l.Close() })
	go f.serve()
	return f
}

// say sends b through the forwarder and returns the answer.
func say(f *forwarder, b []byte) ([]byte, error) {
	c, err := net.Dial("tcp", f.listener.Addr().String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Write(b); err != nil {
		return nil, err
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return nil, err
	}
	return io.ReadAll(c)
}

func TestForward(t *testing.T) {
	backend := echo(t)
	f := serveForwarder(t, backend.Addr().String())
	long := bytes.Repeat([]byte("x"), 1<<20)
	// The answer begins after the question's end: both directions end by themselves.
	if got, err := say(f, long); err != nil || !bytes.Equal(got, long) {
		t.Errorf("got %d bytes, %v; want %d", len(got), err, len(long))
	}
	backend.Close()
	if _, err := say(f, nil); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("nobody behind it: got %v, want a reset, which no client takes for an empty answer", err)
	}
}

func TestForwardTakesTurns(t *testing.T) {
	f := &forwarder{backends: []string{"a", "b"}}
	seen := map[string]int{}
	for range 6 {
		seen[f.next()]++
	}
	if seen["a"] != 3 || seen["b"] != 3 {
		t.Errorf("got %v", seen)
	}
	f.setBackends([]string{"c"})
	if got := f.next(); got != "c" {
		t.Errorf("got %s, which is gone", got)
	}
}

func TestPatientDial(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	dial := patientDial(ctx)
	dialled := make(chan error, 1)
	go func() {
		c, err := dial(context.Background(), "tcp", address)
		if err == nil {
			c.Close()
		}
		dialled <- err
	}()
	// Refused now and accepted later: one call is enough.
	if _, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("somebody else took %s: %v", address, err)
	}
	if l, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	if err := <-dialled; err != nil {
		t.Errorf("got %v", err)
	}
	l.Close()
	cancel()
	if _, err := dial(context.Background(), "tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the node ends: got %v, want no more patience", err)
	}
}
