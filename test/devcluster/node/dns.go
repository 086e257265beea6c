package node

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
	corev1 "k8s.io/api/core/v1"
)

// serveDNS answers for names of Services. Names from outside are not known.
func (n *node) serveDNS(ctx context.Context) (net.PacketConn, error) {
	conn, err := net.ListenPacket("udp", n.listenAt(dnsPort))
	if err != nil {
		return nil, fmt.Errorf("serve DNS: %w", err)
	}
	go func() {
		buf := make([]byte, 1500)
		for ctx.Err() == nil {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if b, err := answer(buf[:size], n.lookup); err == nil {
				_, _ = conn.WriteTo(b, from)
			}
		}
	}()
	return conn, nil
}

// answer makes the answer to a question: addresses of a name, which is ok if it
// exists, even without addresses.
func answer(question []byte, lookup func(name string) (ips []netip.Addr, ok bool)) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		return nil, fmt.Errorf("read question: %w", err)
	}
	if len(m.Questions) != 1 {
		return nil, fmt.Errorf("read question: %d of them", len(m.Questions))
	}
	q := m.Questions[0]
	r := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RecursionDesired: m.RecursionDesired, RecursionAvailable: true},
		Questions: m.Questions,
	}
	ips, ok := lookup(strings.TrimSuffix(q.Name.String(), "."))
	if !ok {
		r.RCode = dnsmessage.RCodeNameError
	}
	if q.Type == dnsmessage.TypeA {
		for _, ip := range ips {
			r.Answers = append(r.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 1},
				Body:   &dnsmessage.AResource{A: ip.As4()},
			})
		}
	}
	return r.Pack()
}

// serviceName takes apart SERVICE.NAMESPACE or POD.SERVICE.NAMESPACE, with or
// without .svc and .svc.cluster.local.
func serviceName(host string) (pod, service, namespace string, ok bool) {
	host = strings.TrimSuffix(strings.TrimSuffix(host, ".cluster.local"), ".svc")
	switch f := strings.Split(host, "."); len(f) {
	case 2:
		return "", f[0], f[1], true
	case 3:
		return f[0], f[1], f[2], true
	}
	return "", "", "", false
}

// lookup finds the addresses of a Service, or of its pods if it is headless.
func (n *node) lookup(host string) ([]netip.Addr, bool) {
	pod, service, namespace, ok := serviceName(host)
	if !ok {
		return nil, false
	}
	s, err := n.listers.services.Services(namespace).Get(service)
	if err != nil {
		return nil, false
	}
	if pod == "" && s.Spec.ClusterIP != corev1.ClusterIPNone {
		ip, err := netip.ParseAddr(s.Spec.ClusterIP)
		return []netip.Addr{ip}, err == nil
	}
	var ips []netip.Addr
	for _, p := range endpoints(s, n.pods()) {
		if pod != "" && (p.Spec.Hostname != pod || p.Spec.Subdomain != service) {
			continue
		}
		if ip, err := netip.ParseAddr(p.Status.PodIP); err == nil {
			ips = append(ips, ip)
		}
	}
	return ips, pod == "" || len(ips) > 0
}

// clusterIP is lookup for programs that cannot ask.
func (n *node) clusterIP(host string) (string, bool) {
	ips, _ := n.lookup(host)
	if len(ips) == 0 {
		return "", false
	}
	return ips[0].String(), true
}
