package apiserver_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

func TestSmoke(t *testing.T) {
	s := apiserver.New(apiserver.Options{Identity: "id", Now: time.Now, Seed: 1})
	cfg := &rest.Config{Host: "http://sim", Transport: apiserver.NewTransport(s), QPS: -1}
	c, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.CoreV1().ConfigMaps("").Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cm, err := c.CoreV1().ConfigMaps("default").Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Data: map[string]string{"a": "b"}}, metav1.CreateOptions{})
	t.Logf("%+v %v", cm, err)
	t.Logf("%+v", <-w.ResultChan())
	w.Stop()
	ns, err := c.CoreV1().Namespaces().Get(t.Context(), "kube-system", metav1.GetOptions{})
	t.Logf("%+v %v", ns, err)
	_, err = c.CoreV1().Namespaces().Get(t.Context(), "kube-systemx", metav1.GetOptions{})
	t.Logf("%v", err)
}
