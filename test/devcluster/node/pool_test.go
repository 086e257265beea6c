package node

import (
	"maps"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/tenantry/tenantry/test/devcluster/subnet"
)

// balancer makes a Service of type LoadBalancer; age is in seconds since the
// first one, asked what its annotation says.
func balancer(name string, age int64, asked string) *corev1.Service {
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, CreationTimestamp: metav1.NewTime(time.Unix(age, 0))}}
	s.Spec.Type = corev1.ServiceTypeLoadBalancer
	if asked != "" {
		s.Annotations = map[string]string{addressAnnotation: asked}
	}
	return s
}

func TestPool(t *testing.T) {
	r, err := subnet.ParseRange("127.71.1.10-127.71.1.12")
	if err != nil {
		t.Fatal(err)
	}
	p := pool{addresses: r, given: map[string]netip.Addr{}}
	clusterIP := balancer("b", 2, "")
	clusterIP.Spec.Type = corev1.ServiceTypeClusterIP
	class := "else"
	foreign := balancer("z", 0, "")
	foreign.Spec.LoadBalancerClass = &class
	deprecated := balancer("f", 9, "")
	deprecated.Spec.LoadBalancerIP = "127.71.1.10"
	for _, step := range []struct {
		name     string
		services []*corev1.Service
		want     map[string]string
		refused  map[string]string
		reason   string
	}{
		{"oldest first", []*corev1.Service{balancer("b", 2, ""), balancer("a", 3, ""), foreign},
			map[string]string{"b": "127.71.1.10", "a": "127.71.1.11"}, nil, "the same on every run; other classes are others' business"},
		{"kept", []*corev1.Service{balancer("b", 2, ""), balancer("a", 3, ""), balancer("c", 1, "127.71.1.11"), balancer("d", 4, "")},
			map[string]string{"b": "127.71.1.10", "a": "127.71.1.11", "d": "127.71.1.12"}, map[string]string{"c": "taken by ns/a"}, "a wish takes nothing from others"},
		{"full", []*corev1.Service{balancer("b", 2, ""), balancer("a", 3, ""), balancer("d", 4, ""), balancer("e", 5, "")},
			map[string]string{"b": "127.71.1.10", "a": "127.71.1.11", "d": "127.71.1.12"}, map[string]string{"e": "no address"}, "there are three"},
		{"released", []*corev1.Service{clusterIP, balancer("c", 1, "127.71.1.11"), balancer("d", 4, "")},
			map[string]string{"c": "127.71.1.11", "d": "127.71.1.12"}, nil, "type changed or gone: free for others"},
		{"moved", []*corev1.Service{balancer("c", 1, "127.71.1.10"), balancer("d", 4, "")},
			map[string]string{"c": "127.71.1.10", "d": "127.71.1.12"}, nil, "another wish"},
		{"outside", []*corev1.Service{balancer("c", 1, "127.72.1.10"), balancer("d", 4, "x"), deprecated},
			map[string]string{"f": "127.71.1.10"}, map[string]string{"c": "not in the pool", "d": `"x"`}, "another shard's addresses; none; the field of old"},
		{"nobody", nil, map[string]string{}, nil, "all are gone"},
		{"wishes first", []*corev1.Service{balancer("a", 1, ""), balancer("b", 1, ""), balancer("c", 2, "127.71.1.11"), balancer("d", 2, "127.71.1.12")},
			map[string]string{"a": "127.71.1.10", "c": "127.71.1.11", "d": "127.71.1.12"}, map[string]string{"b": "no address"}, "who takes any shall not take what another asks for"},
	} {
		refused := p.assign(step.services)
		got := map[string]string{}
		for k, a := range p.given {
			got[strings.TrimPrefix(k, "ns/")] = a.String()
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", step.name, step.reason, diff)
		}
		for name, want := range step.refused {
			if err := refused["ns/"+name]; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %s: got %v, want %q", step.name, name, err, want)
			}
		}
		if len(refused) != len(step.refused) {
			t.Errorf("%s: refused %v", step.name, maps.Collect(maps.All(refused)))
		}
	}
}

func TestTargetPort(t *testing.T) {
	p := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{}, {Ports: []corev1.ContainerPort{{Name: "https", ContainerPort: 6443}}}}}}
	for _, tc := range []struct {
		name   string
		target intstr.IntOrString
		want   string
		reason string
	}{
		{"number", intstr.FromInt32(8443), "8443", "as it says"},
		{"unset", intstr.IntOrString{}, "443", "the Service's own port"},
		{"name", intstr.FromString("https"), "6443", "of any container"},
		{"unknown name", intstr.FromString("grpc"), "", "this pod has none"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := targetPort(p, corev1.ServicePort{Port: 443, TargetPort: tc.target}); got != tc.want {
				t.Errorf("got %q, want %q: %s", got, tc.want, tc.reason)
			}
		})
	}
}
