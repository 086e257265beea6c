package scale

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/fleet/placement"
	"github.com/tenantry/tenantry/render"
	"github.com/tenantry/tenantry/test/fleetgen"
)

// together is how many tenants of a shard the daemon works on at once.
const together = 16

// bare sends what a fleet renders to as it is: no order but that of a tenant's objects, no
// ledger, no watch, nothing looked at before or after.
type bare struct {
	// bodies are a tenant's objects, shards where it is sent, by the tenant's name.
	bodies map[string][]body
	shards map[string]string
	hosts  map[string]*host
}

// body is one object as it is sent.
type body struct {
	id   render.ObjectID
	json []byte
}

// host is one API server.
type host struct {
	client *http.Client
	server string
	mapper meta.RESTMapper
}

// newBare renders a fleet, for namespaces of other names than the daemon's.
func newBare(b *testing.B, made *fleetgen.Fleet, configs map[string]*rest.Config) *bare {
	b.Helper()
	files := fstest.MapFS{}
	for name, content := range made.Files {
		files[name] = &fstest.MapFile{Data: []byte(content)}
	}
	f, findings, err := fleet.Load(files)
	if err != nil || len(findings) > 0 {
		b.Fatal(err, findings)
	}
	renderer, err := render.New(render.Options{Image: "unused"})
	if err != nil {
		b.Fatal(err)
	}
	var requests []placement.Request
	for _, t := range f.Tenants {
		requests = append(requests, placement.Ask(t, f.Classes[t.Spec.Class]))
	}
	out := &bare{bodies: map[string][]body{}, shards: map[string]string{}, hosts: map[string]*host{}}
	for _, o := range placement.New(f, nil).PlaceAll(requests) {
		t, class := f.Tenants[o.Name], f.Classes[f.Tenants[o.Name].Spec.Class]
		in := render.InputOf(t, class)
		in.UID, in.BaseVersion, in.Placement, in.Lifecycle = ledger.UID("bare", o.Name), renderer.BaseFor(class), o.Placement, ledger.Living
		in.DataStore = render.DataStoreInput{Name: o.Placement.DataStore, UID: ledger.UID(o.Placement.DataStore), BaseVersion: renderer.LatestBase(class.Spec.Provider)}
		unit, err := renderer.Tenant(in)
		if err != nil {
			b.Fatal(err)
		}
		out.shards[o.Name] = o.Placement.Shard
		for _, object := range unit.Objects {
			out.bodies[o.Name] = append(out.bodies[o.Name], beside(object))
		}
	}
	for name, cfg := range configs {
		out.hosts[name] = newHost(b, cfg)
	}
	return out
}

// beside is an object of as many bytes that lies beside the daemon's, and is not watched.
func beside(o render.Object) body {
	id := o.ID
	rename := func(s string) string { return strings.Replace(s, "tenant-", "beside-", 1) }
	if id.Namespace = rename(id.Namespace); id.Kind == "Namespace" {
		id.Name = rename(id.Name)
	}
	json := bytes.ReplaceAll(o.JSON, []byte(`"tenant-`), []byte(`"beside-`))
	return body{id, bytes.ReplaceAll(json, []byte(`"tenantry.io/`), []byte(`"besides.io/`))}
}

func newHost(b *testing.B, cfg *rest.Config) *host {
	b.Helper()
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		b.Fatal(err)
	}
	found, err := discovery.NewDiscoveryClientForConfigAndClient(cfg, client)
	if err != nil {
		b.Fatal(err)
	}
	groups, err := restmapper.GetAPIGroupResources(found)
	if err != nil {
		b.Fatal(err)
	}
	return &host{client, cfg.Host, restmapper.NewDiscoveryRESTMapper(groups)}
}

// send sends all objects of tenants, and says how long it took.
func (s *bare) send(b *testing.B, tenants []string) time.Duration {
	b.Helper()
	begin := time.Now()
	var all errgroup.Group
	for name, h := range s.hosts {
		var tasks errgroup.Group
		tasks.SetLimit(together)
		mine := slices.DeleteFunc(slices.Clone(tenants), func(t string) bool { return s.shards[t] != name })
		all.Go(func() error {
			for _, t := range mine {
				tasks.Go(func() error {
					for _, o := range s.bodies[t] {
						if err := h.apply(b.Context(), o); err != nil {
							return err
						}
					}
					return nil
				})
			}
			return tasks.Wait()
		})
	}
	if err := all.Wait(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}

func (h *host) apply(ctx context.Context, o body) error {
	mapping, err := h.mapper.RESTMapping(schema.GroupKind{Group: o.id.Group, Kind: o.id.Kind}, o.id.Version)
	if err != nil {
		return fmt.Errorf("send %s: %w", o.id, err)
	}
	path := "/apis/" + o.id.Group
	if o.id.Group == "" {
		path = "/api"
	}
	path += "/" + o.id.Version
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		path += "/namespaces/" + o.id.Namespace
	}
	path += "/" + mapping.Resource.Resource + "/" + o.id.Name + "?fieldManager=bare&force=true"
	req, err := http.NewRequestWithContext(ctx, http.MethodPatch, h.server+path, bytes.NewReader(o.json))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", string(types.ApplyYAMLPatchType))
	resp, err := h.client.Do(req)
	if err != nil {
		return fmt.Errorf("send %s: %w", o.id, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("send %s: %s", o.id, resp.Status)
	}
	return nil
}
