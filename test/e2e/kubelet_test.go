package e2e

import (
	"context"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// pretend says on a light shard what a kubelet and a load balancer would: pods run
// and are ready, those of Jobs have succeeded, Services have the address that they
// ask for. All else is done by the real controllers, cert-manager's among them.
func (s *shard) pretend(t *testing.T) {
	t.Helper()
	client, err := kubernetes.NewForConfig(s.config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	// What fails is tried again with the next resync.
	factory := informers.NewSharedInformerFactory(client, time.Second)
	on(t, factory.Core().V1().Pods().Informer(), func(o any) { pretendPod(ctx, client, o.(*corev1.Pod)) })
	on(t, factory.Core().V1().Services().Informer(), func(o any) { pretendService(ctx, client, o.(*corev1.Service)) })
	factory.Start(ctx.Done())
	t.Cleanup(func() {
		cancel()
		factory.Shutdown()
	})
}

func on(t *testing.T, informer cache.SharedIndexInformer, do func(any)) {
	t.Helper()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: do, UpdateFunc: func(_, o any) { do(o) }})
	if err != nil {
		t.Fatal(err)
	}
}

func pretendPod(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod) {
	pods := client.CoreV1().Pods(pod.Namespace)
	done := pod.Status.Phase == corev1.PodSucceeded
	switch {
	case pod.DeletionTimestamp != nil:
		now := int64(0)
		_ = pods.Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
	case pod.Spec.NodeName == "":
		_ = pods.Bind(ctx, &corev1.Binding{
			ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name},
			Target:     corev1.ObjectReference{Kind: "Node", Name: "pretended"},
		}, metav1.CreateOptions{})
	case !done && owner(pod) == "Job":
		pod = pod.DeepCopy()
		pod.Status.Phase = corev1.PodSucceeded
		_, _ = pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{})
	case !done && pod.Status.Phase != corev1.PodRunning:
		pod = pod.DeepCopy()
		pod.Status.Phase = corev1.PodRunning
		for _, kind := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
			pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue})
		}
		_, _ = pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{})
	}
}

func owner(pod *corev1.Pod) string {
	if ref := metav1.GetControllerOf(pod); ref != nil && ref.APIVersion == batchv1.SchemeGroupVersion.String() {
		return ref.Kind
	}
	return ""
}

func pretendService(ctx context.Context, client kubernetes.Interface, service *corev1.Service) {
	address := service.Annotations["metallb.io/loadBalancerIPs"]
	if service.Spec.Type != corev1.ServiceTypeLoadBalancer || address == "" || len(service.Status.LoadBalancer.Ingress) > 0 {
		return
	}
	service = service.DeepCopy()
	service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: address}}
	_, _ = client.CoreV1().Services(service.Namespace).UpdateStatus(ctx, service, metav1.UpdateOptions{})
}
