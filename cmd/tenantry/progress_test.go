package main

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// lockedBuffer is written by the task's goroutine and read by the test.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// since gives what was written since the last call.
func (l *lockedBuffer) since() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.b.String()
	l.b.Reset()
	return s
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		p := &progress{out: &out, width: func() int { return 30 }}
		step := func(d time.Duration) string {
			time.Sleep(d)
			synctest.Wait()
			return out.since()
		}

		quick := p.begin("read the fleet")
		step(patience / 2)
		quick.end()
		if got := step(time.Hour); got != "" {
			t.Errorf("what is quick said %q", got)
		}

		long := p.begin("fetch fleet.git")
		if got, want := step(patience), "\r\x1b[Kfetch fleet.git … 0 s"; got != want {
			t.Errorf("after a while it said %q, want %q", got, want)
		}
		step(2 * time.Second)
		long.at(3, 20)
		if got, want := step(refresh), "\r\x1b[Kfetch fleet.git … 3 of 20"; got != want {
			t.Errorf("on its way it said %q, want %q", got, want)
		}
		long.end()
		long.end()
		if got, want := out.since(), "\r\x1b[K"; got != want {
			t.Errorf("its end said %q, want %q", got, want)
		}

		wide := p.begin("fetch https://git.example.com/a/long/way/fleet.git")
		if got, want := step(patience), "\r\x1b[Kfetch https://git.example.co…"; got != want {
			t.Errorf("a long line is %q, want %q", got, want)
		}
		wide.end()
	})
}

// A file, a pipe and a log are no terminals: nothing is ever written there.
func TestProgressIsForTerminals(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range []*progress{newProgress(f), newProgress(&bytes.Buffer{}), nil} {
		task := p.begin("anything")
		task.at(1, 2)
		task.end()
		if task != nil {
			t.Error("it would have said something")
		}
	}
}
