package node

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/tenantry/tenantry/test/devcluster/subnet"
)

// addressAnnotation asks for an address, as users of MetalLB do.
const addressAnnotation = "metallb.io/loadBalancerIPs"

// pool gives load balancers their addresses. Who has one keeps it.
type pool struct {
	addresses subnet.Range
	given     map[string]netip.Addr // by namespace/name
	last      netip.Addr
}

// assign gives every Service of type LoadBalancer an address and takes back
// those of the others. It returns why Services got none.
func (p *pool) assign(services []*corev1.Service) map[string]error {
	refused := map[string]error{}
	balancers := map[string]*corev1.Service{}
	for _, s := range services {
		if s.Spec.Type == corev1.ServiceTypeLoadBalancer && s.Spec.LoadBalancerClass == nil {
			balancers[s.Namespace+"/"+s.Name] = s
		}
	}
	for key, a := range p.given {
		if s := balancers[key]; s == nil || asked(s) != "" && asked(s) != a.String() {
			delete(p.given, key)
		}
	}
	// Who asks for an address comes before who takes any, the older before the newer.
	keys := sortedKeys(balancers)
	for _, wish := range []bool{true, false} {
		for _, key := range keys {
			want := asked(balancers[key])
			if p.given[key].IsValid() || (want != "") != wish {
				continue
			}
			a, err := p.pick(want)
			if err != nil {
				refused[key] = err
				continue
			}
			p.given[key] = a
		}
	}
	return refused
}

// pick finds the address wanted, or with "" any that is free.
func (p *pool) pick(want string) (netip.Addr, error) {
	if want == "" {
		a, ok := p.addresses.Free(p.last, func(a netip.Addr) bool { return p.owner(a) != "" })
		if !ok {
			return a, fmt.Errorf("no address of %s is free", p.addresses)
		}
		p.last = a
		return a, nil
	}
	a, err := netip.ParseAddr(want)
	if err != nil {
		return a, fmt.Errorf("address %q is none", want)
	}
	if !p.addresses.Contains(a) {
		return netip.Addr{}, fmt.Errorf("address %s is not in the pool %s", a, p.addresses)
	}
	if o := p.owner(a); o != "" {
		return netip.Addr{}, fmt.Errorf("address %s is taken by %s", a, o)
	}
	return a, nil
}

func (p *pool) owner(a netip.Addr) string {
	for key, g := range p.given {
		if g == a {
			return key
		}
	}
	return ""
}

// asked is the address that a Service asks for, if any.
func asked(s *corev1.Service) string {
	if a := s.Annotations[addressAnnotation]; a != "" {
		return a
	}
	return s.Spec.LoadBalancerIP
}

func sortedKeys(services map[string]*corev1.Service) []string {
	keys := make([]string, 0, len(services))
	for k := range services {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(services[a].CreationTimestamp.Compare(services[b].CreationTimestamp.Time), cmp.Compare(a, b))
	})
	return keys
}
