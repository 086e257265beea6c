package node

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"

	"github.com/tenantry/tenantry/test/devcluster/process"
)

const (
	// Name is the Node's name.
	Name = "node"
	// DNSEnv tells this binary's programs in pods where to ask for names.
	DNSEnv = "DEVCLUSTER_DNS"
	// resync looks at everything again, in case that an event was missed.
	resync = time.Minute
)

// node is the running node.
type node struct {
	opts    options
	self    string
	client  kubernetes.Interface
	spawner *process.Spawner
	events  record.EventRecorder
	listers listers
	// servicesChanged and volumesChanged wake the proxy and the provisioner.
	servicesChanged, volumesChanged signalChan

	stopping context.Context // done when the node is told to end

	mu      sync.Mutex
	workers map[types.UID]*worker
	leased  map[netip.Addr]bool
	last    netip.Addr
	running sync.WaitGroup
}

// Main is "devcluster node".
func Main(args []string) error {
	opts, err := parseOptions(args)
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	cfg, err := clientcmd.BuildConfigFromFlags("", opts.kubeconfig)
	if err != nil {
		return fmt.Errorf("read kubeconfig: %w", err)
	}
	cfg.QPS = -1
	cfg.Dial = patientDial(ctx)
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	self, err := process.Self()
	if err != nil {
		return fmt.Errorf("find this binary: %w", err)
	}
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&corev1client.EventSinkImpl{Interface: client.CoreV1().Events("")})
	defer broadcaster.Shutdown()
	n := &node{
		opts: opts, self: self, client: client,
		spawner:         process.NewSpawner(os.Getenv(process.MarkEnv)),
		events:          broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "devcluster-node", Host: Name}),
		servicesChanged: newSignal(), volumesChanged: newSignal(),
		stopping: ctx,
		workers:  map[types.UID]*worker{},
		leased:   map[netip.Addr]bool{},
	}
	return n.run(ctx)
}

func (n *node) run(ctx context.Context) error {
	if err := n.linkTools(); err != nil {
		return err
	}
	if err := n.register(ctx); err != nil {
		return err
	}
	pods := informers.NewSharedInformerFactoryWithOptions(n.client, resync, informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = "spec.nodeName=" + Name
	}))
	others := informers.NewSharedInformerFactory(n.client, resync)
	if err := n.watch(pods, others); err != nil {
		return err
	}
	others.Start(ctx.Done())
	others.WaitForCacheSync(ctx.Done())
	dns, err := n.serveDNS(ctx)
	if err != nil {
		return err
	}
	defer dns.Close()
	logs, err := n.serveKubelet()
	if err != nil {
		return err
	}
	defer logs.Close()
	// Pods come last: they need all of the above.
	pods.Start(ctx.Done())
	pods.WaitForCacheSync(ctx.Done())
	health, err := n.serveHealth()
	if err != nil {
		return err
	}
	defer health.Close()
	var loops sync.WaitGroup
	loops.Go(func() { n.servicesChanged.loop(ctx, n.proxy()) })
	loops.Go(func() { n.volumesChanged.loop(ctx, n.provision) })
	klog.InfoS("Node is ready")
	<-ctx.Done()
	loops.Wait()
	n.running.Wait() // every worker sees stopping and ends its pod
	return nil
}

// watch registers for everything that the node reacts to.
func (n *node) watch(pods, others informers.SharedInformerFactory) error {
	n.listers = newListers(others)
	core := others.Core().V1()
	poke := func(s signalChan) cache.ResourceEventHandler { return onChange(func(any) { s.set() }) }
	// Values of Secrets and ConfigMaps stand in volumes.
	refresh := onChange(func(obj any) {
		if o, ok := obj.(metav1.Object); ok {
			n.refreshVolumes(o.GetNamespace())
		}
	})
	var errs []error
	for _, w := range []struct {
		informer cache.SharedIndexInformer
		handler  cache.ResourceEventHandler
	}{
		{core.Services().Informer(), poke(n.servicesChanged)},
		{core.PersistentVolumeClaims().Informer(), poke(n.volumesChanged)},
		{core.PersistentVolumes().Informer(), poke(n.volumesChanged)},
		{core.Secrets().Informer(), refresh},
		{core.ConfigMaps().Informer(), refresh},
		{pods.Core().V1().Pods().Informer(), cache.ResourceEventHandlerFuncs{
			AddFunc:    func(obj any) { n.podChanged(obj.(*corev1.Pod)) },
			UpdateFunc: func(_, obj any) { n.podChanged(obj.(*corev1.Pod)) },
			DeleteFunc: func(obj any) {
				if t, ok := obj.(cache.DeletedFinalStateUnknown); ok {
					obj = t.Obj
				}
				if p, ok := obj.(*corev1.Pod); ok {
					n.podGone(p)
				}
			},
		}},
	} {
		_, err := w.informer.AddEventHandler(w.handler)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// podChanged gives a pod its worker, or tells the worker.
func (n *node) podChanged(p *corev1.Pod) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if w := n.workers[p.UID]; w != nil {
		w.changed(p)
		return
	}
	if n.stopping.Err() != nil || terminal(p.Status.Phase) {
		return
	}
	w := newWorker(n, p)
	// A pod of the same name, deleted by force, may still be ending: two must not share a volume.
	for _, o := range n.workers {
		if o.namespace == w.namespace && o.name == w.name {
			w.after = append(w.after, o.done)
		}
	}
	n.workers[p.UID] = w
	n.running.Go(w.run)
	w.changed(p)
}

// podGone ends the worker of a pod that exists no more.
func (n *node) podGone(p *corev1.Pod) {
	n.mu.Lock()
	w := n.workers[p.UID]
	n.mu.Unlock()
	if w == nil {
		return
	}
	w.kill()
	n.running.Go(func() {
		<-w.done
		n.mu.Lock()
		delete(n.workers, p.UID)
		n.mu.Unlock()
	})
}

// all returns the workers at this moment.
func (n *node) all() []*worker {
	n.mu.Lock()
	defer n.mu.Unlock()
	ws := make([]*worker, 0, len(n.workers))
	for _, w := range n.workers {
		ws = append(ws, w)
	}
	return ws
}

// pods returns all pods as they are at this moment.
func (n *node) pods() []*corev1.Pod {
	var ps []*corev1.Pod
	for _, w := range n.all() {
		ps = append(ps, w.current())
	}
	return ps
}

func (n *node) refreshVolumes(namespace string) {
	for _, w := range n.all() {
		if w.namespace == namespace {
			w.refresh.set()
		}
	}
}

// lease gives a pod an address.
func (n *node) lease() (netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a, ok := n.opts.pods.Free(n.last, func(a netip.Addr) bool { return n.leased[a] })
	if !ok {
		return a, fmt.Errorf("no address of %s is free", n.opts.pods)
	}
	n.leased[a], n.last = true, a
	return a, nil
}

func (n *node) release(a netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.leased, a)
}

// linkTools makes a folder in which what this binary can be in a pod has its own
// name, for scripts.
func (n *node) linkTools() error {
	if err := os.MkdirAll(n.tools(), 0o755); err != nil {
		return fmt.Errorf("link tools: %w", err)
	}
	for _, tool := range []string{"etcd", "etcdctl", "kubectl"} {
		if err := os.Symlink(n.self, filepath.Join(n.tools(), tool)); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("link tools: %w", err)
		}
	}
	return nil
}

func (n *node) tools() string { return filepath.Join(n.opts.dir, "tools") }
