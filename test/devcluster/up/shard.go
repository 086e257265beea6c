package up

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/test/devcluster/pki"
	"github.com/tenantry/tenantry/test/devcluster/process"
	"github.com/tenantry/tenantry/test/devcluster/subnet"
)

const (
	startLimit = 3 * time.Minute // on two busy cores; a quiet machine needs seconds
	stopGrace  = 3 * time.Second
)

// shard is one management cluster.
type shard struct {
	name    string
	dir     string
	at      subnet.Shard
	opts    *options
	self    string
	spawner *process.Spawner
	say     func(format string, args ...any)
	pki     *pki.Authority
	// ended receives what ended unasked.
	ended chan<- error

	mu        sync.Mutex // guards what follows
	running   []*process.Process
	apiserver *process.Process
	stopping  bool

	// orders makes stop and start of the API server one at a time.
	orders sync.Mutex
}

// up brings the shard up, in as much at a time as depends on nothing else.
func (s *shard) up(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := s.credentials(); err != nil {
		return err
	}
	etcd, err := s.start(s.etcdArgs())
	if err != nil {
		return err
	}
	if err := s.healthy(ctx, etcd, url("http", s.at.Control, etcdPort)+"/health"); err != nil {
		return err
	}
	if err := s.startAPIServer(ctx); err != nil {
		return err
	}
	c, err := newClients(s.path("admin.kubeconfig"))
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	component := func(args []string, health string) {
		g.Go(func() error {
			p, err := s.start(args)
			if err != nil {
				return err
			}
			return s.healthy(ctx, p, health)
		})
	}
	component(s.kcmArgs(), url("https", s.at.Control, kcmPort)+"/healthz")
	component(s.schedulerArgs(), url("https", s.at.Control, schedulerPort)+"/healthz")
	if s.opts.node {
		component(s.nodeArgs(), url("http", s.at.Node, nodeHealthPort)+"/healthz")
	}
	g.Go(func() error { return c.storageClass(ctx) })
	if s.opts.certManager {
		g.Go(func() error {
			if err := c.certManager(ctx); err != nil {
				return err
			}
			p, err := s.start(s.certManagerArgs())
			if err != nil {
				return err
			}
			return s.healthy(ctx, p, url("http", s.at.Control, certManagerTCP)+"/healthz")
		})
	}
	g.Go(func() error { return c.defaultServiceAccount(ctx) })
	return g.Wait()
}

// credentials writes keys, certificates and a kubeconfig for every component.
func (s *shard) credentials() error {
	a, err := pki.New(s.path("pki"))
	if err != nil {
		return err
	}
	s.pki = a
	masters := []string{"system:masters"}
	for file, subject := range map[string]pki.Subject{
		"admin": {Name: "admin", Groups: masters},
		// Controllers share one identity here, so it must be allowed everything.
		"kcm":                {Name: "system:kube-controller-manager", Groups: masters},
		"scheduler":          {Name: "system:kube-scheduler"},
		"cert-manager":       {Name: "cert-manager", Groups: masters},
		"node":               {Name: "system:node:node", Groups: masters, Hosts: []string{s.at.Node.String()}},
		"front-proxy-client": {Name: "front-proxy-client"},
		"server": {Name: "kube-apiserver", Hosts: []string{s.at.Control.String(), s.at.Services.Addr().Next().String(),
			"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}},
	} {
		if err := a.Issue(file, subject); err != nil {
			return err
		}
		k, err := a.Kubeconfig(file, s.name, s.server())
		if err != nil {
			return err
		}
		if err := os.WriteFile(s.path(file+".kubeconfig"), k, 0o600); err != nil {
			return fmt.Errorf("write kubeconfig: %w", err)
		}
	}
	return nil
}

func (s *shard) server() string { return url("https", s.at.Control, apiserverPort) }

// start starts one of this binary's components and watches for its end.
func (s *shard) start(argv []string) (*process.Process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return nil, fmt.Errorf("start %s of %s: stopping", argv[0], s.name)
	}
	p, err := s.spawner.Run(argv[0]+" of "+s.name, s.path("logs", argv[0]+".log"), s.self, argv, nil)
	if err != nil {
		return nil, err
	}
	s.running = append(s.running, p)
	if argv[0] == "kube-apiserver" {
		s.apiserver = p
	}
	go func() {
		<-p.Done()
		s.mu.Lock()
		asked := s.stopping || argv[0] == "kube-apiserver" && s.apiserver != p
		s.mu.Unlock()
		if !asked {
			s.ended <- p.Err()
		}
	}()
	return p, nil
}

func (s *shard) healthy(ctx context.Context, p *process.Process, url string) error {
	began := time.Now()
	if err := s.wait(ctx, p, url); err != nil {
		return err
	}
	s.say("%s is ready after %.1f s", p.Name, time.Since(began).Seconds())
	return nil
}

// startAPIServer starts the API server, if it is stopped, and waits for it.
func (s *shard) startAPIServer(ctx context.Context) error {
	s.orders.Lock()
	defer s.orders.Unlock()
	s.mu.Lock()
	p := s.apiserver
	s.mu.Unlock()
	if p == nil {
		var err error
		if p, err = s.start(s.apiserverArgs()); err != nil {
			return err
		}
	}
	return s.healthy(ctx, p, s.server()+"/readyz")
}

// stopAPIServer kills the API server at once, as an outage does.
func (s *shard) stopAPIServer() {
	s.orders.Lock()
	defer s.orders.Unlock()
	s.mu.Lock()
	p := s.apiserver
	s.apiserver = nil
	s.mu.Unlock()
	if p == nil {
		return
	}
	p.Stop(0)
	s.say("%s is stopped", p.Name)
}

// down stops everything, the last started first; the pods go with the node.
func (s *shard) down() {
	s.mu.Lock()
	s.stopping = true
	running := s.running
	s.mu.Unlock()
	for i := len(running) - 1; i >= 0; i-- {
		running[i].Stop(stopGrace)
	}
}

// entry is the shard as ready.json tells it.
func (s *shard) entry() ShardInfo {
	return ShardInfo{
		Name:        s.name,
		Kubeconfig:  filepath.Join(filepath.Dir(s.dir), kubeconfigsDir, s.name),
		Server:      s.server(),
		AddressPool: s.at.Pool.String(),
		Address:     netip.AddrPortFrom(s.at.Control, apiserverPort).String(),
	}
}
