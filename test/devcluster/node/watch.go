package node

import (
	"context"
	"net"
	"time"

	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// listers read what the informers have seen.
type listers struct {
	services   corelisters.ServiceLister
	secrets    corelisters.SecretLister
	configMaps corelisters.ConfigMapLister
	claims     corelisters.PersistentVolumeClaimLister
	volumes    corelisters.PersistentVolumeLister
}

func newListers(others informers.SharedInformerFactory) listers {
	core := others.Core().V1()
	return listers{
		services:   core.Services().Lister(),
		secrets:    core.Secrets().Lister(),
		configMaps: core.ConfigMaps().Lister(),
		claims:     core.PersistentVolumeClaims().Lister(),
		volumes:    core.PersistentVolumes().Lister(),
	}
}

// onChange calls f for an object that came, changed or went.
func onChange(f func(obj any)) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    f,
		UpdateFunc: func(_, obj any) { f(obj) },
		DeleteFunc: func(obj any) {
			if t, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = t.Obj
			}
			f(obj)
		},
	}
}

// patientDial waits for an API server that is away, until ctx ends. Informers
// that fail instead come back as late as a minute after the server.
func patientDial(ctx context.Context) func(context.Context, string, string) (net.Conn, error) {
	return func(dialing context.Context, network, address string) (net.Conn, error) {
		for {
			conn, err := (&net.Dialer{}).DialContext(dialing, network, address)
			if err == nil {
				return conn, nil
			}
			select {
			case <-ctx.Done():
				return nil, err
			case <-dialing.Done():
				return nil, err
			case <-time.After(redial):
			}
		}
	}
}

const (
	redial = 100 * time.Millisecond
	// settle gathers signals that come in a bunch.
	settle = 10 * time.Millisecond
	retry  = time.Second
)

// signalChan says "look now"; any number of signals before the look are one.
type signalChan chan struct{}

func newSignal() signalChan { return make(chan struct{}, 1) }

func (s signalChan) set() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// loop calls f now, after every signal, and again a while after it failed.
func (s signalChan) loop(ctx context.Context, f func(context.Context) error) {
	for {
		var again <-chan time.Time
		if err := f(ctx); err != nil && ctx.Err() == nil {
			klog.ErrorS(err, "Trying again", "after", retry)
			again = time.After(retry)
		}
		select {
		case <-ctx.Done():
			return
		case <-again:
		case <-s:
			select {
			case <-time.After(settle):
			case <-ctx.Done():
			}
		}
	}
}
