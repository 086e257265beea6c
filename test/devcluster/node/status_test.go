package node

import (
	"net/netip"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func running(ready bool) corev1.ContainerStatus {
	return corev1.ContainerStatus{Ready: ready, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
}

func ended(code int32) corev1.ContainerStatus {
	return corev1.ContainerStatus{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}}
}

func waits(after *corev1.ContainerStatus) corev1.ContainerStatus {
	s := corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}}
	if after != nil {
		s.LastTerminationState = after.State
	}
	return s
}

func TestPhase(t *testing.T) {
	failed := ended(1)
	for _, tc := range []struct {
		name   string
		policy corev1.RestartPolicy
		state  podState
		phase  corev1.PodPhase
		ready  bool
		reason string
	}{
		{"created", corev1.RestartPolicyAlways, podState{initialized: true, main: []corev1.ContainerStatus{waits(nil)}}, corev1.PodPending, false, "nothing runs yet"},
		{"init", corev1.RestartPolicyAlways, podState{init: []corev1.ContainerStatus{running(false)}, main: []corev1.ContainerStatus{waits(nil)}}, corev1.PodPending, false, "init containers don't count as running"},
		{"one of two", corev1.RestartPolicyAlways, podState{initialized: true, main: []corev1.ContainerStatus{running(true), waits(nil)}}, corev1.PodPending, false, "the other never ran"},
		{"running", corev1.RestartPolicyAlways, podState{initialized: true, main: []corev1.ContainerStatus{running(true), running(true)}}, corev1.PodRunning, true, "all are ready"},
		{"not ready", corev1.RestartPolicyAlways, podState{initialized: true, main: []corev1.ContainerStatus{running(true), running(false)}}, corev1.PodRunning, false, "one is not"},
		{"crash loop", corev1.RestartPolicyAlways, podState{initialized: true, main: []corev1.ContainerStatus{waits(&failed)}}, corev1.PodRunning, false, "it will be restarted"},
		{"ended, always", corev1.RestartPolicyAlways, podState{initialized: true, main: []corev1.ContainerStatus{ended(0)}}, corev1.PodRunning, false, "it will be restarted"},
		{"ended, on failure", corev1.RestartPolicyOnFailure, podState{initialized: true, main: []corev1.ContainerStatus{ended(0)}}, corev1.PodSucceeded, false, "done"},
		{"failed, on failure", corev1.RestartPolicyOnFailure, podState{initialized: true, main: []corev1.ContainerStatus{ended(1)}}, corev1.PodRunning, false, "it will be restarted"},
		{"failed, never", corev1.RestartPolicyNever, podState{initialized: true, main: []corev1.ContainerStatus{ended(1), ended(0)}}, corev1.PodFailed, false, "one failed"},
		{"deleted", corev1.RestartPolicyAlways, podState{initialized: true, final: true, main: []corev1.ContainerStatus{ended(0)}}, corev1.PodSucceeded, false, "it ended well when told to"},
		{"killed", corev1.RestartPolicyAlways, podState{initialized: true, final: true, main: []corev1.ContainerStatus{ended(137)}}, corev1.PodFailed, false, "it had to be killed"},
		{"init failed", corev1.RestartPolicyNever, podState{final: true, init: []corev1.ContainerStatus{ended(1)}, main: []corev1.ContainerStatus{waits(nil)}}, corev1.PodFailed, false, "the rest never ran"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := &corev1.Pod{Spec: corev1.PodSpec{RestartPolicy: tc.policy}}
			got := tc.state.status(p, netip.Addr{}, netip.Addr{}, metav1.Now())
			if got.Phase != tc.phase || isReady(&corev1.Pod{Status: got}) != tc.ready {
				t.Errorf("%s: got %s with %v, want %s, ready %t", tc.reason, got.Phase, got.Conditions, tc.phase, tc.ready)
			}
		})
	}
}

func TestConditionsKeepTheirTime(t *testing.T) {
	s := podState{initialized: true, main: []corev1.ContainerStatus{running(false)}}
	p := &corev1.Pod{Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyAlways}}
	at := func(sec int64) metav1.Time { return metav1.NewTime(time.Unix(sec, 0)) }
	transition := func(status corev1.PodStatus) int64 {
		for _, c := range status.Conditions {
			if c.Type == corev1.PodReady {
				return c.LastTransitionTime.Unix()
			}
		}
		return -1
	}
	look := func(sec int64) int64 { return transition(s.status(p, netip.Addr{}, netip.Addr{}, at(sec))) }
	if got := look(1); got != 1 {
		t.Errorf("first look: got %d, want 1", got)
	}
	if got := look(2); got != 1 {
		t.Errorf("nothing changed: got %d, want 1", got)
	}
	s.main[0].Ready = true
	if got := look(3); got != 3 {
		t.Errorf("it became ready: got %d, want 3", got)
	}
}
