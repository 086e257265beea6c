package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// printer writes for a person.
type printer struct {
	w      io.Writer
	colour bool
	began  time.Time
	last   time.Time
}

func newPrinter(w io.Writer) *printer {
	now := time.Now()
	return &printer{w: w, colour: terminal(w) && os.Getenv("NO_COLOR") == "", began: now, last: now}
}

func terminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (p *printer) line(format string, args ...any) {
	p.last = time.Now()
	fmt.Fprintf(p.w, format+"\n", args...)
}

func (p *printer) bold(s string) string {
	if !p.colour {
		return s
	}
	return "\x1b[1m" + s + "\x1b[0m"
}

// step begins a numbered step.
func (p *printer) step(n, of int, title string) {
	p.line("")
	p.line("%s", p.bold(fmt.Sprintf("%d/%d  %s", n, of, title)))
}

// command shows a command as it is typed.
func (p *printer) command(c string) { p.line("  $ %s", p.bold(c)) }

// text shows what a command printed.
func (p *printer) text(s string) {
	for line := range strings.Lines(strings.TrimRight(s, "\n")) {
		p.line("%s", strings.TrimRight("    "+line, " \n"))
	}
}

// progress says what is new, with the seconds since the demo began.
func (p *printer) progress(format string, args ...any) {
	p.line("  %4.0f s  %s", time.Since(p.began).Seconds(), fmt.Sprintf(format, args...))
}

// silentFor is how long nothing was printed.
func (p *printer) silentFor() time.Duration { return time.Since(p.last) }

// span is how long something took.
type span struct {
	what string
	took time.Duration
}

func (p *printer) spans(spans []span) {
	for _, s := range spans {
		p.line("  %6.1f s  %s", s.took.Seconds(), s.what)
	}
}

// oneLine folds an error's text into one line.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
