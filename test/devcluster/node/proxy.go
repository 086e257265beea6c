package node

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/klog/v2"
)

const dialLimit = 5 * time.Second

// proxy returns the look at all Services: addresses of load balancers are given
// and reported, and a listener is open for exactly the ports that have a ready
// pod. Elsewhere connections are refused, as with kube-proxy.
func (n *node) proxy() func(context.Context) error {
	pool := pool{addresses: n.opts.pool, given: map[string]netip.Addr{}}
	open := map[string]*forwarder{}
	told := map[string]string{}
	return func(ctx context.Context) error {
		services, err := n.listers.services.List(labels.Everything())
		if err != nil {
			return fmt.Errorf("list services: %w", err)
		}
		pods := n.pods()
		refused := pool.assign(services)
		want := map[string]*forwarder{}
		var errs []error
		for _, s := range services {
			key := s.Namespace + "/" + s.Name
			if err := refused[key]; err != nil && told[key] != err.Error() {
				told[key] = err.Error()
				n.events.Event(s, corev1.EventTypeWarning, "AllocationFailed", err.Error())
			}
			address := pool.given[key]
			if err := n.reportAddress(ctx, s, address); err != nil {
				errs = append(errs, err)
			}
			n.forwarders(want, s, address, pods)
		}
		for at, f := range open {
			if want[at] == nil {
				f.listener.Close()
				delete(open, at)
			}
		}
		for at, f := range want {
			if has := open[at]; has != nil {
				has.setBackends(f.backends)
				continue
			}
			if f.listener, err = net.Listen("tcp", at); err != nil {
				errs = append(errs, fmt.Errorf("forward to %s: %w", f.name, err))
				continue
			}
			open[at] = f
			go f.serve()
		}
		return errors.Join(errs...)
	}
}

// forwarders adds what a Service wants open, keyed by address and port.
func (n *node) forwarders(want map[string]*forwarder, s *corev1.Service, balancer netip.Addr, pods []*corev1.Pod) {
	var addresses []string
	if s.Spec.ClusterIP != "" && s.Spec.ClusterIP != corev1.ClusterIPNone {
		addresses = append(addresses, s.Spec.ClusterIP)
	}
	if balancer.IsValid() {
		addresses = append(addresses, balancer.String())
	}
	for _, p := range s.Spec.Ports {
		if p.Protocol != corev1.ProtocolTCP {
			continue
		}
		backends := n.backends(s, p, pods)
		if len(backends) == 0 {
			continue
		}
		for _, a := range addresses {
			want[net.JoinHostPort(a, strconv.Itoa(int(p.Port)))] = &forwarder{name: s.Namespace + "/" + s.Name, backends: backends}
		}
	}
}

// backends are where the pods behind a Service's port listen.
func (n *node) backends(s *corev1.Service, port corev1.ServicePort, pods []*corev1.Pod) []string {
	if s.Namespace == metav1.NamespaceDefault && s.Name == "kubernetes" {
		return []string{n.opts.apiserver}
	}
	var out []string
	for _, p := range endpoints(s, pods) {
		if target := targetPort(p, port); target != "" {
			out = append(out, net.JoinHostPort(p.Status.PodIP, target))
		}
	}
	return out
}

// targetPort is the port of a pod that a Service's port leads to; "" if the pod
// has none of that name.
func targetPort(p *corev1.Pod, port corev1.ServicePort) string {
	t := port.TargetPort
	if t.Type == intstr.Int {
		return strconv.Itoa(int(cmp.Or(t.IntVal, port.Port)))
	}
	for _, c := range p.Spec.Containers {
		for _, cp := range c.Ports {
			if cp.Name == t.StrVal {
				return strconv.Itoa(int(cp.ContainerPort))
			}
		}
	}
	return ""
}

// endpoints are the pods that a Service selects and that take requests.
func endpoints(s *corev1.Service, pods []*corev1.Pod) []*corev1.Pod {
	if len(s.Spec.Selector) == 0 {
		return nil
	}
	selector := labels.SelectorFromSet(s.Spec.Selector)
	var out []*corev1.Pod
	for _, p := range pods {
		if p.Namespace != s.Namespace || p.Status.PodIP == "" || terminal(p.Status.Phase) || !selector.Matches(labels.Set(p.Labels)) {
			continue
		}
		if s.Spec.PublishNotReadyAddresses || p.DeletionTimestamp == nil && isReady(p) {
			out = append(out, p)
		}
	}
	return out
}

func isReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// reportAddress writes a load balancer's address to the Service's status, or
// takes it away from one that is none any more.
func (n *node) reportAddress(ctx context.Context, s *corev1.Service, a netip.Addr) error {
	have := ""
	if in := s.Status.LoadBalancer.Ingress; len(in) > 0 {
		have = in[0].IP
	}
	if !a.IsValid() && have == "" || a.IsValid() && have == a.String() || ctx.Err() != nil {
		return nil
	}
	var status corev1.LoadBalancerStatus
	if a.IsValid() {
		mode := corev1.LoadBalancerIPModeVIP
		status.Ingress = []corev1.LoadBalancerIngress{{IP: a.String(), IPMode: &mode}}
	}
	// A merge patch replaces the list, and repeating it does no harm.
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": s.UID},
		"status":   map[string]any{"loadBalancer": map[string]any{"ingress": status.Ingress}},
	})
	if err != nil {
		return fmt.Errorf("report address of service %s/%s: %w", s.Namespace, s.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	_, err = n.client.CoreV1().Services(s.Namespace).Patch(ctx, s.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("report address of service %s/%s: %w", s.Namespace, s.Name, err)
	}
	return nil
}

// forwarder forwards the connections of one address and port.
type forwarder struct {
	name     string
	listener net.Listener

	mu       sync.Mutex
	backends []string
	turn     int
}

func (f *forwarder) setBackends(b []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.backends = b
}

// next takes the backends in turn.
func (f *forwarder) next() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn++
	return f.backends[f.turn%len(f.backends)]
}

func (f *forwarder) serve() {
	for {
		c, err := f.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			klog.ErrorS(err, "Accept", "service", f.name)
			continue
		}
		go f.forward(c.(*net.TCPConn))
	}
}

// forward copies both ways until both sides are done, or one of them broke.
func (f *forwarder) forward(client *net.TCPConn) {
	defer client.Close()
	conn, err := net.DialTimeout("tcp", f.next(), dialLimit)
	if err != nil {
		_ = client.SetLinger(0) // reset, so that it does not look like an empty answer
		return
	}
	server := conn.(*net.TCPConn)
	defer server.Close()
	var both sync.WaitGroup
	pipe := func(to, from *net.TCPConn) {
		if _, err := io.Copy(to, from); err != nil {
			to.Close()
			from.Close()
			return
		}
		_ = to.CloseWrite()
	}
	both.Go(func() { pipe(server, client) })
	both.Go(func() { pipe(client, server) })
	both.Wait()
}
