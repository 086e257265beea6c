package node

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// podState is what the node knows of a pod, from which its status follows.
type podState struct {
	start metav1.Time
	// init and main are the containers' statuses, in the manifest's order.
	init, main []corev1.ContainerStatus
	// initialized: all init containers have succeeded.
	initialized bool
	// final: nothing will be started any more.
	final bool
	// conditions keep the times of their last transitions.
	conditions []corev1.PodCondition
}

func newPodState(p *corev1.Pod) podState {
	s := podState{start: metav1.Now(), initialized: len(p.Spec.InitContainers) == 0}
	waiting := func(cs []corev1.Container, reason string) []corev1.ContainerStatus {
		var out []corev1.ContainerStatus
		for _, c := range cs {
			no := false
			out = append(out, corev1.ContainerStatus{Name: c.Name, Image: c.Image, Started: &no,
				State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}})
		}
		return out
	}
	s.init = waiting(p.Spec.InitContainers, "PodInitializing")
	reason := "ContainerCreating"
	if !s.initialized {
		reason = "PodInitializing"
	}
	s.main = waiting(p.Spec.Containers, reason)
	return s
}

// waiting says why no container has been started.
func (s *podState) waiting(reason, message string) {
	for i := range s.main {
		s.main[i].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
}

// container returns the status of one container, to be changed.
func (s *podState) container(i int, init bool) *corev1.ContainerStatus {
	if init {
		return &s.init[i]
	}
	return &s.main[i]
}

// status returns the pod's status at the time now.
func (s *podState) status(p *corev1.Pod, ip, host netip.Addr, now metav1.Time) corev1.PodStatus {
	out := corev1.PodStatus{
		Phase:              s.phase(p.Spec.RestartPolicy),
		StartTime:          &s.start,
		HostIP:             host.String(),
		HostIPs:            []corev1.HostIP{{IP: host.String()}},
		QOSClass:           p.Status.QOSClass,
		ObservedGeneration: p.Generation,
	}
	if ip.IsValid() {
		out.PodIP, out.PodIPs = ip.String(), []corev1.PodIP{{IP: ip.String()}}
	}
	for _, c := range s.init {
		out.InitContainerStatuses = append(out.InitContainerStatuses, *c.DeepCopy())
	}
	for _, c := range s.main {
		out.ContainerStatuses = append(out.ContainerStatuses, *c.DeepCopy())
	}
	s.transit(out.Phase, now)
	out.Conditions = append(out.Conditions, s.conditions...)
	return out
}

// ready tells whether the pod takes requests.
func (s *podState) ready(phase corev1.PodPhase) bool {
	for _, c := range s.main {
		if !c.Ready {
			return false
		}
	}
	return phase == corev1.PodRunning
}

// phase is the sum of the containers' states.
func (s *podState) phase(policy corev1.RestartPolicy) corev1.PodPhase {
	var running, succeeded, failed, never int
	for _, c := range s.main {
		switch {
		case c.State.Running != nil:
			running++
		case c.State.Terminated != nil && c.State.Terminated.ExitCode == 0:
			succeeded++
		case c.State.Terminated != nil || c.LastTerminationState.Terminated != nil:
			failed++ // or waits for its restart
		default:
			never++
		}
	}
	switch {
	case s.final && (failed > 0 || never > 0 || !s.initialized):
		return corev1.PodFailed
	case s.final:
		return corev1.PodSucceeded
	case !s.initialized || never > 0:
		return corev1.PodPending
	case running == 0 && failed == 0 && policy != corev1.RestartPolicyAlways:
		return corev1.PodSucceeded
	case running == 0 && failed > 0 && policy == corev1.RestartPolicyNever:
		return corev1.PodFailed
	}
	return corev1.PodRunning
}

// transit brings the conditions up to date.
func (s *podState) transit(phase corev1.PodPhase, now metav1.Time) {
	set := func(kind corev1.PodConditionType, ok bool, reason string) {
		status := corev1.ConditionFalse
		if ok {
			status, reason = corev1.ConditionTrue, ""
		}
		for i := range s.conditions {
			if c := &s.conditions[i]; c.Type == kind {
				if c.Status != status {
					c.Status, c.LastTransitionTime = status, now
				}
				c.Reason = reason
				return
			}
		}
		s.conditions = append(s.conditions, corev1.PodCondition{Type: kind, Status: status, Reason: reason, LastTransitionTime: now})
	}
	reason := "ContainersNotReady"
	if terminal(phase) {
		reason = "PodCompleted"
	}
	ready := s.ready(phase)
	set(corev1.PodInitialized, s.initialized, "ContainersNotInitialized")
	set(corev1.ContainersReady, ready, reason)
	set(corev1.PodReady, ready, reason)
}

// terminal phases are never left.
func terminal(p corev1.PodPhase) bool { return p == corev1.PodSucceeded || p == corev1.PodFailed }
