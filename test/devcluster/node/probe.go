package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/tenantry/tenantry/test/devcluster/process"
)

// verdict is what a row of probe results says.
type verdict int

const (
	undecided verdict = iota
	passing
	failing
)

// tally counts a probe's results against its thresholds.
type tally struct {
	success, failure int32 // thresholds
	row              int32 // results alike in a row; failures count below zero
}

func newTally(p *corev1.Probe) tally {
	return tally{success: max(p.SuccessThreshold, 1), failure: max(p.FailureThreshold, 1)}
}

func (t *tally) add(ok bool) verdict {
	switch {
	case ok:
		t.row = max(t.row, 0) + 1
	default:
		t.row = min(t.row, 0) - 1
	}
	switch {
	case t.row >= t.success:
		return passing
	case -t.row >= t.failure:
		return failing
	}
	return undecided
}

// unhealthy says why a container must be restarted.
type unhealthy struct {
	message string
	grace   *int64
}

// startProbes runs a container's probes until ctx ends: the startup probe, then
// readiness and liveness side by side. A container to be restarted is told once.
func (w *worker) startProbes(ctx context.Context, p *corev1.Pod, c *corev1.Container, env map[string]string, set func(func(*corev1.ContainerStatus))) <-chan unhealthy {
	out := make(chan unhealthy, 2)
	// restart runs a probe whose failure restarts the container; true once it passes.
	fatal := func(what string, pr *corev1.Probe, once bool) bool {
		return w.probe(ctx, c, env, pr, func(v verdict, err error) bool {
			if v == failing {
				out <- unhealthy{fmt.Sprintf("%s probe failed: %v", what, err), pr.TerminationGracePeriodSeconds}
				return false
			}
			return v != passing || !once
		})
	}
	go func() {
		if c.StartupProbe != nil {
			if !fatal("Startup", c.StartupProbe, true) {
				return
			}
			set(func(s *corev1.ContainerStatus) {
				yes := true
				s.Started, s.Ready = &yes, c.ReadinessProbe == nil
			})
		}
		if c.LivenessProbe != nil {
			go fatal("Liveness", c.LivenessProbe, false)
		}
		if c.ReadinessProbe != nil {
			ready := false
			w.probe(ctx, c, env, c.ReadinessProbe, func(v verdict, err error) bool {
				if v != undecided && ready != (v == passing) {
					ready = v == passing
					set(func(s *corev1.ContainerStatus) { s.Ready = ready })
					if !ready {
						w.n.events.Event(p, corev1.EventTypeWarning, "Unhealthy", fmt.Sprintf("Readiness probe failed: %v", err))
					}
				}
				return true
			})
		}
	}()
	return out
}

// probe checks periodically and hands what that says to judge, until judge says
// no more; it tells whether the last verdict was passing.
func (w *worker) probe(ctx context.Context, c *corev1.Container, env map[string]string, pr *corev1.Probe, judge func(verdict, error) bool) bool {
	select {
	case <-time.After(time.Duration(pr.InitialDelaySeconds) * time.Second):
	case <-ctx.Done():
		return false
	}
	tick := time.NewTicker(time.Duration(max(pr.PeriodSeconds, 1)) * time.Second)
	defer tick.Stop()
	counted := newTally(pr)
	for {
		err := w.check(ctx, c, env, pr)
		if ctx.Err() != nil {
			return false
		}
		v := counted.add(err == nil)
		if !judge(v, err) {
			return v == passing
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

// check asks once.
func (w *worker) check(ctx context.Context, c *corev1.Container, env map[string]string, pr *corev1.Probe) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(max(pr.TimeoutSeconds, 1))*time.Second)
	defer cancel()
	switch {
	case pr.HTTPGet != nil:
		return httpGet(ctx, w.ip.String(), c, pr.HTTPGet)
	case pr.TCPSocket != nil:
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(orElse(pr.TCPSocket.Host, w.ip.String()), portOf(c, pr.TCPSocket.Port)))
		if err != nil {
			return err
		}
		return conn.Close()
	case pr.Exec != nil:
		return w.exec(ctx, c, env, pr.Exec.Command)
	}
	return errors.New("this kind of probe is not supported")
}

// httpGet succeeds when the answer is below 400, as for a kubelet.
func httpGet(ctx context.Context, ip string, c *corev1.Container, g *corev1.HTTPGetAction) error {
	url := fmt.Sprintf("%s://%s/%s", strings.ToLower(orElse(string(g.Scheme), "http")),
		net.JoinHostPort(orElse(g.Host, ip), portOf(c, g.Port)), strings.TrimPrefix(g.Path, "/"))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	for _, h := range g.HTTPHeaders {
		req.Header.Add(h.Name, h.Value)
		if strings.EqualFold(h.Name, "Host") {
			req.Host = h.Value
		}
	}
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives: true,
			// A kubelet does not verify either: it knows no name for the pod.
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		},
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("HTTP probe failed with statuscode: %d", resp.StatusCode)
	}
	return nil
}

// exec runs a command in a container.
func (w *worker) exec(ctx context.Context, c *corev1.Container, env map[string]string, command []string) error {
	cmd, err := w.command(c, env, command, nil)
	if err != nil {
		return err
	}
	if err := w.n.spawner.Start(cmd); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { process.KillGroup(cmd.Process.Pid) })
	defer stop()
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) {
		return fmt.Errorf("command %s ended with %d", command[0], exitCode(exit.ProcessState))
	} else if err != nil {
		return err
	}
	return nil
}

// portOf resolves a port's name.
func portOf(c *corev1.Container, p intstr.IntOrString) string {
	for _, cp := range c.Ports {
		if p.Type == intstr.String && cp.Name == p.StrVal {
			return strconv.Itoa(int(cp.ContainerPort))
		}
	}
	return p.String()
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
