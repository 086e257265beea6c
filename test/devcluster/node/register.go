package node

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-base/version"
)

const (
	kubeletPort = 10250
	healthPort  = 10248
	dnsPort     = 10053
)

// register creates the Node, ready for good: no controller looks at its heartbeat.
func (n *node) register(ctx context.Context) error {
	now := metav1.Now()
	// Requests shall never keep a pod from a node that has no limits.
	capacity := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("1000"), corev1.ResourceMemory: resource.MustParse("4Ti"),
		corev1.ResourceEphemeralStorage: resource.MustParse("4Ti"), corev1.ResourcePods: resource.MustParse("250"),
	}
	obj := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: Name, Labels: map[string]string{
			corev1.LabelHostname: Name, corev1.LabelOSStable: runtime.GOOS, corev1.LabelArchStable: runtime.GOARCH,
		}},
		Status: corev1.NodeStatus{
			Capacity: capacity, Allocatable: capacity,
			Addresses:       []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: n.opts.address.String()}},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: kubeletPort}},
			NodeInfo: corev1.NodeSystemInfo{KubeletVersion: version.Get().GitVersion, OperatingSystem: runtime.GOOS, Architecture: runtime.GOARCH,
				ContainerRuntimeVersion: "process://1"},
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady",
				Message: "pods run as processes", LastHeartbeatTime: now, LastTransitionTime: now}},
		},
	}
	if _, err := n.client.CoreV1().Nodes().Create(ctx, obj, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("register node: %w", err)
	}
	return nil
}

func (n *node) listenAt(port int) string {
	return net.JoinHostPort(n.opts.address.String(), strconv.Itoa(port))
}

// serveHealth answers once the node has seen the cluster.
func (n *node) serveHealth() (*http.Server, error) {
	l, err := net.Listen("tcp", n.listenAt(healthPort))
	if err != nil {
		return nil, fmt.Errorf("serve health: %w", err)
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})}
	go func() { _ = server.Serve(l) }()
	return server, nil
}
