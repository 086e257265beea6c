package apiserver_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/test/cluster"
	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

var fixture = cluster.New(cluster.Options{})

func TestMain(m *testing.M) { os.Exit(fixture.Main(m)) }

// patience is how long a test waits for what has to happen.
const patience = 20 * time.Second

// scenario is something that an API server does. It is run against the real one and
// against the simulated one, and asks of both the same.
type scenario struct {
	name, why string
	run       func(*world)
}

func TestConformance(t *testing.T) {
	scenarios := slices.Concat(writes(), applies(), deletes(), lists(), watches())
	for _, kind := range []string{"real", "simulated"} {
		t.Run(kind, func(t *testing.T) {
			begin := simulated
			if kind == "real" {
				cfg := realCluster(t)
				begin = func(t *testing.T) *world { return newWorld(t, cfg, nil) }
			}
			for _, sc := range scenarios {
				t.Run(sc.name, func(t *testing.T) {
					defer func() {
						if t.Failed() {
							t.Log(sc.why)
						}
					}()
					sc.run(begin(t))
				})
			}
		})
	}
}

// world is an API server as a scenario sees it.
type world struct {
	*testing.T
	cfg    *rest.Config
	client *http.Client
	typed  *kubernetes.Clientset
	// play reaches the simulated server beside its API; nil for the real one.
	play *apiserver.Transport
}

func simulated(t *testing.T) *world {
	t.Helper()
	s := apiserver.New(apiserver.Options{Identity: "simulated", Now: time.Now, Kinds: slices.Concat(apiserver.CertManager(), apiserver.Kamaji())})
	play := apiserver.NewTransport(s)
	return newWorld(t, &rest.Config{Host: "http://simulated", Transport: play, QPS: -1}, play)
}

func newWorld(t *testing.T, cfg *rest.Config, play *apiserver.Transport) *world {
	t.Helper()
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	typed, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &world{T: t, cfg: cfg, client: client, typed: typed, play: play}
}

// realCluster starts one, and defines there what the simulated one serves.
func realCluster(t *testing.T) *rest.Config {
	t.Helper()
	cfg := fixture.Start(t).Shards[0].Config(t)
	define(t, cfg)
	return cfg
}

func define(t *testing.T, cfg *rest.Config) {
	t.Helper()
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	definitions := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	files, err := filepath.Glob("../../devcluster/certmanager/crds/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "../../kamaji/definitions.yaml") {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for document := range bytes.SplitSeq(content, []byte("\n---\n")) {
			u := &unstructured.Unstructured{}
			if err := yaml.Unmarshal(document, &u.Object); err != nil {
				t.Fatal(err)
			}
			if u.GetKind() != "CustomResourceDefinition" {
				continue
			}
			watch, err := definitions.Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + u.GetName()})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := definitions.Apply(t.Context(), u.GetName(), u, metav1.ApplyOptions{FieldManager: "test", Force: true}); err != nil {
				t.Fatal(err)
			}
			for event := range watch.ResultChan() {
				if established(event.Object) {
					break
				}
			}
			watch.Stop()
			wait(t, client, u)
		}
	}
}

// wait lists a new kind, which waits until it can be listed.
func wait(t *testing.T, client dynamic.Interface, definition *unstructured.Unstructured) {
	t.Helper()
	group, _, _ := unstructured.NestedString(definition.Object, "spec", "group")
	plural, _, _ := unstructured.NestedString(definition.Object, "spec", "names", "plural")
	versions, _, _ := unstructured.NestedSlice(definition.Object, "spec", "versions")
	version, _ := versions[0].(map[string]any)["name"].(string)
	if _, err := client.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: plural}).List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
}

func established(o any) bool {
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return false
	}
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	return slices.ContainsFunc(conditions, func(c any) bool {
		condition, _ := c.(map[string]any)
		return condition["type"] == "Established" && condition["status"] == "True"
	})
}
