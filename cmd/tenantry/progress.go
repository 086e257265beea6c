package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"
)

// progress tells a person at a terminal what takes long: in one line that is
// written over and gone at the end. For everybody else it says nothing.
type progress struct {
	out   io.Writer // nil says nothing
	width func() int
}

// What takes less than patience needs no word.
const (
	patience = 500 * time.Millisecond
	refresh  = 200 * time.Millisecond
)

// newProgress tells on stderr, if that is a terminal that can write over a line.
func newProgress(stderr io.Writer) *progress {
	f, ok := stderr.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return &progress{}
	}
	return &progress{out: f, width: func() int {
		width, _, err := term.GetSize(int(f.Fd()))
		if err != nil || width <= 0 {
			return 80
		}
		return width
	}}
}

// task is what is being done. Its methods may be called on nil and by several goroutines.
type task struct {
	what        string
	done, total atomic.Int64
	once        sync.Once
	stop, ended chan struct{}
}

// begin says what is being done from now on, until the task's end.
func (p *progress) begin(what string) *task {
	if p == nil || p.out == nil {
		return nil
	}
	t := &task{what: what, stop: make(chan struct{}), ended: make(chan struct{})}
	go t.show(p, time.Now())
	return t
}

// at says how far it is.
func (t *task) at(done, total int) {
	if t != nil {
		t.done.Store(int64(done))
		t.total.Store(int64(total))
	}
}

// end takes the line away, before anything else is printed.
func (t *task) end() {
	if t != nil {
		t.once.Do(func() { close(t.stop) })
		<-t.ended
	}
}

func (t *task) show(p *progress, began time.Time) {
	defer close(t.ended)
	tick := time.NewTimer(patience)
	defer tick.Stop()
	shown := false
	for {
		select {
		case <-t.stop:
			if shown {
				fmt.Fprint(p.out, "\r\x1b[K")
			}
			return
		case <-tick.C:
			fmt.Fprint(p.out, "\r\x1b[K"+fitting(t.line(time.Since(began)), p.width()-1))
			shown = true
			tick.Reset(refresh)
		}
	}
}

func (t *task) line(since time.Duration) string {
	if total := t.total.Load(); total > 0 {
		return fmt.Sprintf("%s … %d of %d", t.what, t.done.Load(), total)
	}
	return fmt.Sprintf("%s … %d s", t.what, int(since.Seconds()))
}

// fitting cuts a line that would wrap: a wrapped one cannot be written over.
func fitting(line string, width int) string {
	runes := []rune(line)
	if len(runes) <= width {
		return line
	}
	return string(runes[:max(width-1, 0)]) + "…"
}
