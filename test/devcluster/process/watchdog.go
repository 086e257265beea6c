package process

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// Watchdog is the process that sweeps when its starter is gone.
type Watchdog struct {
	cmd  *exec.Cmd
	pipe *os.File
	done chan struct{}
}

// StartWatchdog starts binary as "devcluster watchdog". The files in hold stay
// open in it until the sweep has ended: what they claim stays claimed.
func StartWatchdog(binary, mark string, hold ...*os.File) (*Watchdog, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start watchdog: %w", err)
	}
	defer r.Close()
	cmd := &exec.Cmd{Path: binary, Args: []string{"devcluster", "watchdog", mark}, Env: marked(os.Environ(), "")}
	cmd.ExtraFiles = append([]*os.File{r}, hold...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // out of reach of the terminal's signals
	if err := cmd.Start(); err != nil {
		w.Close()
		return nil, fmt.Errorf("start watchdog: %w", err)
	}
	d := &Watchdog{cmd: cmd, pipe: w, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(d.done)
	}()
	return d, nil
}

// Done is closed when the watchdog has ended.
func (d *Watchdog) Done() <-chan struct{} { return d.done }

// Release lets the watchdog sweep and waits for its end.
func (d *Watchdog) Release() {
	d.pipe.Close()
	<-d.done
}

// Watch is the watchdog's main: it waits for the end of the pipe in file
// descriptor 3 and sweeps.
func Watch(mark string) error {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	pipe := os.NewFile(3, "pipe")
	if pipe == nil || mark == "" {
		return fmt.Errorf("watch: want a mark and a pipe as file descriptor 3")
	}
	_, _ = io.Copy(io.Discard, pipe) // ends when the last writer is gone
	if !Sweep(mark) {
		return fmt.Errorf("watch: processes marked %s are left", mark)
	}
	return nil
}
