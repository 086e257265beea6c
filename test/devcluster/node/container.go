package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tenantry/tenantry/test/devcluster/process"
)

const (
	// Restarts wait nothing at first, then firstBackoff, doubled up to maxBackoff:
	// a tenth of a kubelet's waits, since tests wait too.
	firstBackoff = 500 * time.Millisecond
	maxBackoff   = 10 * time.Second
	// steady is how long a container must run for its failures to be forgotten.
	steady = 30 * time.Second
	// exitNotStarted is what container runtimes report for a program that isn't there.
	exitNotStarted = 128
)

// runContainer runs a container, and again as the restart policy says. It is
// true when the container has ended well and for good.
func (w *worker) runContainer(i int, init bool) bool {
	var backoff time.Duration
	for w.terminating.Err() == nil {
		p := w.current()
		c, policy := &p.Spec.Containers, p.Spec.RestartPolicy
		if init {
			c = &p.Spec.InitContainers
		}
		began := time.Now()
		code, started := w.runOnce(p, &(*c)[i], i, init)
		if w.terminating.Err() != nil {
			return false
		}
		if started && code == 0 && (init || policy != corev1.RestartPolicyAlways) {
			return true
		}
		if started && policy == corev1.RestartPolicyNever {
			return false
		}
		if time.Since(began) > steady {
			backoff = 0
		}
		w.waitForRestart(i, init, started, backoff)
		backoff = min(max(2*backoff, firstBackoff), maxBackoff)
	}
	return false
}

func (w *worker) waitForRestart(i int, init, started bool, backoff time.Duration) {
	w.update(func(s *podState) {
		c := s.container(i, init)
		if started {
			c.RestartCount++
			if backoff > 0 {
				c.LastTerminationState = c.State
				c.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff",
					Message: fmt.Sprintf("back-off %s restarting failed container %s", backoff, c.Name)}}
			}
		}
	})
	select {
	case <-w.terminating.Done():
	case <-time.After(backoff):
	}
}

// runOnce runs a container from start to end. A container whose image or
// configuration is wrong has not started.
func (w *worker) runOnce(p *corev1.Pod, c *corev1.Container, i int, init bool) (code int32, started bool) {
	set := func(f func(*corev1.ContainerStatus)) { w.update(func(s *podState) { f(s.container(i, init)) }) }
	refuse := func(reason string, err error) (int32, bool) {
		w.n.events.Event(p, corev1.EventTypeWarning, reason, err.Error())
		set(func(s *corev1.ContainerStatus) {
			s.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: err.Error()}}
		})
		return 0, false
	}
	if init && c.RestartPolicy != nil {
		return refuse("CreateContainerConfigError", errors.New("sidecar init containers are not supported"))
	}
	env, err := w.env(p, c)
	if err != nil {
		return refuse("CreateContainerConfigError", err)
	}
	cmd, err := w.command(c, env, c.Command, c.Args)
	if errors.Is(err, errImage) {
		return refuse("ErrImagePull", err)
	}
	start := metav1.Now()
	ended := func(code int32, reason, message string) (int32, bool) {
		set(func(s *corev1.ContainerStatus) {
			s.LastTerminationState = corev1.ContainerState{}
			s.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message,
				StartedAt: start, FinishedAt: metav1.Now(), ContainerID: s.ContainerID}}
			no := false
			s.Started, s.Ready = &no, init && code == 0
		})
		return code, true
	}
	if err == nil {
		err = w.startLogged(cmd, c.Name)
	}
	if err != nil {
		w.n.events.Event(p, corev1.EventTypeWarning, "Failed", err.Error())
		return ended(exitNotStarted, "StartError", err.Error())
	}
	set(func(s *corev1.ContainerStatus) {
		yes := c.StartupProbe == nil
		s.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: start}}
		s.Image, s.ImageID = c.Image, c.Image
		s.ContainerID = fmt.Sprintf("process://%d", cmd.Process.Pid)
		s.Started, s.Ready = &yes, yes && c.ReadinessProbe == nil && !init
	})
	w.attend(p, c, cmd, env, set)
	code = exitCode(cmd.ProcessState)
	if code == 0 {
		return ended(0, "Completed", "")
	}
	return ended(code, "Error", "")
}

