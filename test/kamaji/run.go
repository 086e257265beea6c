package kamaji

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// Options of a responder. The zero value answers at once.
type Options struct {
	// Pause is how long a control plane stays in each state on its way to Ready:
	// Provisioning and NotReady, or Upgrading.
	Pause time.Duration
	// Workers bounds what is done at once; default 4.
	Workers int
	// Log gets what failed and is tried again; default nothing.
	Log *slog.Logger
}

// responder plays the operator on one shard.
type responder struct {
	opts   Options
	client dynamic.Interface
	queue  workqueue.TypedRateLimitingInterface[item]
	planes cache.GenericLister
	stores cache.GenericLister
	conf   []byte // the one kubeconfig
	since  *clock
}

// item names an object of one of the two kinds.
type item struct {
	kind            schema.GroupVersionResource
	namespace, name string
}

// Run plays Kamaji on the shard that cfg leads to, until ctx ends.
func Run(ctx context.Context, cfg *rest.Config, opts Options) error {
	if opts.Workers <= 0 {
		opts.Workers = 4
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	cfg = rest.CopyConfig(cfg)
	cfg.QPS, cfg.UserAgent, cfg.WarningHandlerWithContext = -1, "kamaji", rest.NoWarnings{}
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("play kamaji: %w", err)
	}
	conf, err := Kubeconfig()
	if err != nil {
		return fmt.Errorf("play kamaji: %w", err)
	}
	factory := dynamicinformer.NewDynamicSharedInformerFactory(client, 0)
	r := &responder{
		opts: opts, client: client, conf: conf, since: newClock(),
		queue: workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[item](50*time.Millisecond, 5*time.Second)),
	}
	planes, stores := factory.ForResource(controlPlanes()), factory.ForResource(dataStores())
	r.planes, r.stores = planes.Lister(), stores.Lister()
	for kind, informer := range map[schema.GroupVersionResource]cache.SharedIndexInformer{
		controlPlanes(): planes.Informer(), dataStores(): stores.Informer(),
	} {
		if _, err := informer.AddEventHandler(r.handler(kind)); err != nil {
			return fmt.Errorf("play kamaji: %w", err)
		}
	}
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	factory.WaitForCacheSync(ctx.Done())
	var workers errgroup.Group
	for range opts.Workers {
		workers.Go(func() error { r.work(ctx); return nil })
	}
	<-ctx.Done()
	r.queue.ShutDown()
	return workers.Wait()
}

func (r *responder) handler(kind schema.GroupVersionResource) cache.ResourceEventHandler {
	add := func(o any) {
		key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(o)
		if err != nil {
			return
		}
		namespace, name, err := cache.SplitMetaNamespaceKey(key)
		if err == nil {
			r.queue.Add(item{kind, namespace, name})
		}
	}
	return cache.ResourceEventHandlerFuncs{AddFunc: add, UpdateFunc: func(_, o any) { add(o) }, DeleteFunc: add}
}

func (r *responder) work(ctx context.Context) {
	for {
		i, stop := r.queue.Get()
		if stop {
			return
		}
		play := r.controlPlane
		if i.kind == dataStores() {
			play = r.dataStore
		}
		again, err := play(ctx, i)
		switch {
		case err != nil && ctx.Err() == nil:
			r.opts.Log.Debug("kamaji tries again", "kind", i.kind.Resource, "object", i.namespace+"/"+i.name, "error", err)
			r.queue.AddRateLimited(i)
		case again > 0:
			r.queue.Forget(i)
			r.queue.AddAfter(i, again)
		default:
			r.queue.Forget(i)
		}
		r.queue.Done(i)
	}
}
