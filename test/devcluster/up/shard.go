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
	startLimit = 5 * time.Minute // on two busy cores; a quiet machine needs seconds
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

	mu       sync.Mutex // guards what follows
	running  map[string]*process.Process
	stopping bool

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
	if err := s.component(ctx, s.etcdArgs(), url("http", s.at.Control, etcdPort)+"/health"); err != nil {
		return err
	}
	if err := s.apiserver(ctx); err != nil {
		return err
	}
	c, err := newClients(s.path("admin.kubeconfig"))
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.controllers(ctx, c.certManager) })
	g.Go(func() error { return c.storageClass(ctx) })
	g.Go(func() error { return c.defaultServiceAccount(ctx) })
	if s.opts.node {
		g.Go(func() error { return s.component(ctx, s.nodeArgs(), url("http", s.at.Node, nodeHealthPort)+"/healthz") })
	}
	return g.Wait()
}

func (s *shard) apiserver(ctx context.Context) error {
	return s.component(ctx, s.apiserverArgs(), s.server()+"/readyz")
}

// controllers starts everything that works through the API server alone;
// prepare makes what cert-manager needs.
func (s *shard) controllers(ctx context.Context, prepare func(context.Context) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.component(ctx, s.kcmArgs(), url("https", s.at.Control, kcmPort)+"/healthz") })
	g.Go(func() error {
		return s.component(ctx, s.schedulerArgs(), url("https", s.at.Control, schedulerPort)+"/healthz")
	})
	if s.opts.certManager {
		g.Go(func() error {
			if err := prepare(ctx); err != nil {
				return err
			}
			return s.component(ctx, s.certManagerArgs(), url("http", s.at.Control, certManagerPort)+"/healthz")
		})
	}
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

// component starts one of this binary's components and waits for its health.
func (s *shard) component(ctx context.Context, argv []string, health string) error {
	began := time.Now()
	p, err := s.start(argv)
	if err != nil {
		return err
	}
	if err := wait(ctx, p, health); err != nil {
		return err
	}
	s.say("%s is ready after %.1f s", p.Name, time.Since(began).Seconds())
	return nil
}

// start starts a component and watches for its end.
func (s *shard) start(argv []string) (*process.Process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := argv[0]
	if s.stopping {
		return nil, fmt.Errorf("start %s of %s: stopping", name, s.name)
	}
	p, err := s.spawner.Run(name+" of "+s.name, s.path("logs", name+".log"), s.self, argv, nil)
	if err != nil {
		return nil, err
	}
	s.running[name] = p
	go func() {
		<-p.Done()
		s.mu.Lock()
		asked := s.stopping || s.running[name] != p
		s.mu.Unlock()
		if !asked {
			s.ended <- p.Err()
		}
	}()
	return p, nil
}

// kill ends a component at once; false if it was not running.
func (s *shard) kill(name string) bool {
	s.mu.Lock()
	p := s.running[name]
	delete(s.running, name)
	s.mu.Unlock()
	if p == nil {
		return false
	}
	p.Stop(0)
	return true
}

// outage kills the API server, as the shard's failure does. It may be repeated.
func (s *shard) outage() {
	s.orders.Lock()
	defer s.orders.Unlock()
	if s.kill("kube-apiserver") {
		s.say("kube-apiserver of %s is stopped", s.name)
	}
}

// recover ends an outage and returns when the shard works again. It may be repeated.
func (s *shard) recover(ctx context.Context) error {
	s.orders.Lock()
	defer s.orders.Unlock()
	s.mu.Lock()
	up := s.running["kube-apiserver"] != nil
	s.mu.Unlock()
	if up {
		return nil
	}
	if err := s.apiserver(ctx); err != nil {
		s.kill("kube-apiserver") // so that it can be tried again
		return err
	}
	for _, name := range []string{"kube-controller-manager", "kube-scheduler", "cert-manager-controller"} {
		s.kill(name)
	}
	return s.controllers(ctx, func(context.Context) error { return nil })
}

// down stops everything; the pods go with the node.
func (s *shard) down() {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	for _, name := range []string{"node", "cert-manager-controller", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"} {
		s.mu.Lock()
		p := s.running[name]
		s.mu.Unlock()
		if p != nil {
			p.Stop(stopGrace)
		}
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