// attend probes a running container, ends it when it is unhealthy or its time
// has come, and returns when all its processes are gone.
func (w *worker) attend(p *corev1.Pod, c *corev1.Container, cmd *exec.Cmd, env map[string]string, set func(func(*corev1.ContainerStatus))) {
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended stands in ProcessState
		process.KillGroup(cmd.Process.Pid)
		close(exited)
	}()
	ctx, cancel := context.WithCancel(w.terminating)
	defer cancel()
	unhealthy := w.startProbes(ctx, p, c, env, set)
	select {
	case <-exited:
		return
	case why := <-unhealthy:
		w.n.events.Event(p, corev1.EventTypeWarning, "Unhealthy", why.message)
		grace := w.grace()
		if why.grace != nil {
			grace = time.Duration(*why.grace) * time.Second
		}
		w.stop(c, cmd, env, exited, grace)
	case <-w.terminating.Done():
		w.stop(c, cmd, env, exited, w.grace())
	}
}

// stop ends a container: its preStop hook, SIGTERM, and SIGKILL after grace.
func (w *worker) stop(c *corev1.Container, cmd *exec.Cmd, env map[string]string, exited <-chan struct{}, grace time.Duration) {
	ctx, cancel := context.WithTimeout(w.killed, grace)
	defer cancel()
	// A node that ends does not wait for the hooks either.
	if c.Lifecycle != nil && c.Lifecycle.PreStop != nil && w.n.stopping.Err() == nil {
		w.preStop(ctx, c, env, exited)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	defer context.AfterFunc(w.n.stopping, func() { time.AfterFunc(shutdownGrace, cancel) })()
	select {
	case <-exited:
	case <-ctx.Done():
		process.KillGroup(cmd.Process.Pid)
		<-exited
	}
}

func (w *worker) preStop(ctx context.Context, c *corev1.Container, env map[string]string, exited <-chan struct{}) {
	hook := c.Lifecycle.PreStop
	switch {
	case hook.Sleep != nil:
		select {
		case <-time.After(time.Duration(hook.Sleep.Seconds) * time.Second):
		case <-exited:
		case <-ctx.Done():
		}
	case hook.Exec != nil:
		_ = w.exec(ctx, c, env, hook.Exec.Command)
	case hook.HTTPGet != nil:
		_ = httpGet(ctx, w.ip.String(), c, hook.HTTPGet)
	}
}

// command makes the process for a command in a container, ready to be started.
func (w *worker) command(c *corev1.Container, env map[string]string, command, args []string) (*exec.Cmd, error) {
	prog, err := w.n.opts.images.program(w.n.self, c.Image, expandAll(command, env), expandAll(args, env))
	if err != nil {
		return nil, err
	}
	r := rewriter{ip: w.ip, mounts: mounts(w.volumes, []corev1.Container{*c})}
	if !prog.resolves {
		r.service = w.n.clusterIP
	}
	argv := []string{prog.argv[0]}
	for _, a := range prog.argv[1:] {
		argv = append(argv, r.value(a))
	}
	if prog.builtin {
		argv = ownAddress(argv, w.ip.String(), filepath.Join(w.dir, "certs", c.Name))
	}
	cmd := &exec.Cmd{Path: prog.path, Args: argv, Dir: w.dir}
	if c.WorkingDir != "" {
		if dir := r.paths(c.WorkingDir); dir != c.WorkingDir {
			cmd.Dir = dir
		}
	}
	cmd.Env = append([]string{
		"PATH=" + w.n.tools() + ":/usr/local/bin:/usr/bin:/bin", "HOME=" + w.dir, "TMPDIR=" + filepath.Join(w.dir, "tmp"),
		DNSEnv + "=" + w.n.listenAt(dnsPort),
	}, environ(env, r)...)
	return cmd, nil
}

func expandAll(in []string, env map[string]string) []string {
	var out []string
	for _, s := range in {
		out = append(out, expand(s, env))
	}
	return out
}

// startLogged starts cmd with its output appended to the container's log.
func (w *worker) startLogged(cmd *exec.Cmd, container string) error {
	if err := os.MkdirAll(w.logs, 0o700); err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	f, err := os.OpenFile(w.logPath(container), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	if err := w.n.spawner.Start(cmd); err != nil {
		return fmt.Errorf("start container %s: %w", container, err)
	}
	return nil
}

func (w *worker) logPath(container string) string { return filepath.Join(w.logs, container+".log") }

// exitCode is the one that a shell and a container runtime report.
func exitCode(s *os.ProcessState) int32 {
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int32(status.Signal())
	}
	return int32(s.ExitCode())
}
