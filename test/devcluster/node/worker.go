package node

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
)

// worker runs one pod, from its address to its last status.
//
//	address → volumes → init containers, one by one → containers, side by side
//	   │          │                 │                       │
//	   └──────────┴── terminate ────┴───────────────────────┴─→ last status → deleted
type worker struct {
	n               *node
	namespace, name string
	uid             types.UID
	dir, logs       string
	// after are earlier pods of the same name.
	after []<-chan struct{}

	// terminating is done when the pod is to end in its own time, killed when at once.
	terminating, killed context.Context
	terminate, kill     context.CancelFunc
	done                chan struct{}
	refresh, report     signalChan

	ip      netip.Addr
	volumes volumes

	mu    sync.Mutex
	pod   *corev1.Pod
	state podState
}

// shutdownGrace is what pods get when the node itself ends.
const shutdownGrace = time.Second

func newWorker(n *node, p *corev1.Pod) *worker {
	w := &worker{
		n: n, namespace: p.Namespace, name: p.Name, uid: p.UID,
		dir:     filepath.Join(n.opts.dir, "pods", string(p.UID)),
		logs:    filepath.Join(n.opts.dir, "logs", "pods", p.Namespace+"_"+p.Name+"_"+string(p.UID)),
		done:    make(chan struct{}),
		refresh: newSignal(), report: newSignal(),
		pod:   p,
		state: newPodState(p),
	}
	w.killed, w.kill = context.WithCancel(context.Background())
	w.terminating, w.terminate = context.WithCancel(w.killed)
	context.AfterFunc(n.stopping, w.terminate)
	return w
}

func (w *worker) String() string { return w.namespace + "/" + w.name }

// changed takes a new version of the pod.
func (w *worker) changed(p *corev1.Pod) {
	w.mu.Lock()
	w.pod = p
	w.mu.Unlock()
	w.n.servicesChanged.set() // labels may have changed
	if p.DeletionTimestamp != nil {
		w.terminate()
	}
}

// current returns the pod with the status that the node gives it.
func (w *worker) current() *corev1.Pod {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.pod.DeepCopy()
	p.Status = w.state.status(p, w.ip, w.n.opts.address, metav1.Now())
	return p
}

// update changes the pod's state and has it reported.
func (w *worker) update(f func(*podState)) {
	w.mu.Lock()
	f(&w.state)
	w.mu.Unlock()
	w.report.set()
	w.n.servicesChanged.set()
}

// grace is how long the pod may take to end.
func (w *worker) grace() time.Duration {
	if w.n.stopping.Err() != nil {
		return shutdownGrace
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	seconds := int64(corev1.DefaultTerminationGracePeriodSeconds)
	for _, s := range []*int64{w.pod.DeletionGracePeriodSeconds, w.pod.Spec.TerminationGracePeriodSeconds} {
		if s != nil {
			seconds = *s
			break
		}
	}
	return time.Duration(seconds) * time.Second
}

func (w *worker) run() {
	defer close(w.done)
	for _, done := range w.after {
		<-done
	}
	defer os.RemoveAll(w.dir)
	reported, stopReporting := context.WithCancel(context.Background())
	var helpers sync.WaitGroup
	helpers.Go(func() { w.reportUntil(reported) })
	defer helpers.Wait()
	defer stopReporting()

	if w.prepare() {
		helpers.Go(w.followObjects)
		if w.runInit() {
			w.runContainers()
		}
	}
	w.update(func(s *podState) { s.final = true })
	if w.ip.IsValid() {
		w.n.release(w.ip)
	}
	<-w.terminating.Done()
	stopReporting()
	if w.killed.Err() == nil && w.n.stopping.Err() == nil {
		w.finish()
	}
}

// prepare gets the address and the volumes; false when the pod ended before.
func (w *worker) prepare() bool {
	return w.persist("FailedMount", func() (err error) {
		if err := os.MkdirAll(filepath.Join(w.dir, "tmp"), 0o700); err != nil {
			return err
		}
		if !w.ip.IsValid() {
			ip, err := w.n.lease()
			if err != nil {
				return err
			}
			w.mu.Lock()
			w.ip = ip
			w.mu.Unlock()
		}
		w.volumes, err = w.makeVolumes(w.terminating, w.current())
		return err
	})
}

// persist repeats f until it succeeds; false when the pod is to end before.
func (w *worker) persist(reason string, f func() error) bool {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := f()
		if w.terminating.Err() != nil {
			return false
		}
		if err == nil {
			return true
		}
		w.update(func(s *podState) { s.waiting("ContainerCreating", err.Error()) })
		if wait > time.Second { // not for what is only a moment late
			w.n.events.Event(w.current(), corev1.EventTypeWarning, reason, err.Error())
		}
		select {
		case <-w.terminating.Done():
			return false
		case <-w.refresh:
		case <-time.After(wait):
		}
	}
}

// followObjects keeps volumes like the objects that they are made from.
func (w *worker) followObjects() {
	for {
		select {
		case <-w.terminating.Done():
			return
		case <-w.refresh:
		}
		if err := w.fillVolumes(w.terminating, w.current(), w.volumes); err != nil && w.terminating.Err() == nil {
			klog.ErrorS(err, "Volumes stay as they were", "pod", w)
		}
	}
}

// runInit runs the init containers; false when the pod ends there.
func (w *worker) runInit() bool {
	for i := range w.current().Spec.InitContainers {
		if !w.runContainer(i, true) {
			return false
		}
	}
	w.update(func(s *podState) { s.initialized = true })
	return true
}

// runContainers runs the containers until they have ended for good.
func (w *worker) runContainers() {
	var all sync.WaitGroup
	for i := range w.current().Spec.Containers {
		all.Go(func() { w.runContainer(i, false) })
	}
	all.Wait()
}
