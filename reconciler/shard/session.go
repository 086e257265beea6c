package shard

import (
	"context"
	"fmt"
	"net"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/connrotation"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/reconciler/jitter"
)

// connect opens one session after the other until ctx ends: a new one when the
// source has changed, or could not be used.
func (s *Shard) connect(ctx context.Context) {
	told, spread := "", s.spread("connect")
	for attempts := 0; ctx.Err() == nil; attempts++ {
		cfg, version, err := s.source.Config()
		if err == nil {
			attempts, told = 0, ""
			err = s.session(ctx, cfg, version)
		}
		if err == nil {
			continue
		}
		if err.Error() != told {
			told = err.Error()
			s.outbox.control(core.Lease{Shard: s.name, Err: err})
		}
		sleep(ctx, spread.Stretch(backoff(attempts)))
	}
}

// session works with one connection until ctx ends or the source has changed.
func (s *Shard) session(ctx context.Context, cfg *rest.Config, version string) error {
	dial := dialer(cfg)
	cfg = prepared(cfg, dial)
	keeper, err := s.opts.Keeper(s.name, cfg)
	if err != nil {
		return err
	}
	client, err := newClient(cfg, keeper.Deadline, s.opts.Schemas)
	if err != nil {
		return fmt.Errorf("connect to shard %s: %w", s.name, err)
	}
	s.mu.Lock()
	s.keep = keeper
	s.mu.Unlock()

	// The keeper ends last: it releases the Lease when nobody acts under it any more.
	keeping, release := context.WithCancel(context.WithoutCancel(ctx))
	var ended errgroup.Group
	ended.Go(func() error {
		return keeper.Run(keeping, func(l core.Lease) {
			if l.Err != nil {
				dial.CloseAll() // a connection to a dead machine would be waited for again
			}
			s.lease(ctx, client, l)
		})
	})
	s.unchanged(ctx, version)
	s.mu.Lock()
	s.keep = nil
	s.mu.Unlock()
	s.endTerm()
	s.running.Wait()
	release()
	err = ended.Wait()
	s.outbox.control(core.Lease{Shard: s.name})
	dial.CloseAll()
	if err != nil {
		return fmt.Errorf("keep the lease of shard %s: %w", s.name, err)
	}
	return nil
}

// unchanged waits until ctx ends or the source has changed. A file that cannot be
// read twice in a row is gone, not being replaced.
func (s *Shard) unchanged(ctx context.Context, version string) {
	for missed := 0; ctx.Err() == nil && missed < 2; {
		sleep(ctx, s.opts.Look)
		switch _, now, err := s.source.Config(); {
		case now == "" && err != nil:
			missed++
		case now != version:
			return
		default:
			missed = 0
		}
	}
}

// lease takes in what the keeper says: a term begins and ends with it. A cluster
// that the core asked to be watched before is watched again at once; any other
// waits until the core has seen who it is.
func (s *Shard) lease(ctx context.Context, client *client, l core.Lease) {
	s.endTerm()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outbox.control(l) // before anything that the term reports
	if l.Identity != "" {
		s.cluster = l.Identity
	}
	if !l.Held && !(s.opts.ReadOnly && l.Err == nil) || s.keep == nil {
		return
	}
	s.terms++
	s.view.begin(s.terms)
	client.forget()
	s.term = newTerm(ctx, s, client, s.terms)
	if s.asked != nil && s.askedOf == s.cluster {
		s.term.watch(*s.asked)
	}
}

// endTerm cancels all that is under way.
func (s *Shard) endTerm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.term != nil {
		s.term.cancel()
		s.term = nil
	}
}

// dialer tracks connections, so that those of a session can be closed.
func dialer(cfg *rest.Config) *connrotation.Dialer {
	dial := connrotation.DialFunc(cfg.Dial)
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	return connrotation.NewDialer(dial)
}

// prepared is a copy of cfg as the shard's clients use it.
func prepared(cfg *rest.Config, dial *connrotation.Dialer) *rest.Config {
	cfg = rest.CopyConfig(cfg)
	cfg.Dial = dial.DialContext
	cfg.QPS, cfg.RateLimiter = -1, nil // the API server's own fairness says when it is too much
	cfg.Timeout = 0                    // each request has its own, a watch has none
	cfg.UserAgent = "tenantry"
	cfg.WarningHandler = rest.NoWarnings{}
	return cfg
}

// backoff is the pause after so many failures in a row: 1 s, doubled, 30 s at most.
func backoff(attempts int) time.Duration {
	return min(time.Second<<min(attempts, 10), 30*time.Second)
}

// spread stretches the pauses of what this replica does on the shard, so that shards
// and replicas do not come back in step.
func (s *Shard) spread(what string) *jitter.Source {
	return jitter.New(s.opts.Identity, s.name, what)
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
