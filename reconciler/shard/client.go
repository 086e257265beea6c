package shard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/tenantry/tenantry/render"
)

// requestTimeout bounds a request when the lease does not do so earlier.
const requestTimeout = 30 * time.Second

// patient is how often somebody who writes nothing asks again.
const patient = 10

// asMetadata asks for an object without its content.
const asMetadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"

var errNoKind = errors.New("the shard does not serve this kind")

// client sends requests to one API server, none without a lease, and each of them once
// unless it is told otherwise. Watches go through dynamic and metadata.
type client struct {
	rest     rest.Interface
	dynamic  dynamic.Interface
	metadata metadata.Interface
	deadline func() time.Time
	types    *typeFinder
	retries  int // how often a request is sent again that the server asks to be

	asking singleflight.Group
	mu     sync.Mutex
	kinds  map[schema.GroupVersion]map[string]resource // by kind
}

// resource is how a kind is reached.
type resource struct {
	name       string
	namespaced bool
}

func newClient(cfg *rest.Config, deadline func() time.Time, schemas *Schemas) (*client, error) {
	httpClient, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	plain := rest.CopyConfig(cfg)
	plain.GroupVersion = &schema.GroupVersion{}
	plain.AcceptContentTypes, plain.ContentType = "application/json", "application/json"
	plain.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	c := &client{deadline: deadline}
	if c.rest, err = rest.UnversionedRESTClientForConfigAndClient(plain, httpClient); err != nil {
		return nil, err
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(dynamic.ConfigFor(cfg), httpClient); err != nil {
		return nil, err
	}
	if c.metadata, err = metadata.NewForConfigAndClient(metadata.ConfigFor(cfg), httpClient); err != nil {
		return nil, err
	}
	c.types = newTypeFinder(schemas, c.get)
	c.forget()
	return c, nil
}

// get reads a document that is no object.
func (c *client) get(ctx context.Context, path string, params url.Values) ([]byte, error) {
	request := c.rest.Get().AbsPath(path).MaxRetries(0).SetHeader("Accept", "application/json")
	for name := range params {
		request.Param(name, params.Get(name))
	}
	return request.Do(ctx).Raw()
}

// forget has kinds looked up anew.
func (c *client) forget() {
	c.types.forget()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kinds = map[schema.GroupVersion]map[string]resource{}
}

func (c *client) forgetKind(id render.ObjectID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.kinds, schema.GroupVersion{Group: id.Group, Version: id.Version})
}

// lookup finds how a kind is reached: one request a group and version, or one
// each time that a kind is missing. errNoKind says that the shard does not
// serve it.
func (c *client) lookup(ctx context.Context, id render.ObjectID) (resource, error) {
	gv := schema.GroupVersion{Group: id.Group, Version: id.Version}
	c.mu.Lock()
	r, known := c.kinds[gv][id.Kind]
	c.mu.Unlock()
	if known {
		return r, nil
	}
	// Whoever wants another kind of the group at the same time waits for the same answer.
	asked := c.asking.DoChan(gv.String(), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
		defer cancel()
		return c.resources(ctx, gv)
	})
	select {
	case answer := <-asked:
		if err := answer.Err; err != nil && !kindGone(err) {
			return resource{}, fmt.Errorf("look up kind %s: %w", id.KindName(), err)
		}
		found, _ := answer.Val.(map[string]resource)
		if r, known = found[id.Kind]; !known {
			return resource{}, fmt.Errorf("%s: %w", id.KindName(), errNoKind)
		}
		return r, nil
	case <-ctx.Done():
		return resource{}, fmt.Errorf("look up kind %s: %w", id.KindName(), ctx.Err())
	}
}

// resources asks for all kinds of a group and version, and remembers them.
func (c *client) resources(ctx context.Context, gv schema.GroupVersion) (map[string]resource, error) {
	body, err := c.rest.Get().AbsPath(root(gv)...).MaxRetries(0).Do(ctx).Raw()
	if err != nil {
		return nil, err
	}
	var list metav1.APIResourceList
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	found := map[string]resource{}
	for _, r := range list.APIResources {
		if !strings.Contains(r.Name, "/") { // subresources have kinds, too
			found[r.Kind] = resource{name: r.Name, namespaced: r.Namespaced}
		}
	}
	c.mu.Lock()
	c.kinds[gv] = found
	c.mu.Unlock()
	return found, nil
}

func root(gv schema.GroupVersion) []string {
	if gv.Group == "" {
		return []string{"/api", gv.Version}
	}
	return []string{"/apis", gv.Group, gv.Version}
}

// call is one request about one object.
type call struct {
	verb   string
	id     render.ObjectID
	accept string
	params map[string]string
	// patch makes body a patch of this type.
	patch types.PatchType
	body  []byte
}

// do sends it, within the lease. It gives the object in the answer, nil when
// there is none, and the HTTP status.
func (c *client) do(ctx context.Context, r call) (*unstructured.Unstructured, int, error) {
	end := c.deadline()
	left := time.Until(end)
	if left <= 0 {
		return nil, 0, &problem{ReasonNoLease, "this replica does not hold the shard's Lease"}
	}
	left = min(left, requestTimeout)
	bounded, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	body, code, err := c.send(bounded, r, left)
	if err != nil {
		return nil, code, lapsed(ctx, err, time.Now().Before(end))
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(body); err != nil {
		// The answer itself may be a Secret.
		return nil, code, &problem{ReasonUnavailable, "the API server's answer cannot be read"}
	}
	return u, code, nil
}

func (c *client) send(ctx context.Context, r call, left time.Duration) (body []byte, code int, err error) {
	res, err := c.lookup(ctx, r.id)
	if err != nil {
		return nil, 0, err
	}
	path := root(schema.GroupVersion{Group: r.id.Group, Version: r.id.Version})
	if res.namespaced {
		path = append(path, "namespaces", r.id.Namespace)
	}
	path = append(path, res.name)
	if r.verb != http.MethodPost {
		path = append(path, r.id.Name)
	}
	// The server gives up when we do, or nearly so.
	request := c.rest.Verb(r.verb).AbsPath(path...).MaxRetries(c.retries).Timeout(max(left.Truncate(time.Second), time.Second))
	for k, v := range r.params {
		request.Param(k, v)
	}
	if r.accept != "" {
		request.SetHeader("Accept", r.accept)
	}
	if r.patch != "" {
		request.SetHeader("Content-Type", string(r.patch))
	}
	if r.body != nil {
		request.Body(r.body)
	}
	result := request.Do(ctx)
	result.StatusCode(&code)
	if err := result.Error(); err != nil {
		if kindGone(err) {
			c.forgetKind(r.id)
			return nil, code, fmt.Errorf("%s: %w", r.id.KindName(), errNoKind)
		}
		return nil, code, err
	}
	body, err = result.Raw()
	return body, code, err
}
