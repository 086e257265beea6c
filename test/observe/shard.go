package observe

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/tenantry/tenantry/test/cluster"
	"github.com/tenantry/tenantry/test/kamaji"
)

// Admit does on a shard what an administrator does, and plays Kamaji there.
func Admit(b testing.TB, c *cluster.Cluster, name, kubeconfigs string) {
	b.Helper()
	content, err := os.ReadFile(c.Admit(b, name))
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(kubeconfigs, name+".kubeconfig"), content, 0o600); err != nil {
		b.Fatal(err)
	}
	cfg := c.Shard(b, name).Config(b)
	if err := kamaji.Install(b.Context(), cfg); err != nil {
		b.Fatal(err)
	}
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		b.Fatal(err)
	}
	for _, made := range []struct {
		resource string
		object   map[string]any
	}{
		{"namespaces", map[string]any{"kind": "Namespace", "metadata": map[string]any{"name": "databases"}}},
		{"secrets", map[string]any{
			"kind": "Secret", "metadata": map[string]any{"name": "postgres", "namespace": "databases"},
			"stringData": map[string]any{"username": "kamaji", "password": "sesame", "ca.crt": "an authority"},
		}},
	} {
		resource, object := made.resource, made.object
		object["apiVersion"] = "v1"
		o := &unstructured.Unstructured{Object: object}
		Await(b, "the datastore's "+resource+" are there", time.Minute, func() bool {
			_, err := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: resource}).Namespace(o.GetNamespace()).
				Create(b.Context(), o, metav1.CreateOptions{})
			return err == nil
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := kamaji.Run(ctx, cfg, kamaji.Options{}); err != nil {
			b.Error(err)
		}
	})
	b.Cleanup(func() { cancel(); running.Wait() })
}

// Quiet tells whether the daemon has asked nothing of the shards for a while.
func Quiet(b testing.TB, log *Audit, pause time.Duration) func() bool {
	requests, last := log.Again(), time.Now()
	return func() bool {
		all, err := requests.Next()
		if err != nil {
			b.Fatal(err)
		}
		if n, _ := Count(all, func(r Request) bool { return !r.Lease() }); n > 0 {
			last = time.Now()
		}
		return time.Since(last) > pause
	}
}
