package shard

import (
	"encoding/json"
	"fmt"
	"runtime"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// Twenty objects each of ten thousand tenants are to fit into a few hundred MiB:
// about 0.6 KiB an object here, what the core is handed included. Above a KiB,
// the benchmark fails.
func BenchmarkObserve(b *testing.B) {
	const most = 1024
	template, err := json.Marshal(metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Name: "control-plane-%d", Namespace: "tenant-%d", UID: "7a1ff8c2-5b1e-4d3a-9b76-%012d", ResourceVersion: "1%d",
		Labels: map[string]string{render.LabelUID: "3d5c4d0e-8f0a-4c7b-8c35-%012d", render.LabelTenant: "t-%d", render.LabelManagedBy: "tenantry"},
		Annotations: map[string]string{
			render.AnnotationObject: "Deployment.apps/tenant-%d/control-plane", render.AnnotationDigest: "0123456789abcdef0123456789abcdef", render.AnnotationEpoch: "1",
		},
		ManagedFields: []metav1.ManagedFieldsEntry{{
			Manager: "tenantry", Operation: "Apply",
		}},
	}})
	if err != nil {
		b.Fatal(err)
	}
	kind := render.ObjectID{Group: "apps", Version: "v1", Kind: "Deployment"}
	v := newView(newOutbox("eu-1"))
	v.begin(1)
	var kept []*core.Object
	before := heap()
	n := 0
	for b.Loop() {
		n++
		content := fmt.Appendf(nil, string(template), n, n, n, n, n, n, n)
		var o metav1.PartialObjectMetadata
		if err := json.Unmarshal(content, &o); err != nil {
			b.Fatal(err)
		}
		seen := observe(kind, &o, false)
		v.put(1, seen)
		v.out.take()
		kept = append(kept, seen)
	}
	each := float64(heap()-before) / float64(n)
	b.ReportMetric(each, "B/object")
	if n > 10_000 && each > most {
		b.Errorf("%.0f bytes an object, want %d at most", each, most)
	}
	runtime.KeepAlive(kept)
	runtime.KeepAlive(v)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
