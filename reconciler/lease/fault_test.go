package lease

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
)

// weather is a replica's way to the server in bad weather: requests are lost,
// answers are lost, both are late, and at times nothing gets through for long.
type weather struct {
	server
	dice *rand.Rand
	bad  func() bool
	cut  time.Time // until when nothing gets through
}

var errLost = errors.New("connection reset")

func (w *weather) pass(ctx context.Context, request func() error) error {
	if !w.bad() {
		return request()
	}
	if w.dice.IntN(30) == 0 {
		w.cut = time.Now().Add(time.Duration(w.dice.IntN(40)) * time.Second)
	}
	if time.Now().Before(w.cut) {
		<-ctx.Done()
		return ctx.Err()
	}
	late := func() error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(w.dice.IntN(3000)) * time.Millisecond):
			return nil
		}
	}
	fate := w.dice.IntN(12) // most get through
	if fate == 0 {
		return errLost
	}
	if fate < 4 {
		if err := late(); err != nil {
			return err
		}
	}
	err := request()
	if fate == 1 {
		return errLost
	}
	if fate == 2 {
		if err := late(); err != nil {
			return err
		}
	}
	return err
}

func (w *weather) identity(ctx context.Context) (id string, err error) {
	err = w.pass(ctx, func() error { id, err = w.server.identity(ctx); return err })
	return id, err
}

func (w *weather) get(ctx context.Context) (l *coordinationv1.Lease, err error) {
	err = w.pass(ctx, func() error { l, err = w.server.get(ctx); return err })
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (w *weather) put(ctx context.Context, next *coordinationv1.Lease) (l *coordinationv1.Lease, err error) {
	err = w.pass(ctx, func() error { l, err = w.server.put(ctx, next); return err })
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Whatever the network does to three replicas that come and go, no two of them
// may act at the same moment; and once it is well again, one may.
func TestNeverTwo(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dice := rand.New(rand.NewPCG(seed, 0))
				s := &memoryServer{uid: "cluster-1"}
				var storm atomic.Bool
				storm.Store(true)
				begin := func(i int) *replica {
					w := &weather{server: s, dice: rand.New(rand.NewPCG(seed, uint64(i))), bad: storm.Load}
					return run(w, Options{Identity: fmt.Sprint("replica-", i)})
				}
				replicas := []*replica{begin(1), begin(2), begin(3)}
				born, acted := 3, 0
				check := func() {
					synctest.Wait()
					var may []string
					for _, r := range replicas {
						if r.may() {
							may = append(may, r.opts.Identity)
						}
					}
					if len(may) > 1 {
						t.Fatalf("%v may act at once", may)
					}
					acted += len(may)
				}
				for range 3000 {
					time.Sleep(100 * time.Millisecond)
					check()
					if dice.IntN(500) == 0 { // killed, and another one is begun
						i := dice.IntN(len(replicas))
						replicas[i].stop()
						born++
						replicas[i] = begin(born)
					}
				}
				storm.Store(false)
				time.Sleep(time.Minute)
				check()
				if acted < 500 {
					t.Errorf("somebody acted in %d of 3000 moments only: the weather is too bad to tell anything", acted)
				}
				one := 0
				for _, r := range replicas {
					if r.may() {
						one++
					}
					r.stop()
				}
				if one != 1 {
					t.Errorf("in good weather %d may act", one)
				}
			})
		})
	}
}
