package shard

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/rest"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// Viewer looks at one shard and has it tell what writes would do. It needs no Lease
// and writes nothing. Any goroutine may use it.
type Viewer struct{ client *client }

// NewViewer makes a viewer of the cluster that cfg leads to. It contacts nobody.
func NewViewer(cfg *rest.Config) (*Viewer, error) {
	forever := func() time.Time { return time.Now().Add(2 * requestTimeout) }
	c, err := newClient(prepared(cfg, dialer(cfg)), forever, NewSchemas())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &Viewer{c}, nil
}

// Identity is the uid of the cluster's kube-system namespace.
func (v *Viewer) Identity(ctx context.Context) (string, error) {
	system := render.ObjectID{Version: "v1", Kind: "Namespace", Name: metav1.NamespaceSystem}
	found, _, err := v.client.do(ctx, call{verb: http.MethodGet, id: system, accept: asMetadata})
	if err != nil {
		return "", fmt.Errorf("read namespace %s: %w", system.Name, err)
	}
	return string(found.GetUID()), nil
}

// Look lists what a watch would report.
func (v *Viewer) Look(ctx context.Context, w core.Watch) (core.Observed, core.Synced, error) {
	seen, synced := core.Observed{Shard: w.Shard}, core.Synced{Shard: w.Shard}
	lists := make([][]*core.Object, len(w.Kinds))
	served := make([]bool, len(w.Kinds))
	tasks, bounded := errgroup.WithContext(ctx)
	tasks.SetLimit(4)
	for i, kind := range w.Kinds {
		tasks.Go(func() (err error) {
			lists[i], served[i], err = v.list(bounded, kind, slices.Contains(w.Judged, kind))
			return err
		})
	}
	if err := tasks.Wait(); err != nil {
		return seen, synced, err
	}
	for i, kind := range w.Kinds {
		seen.Objects = append(seen.Objects, lists[i]...)
		if served[i] {
			synced.Kinds = append(synced.Kinds, kind)
		} else {
			synced.Unknown = append(synced.Unknown, kind)
		}
	}
	return seen, synced, nil
}

func (v *Viewer) list(ctx context.Context, kind string, judged bool) (all []*core.Object, served bool, err error) {
	id, err := parseKind(kind)
	if err != nil {
		return nil, false, err
	}
	r, err := v.client.lookup(ctx, id)
	if err != nil {
		if reasonOf(err) == ReasonNoKind {
			return nil, false, nil
		}
		return nil, false, err
	}
	lw := v.client.listKind(id, r, judged || isSecret(id))
	for options := (metav1.ListOptions{Limit: 500}); ; {
		page, err := lw.ListWithContextFunc(ctx, options)
		if err != nil {
			return nil, false, fmt.Errorf("list %s: %w", kind, err)
		}
		err = meta.EachListItem(page, func(o runtime.Object) error {
			if o, ok := o.(metav1.Object); ok {
				all = append(all, observe(id, o, judged && !isSecret(id)))
			}
			return nil
		})
		if err != nil {
			return nil, false, fmt.Errorf("list %s: %w", kind, err)
		}
		l, err := meta.ListAccessor(page)
		if err != nil {
			return nil, false, fmt.Errorf("list %s: %w", kind, err)
		}
		if options.Continue = l.GetContinue(); options.Continue == "" {
			return all, true, nil
		}
	}
}

// Diff tells how an object on the shard differs from what it should be. The API
// server itself says what it would become, by a dry run.
func (v *Viewer) Diff(ctx context.Context, o render.Owner, object render.Object) Difference {
	want := map[string]any{}
	if err := json.Unmarshal(object.JSON, &want); err != nil {
		return Difference{Object: object.ID.String(), Action: Refused, Message: "the rendered object is no JSON"}
	}
	return v.diff(ctx, o, object.ID, want)
}

// DiffDerived is Diff of an object that is made from another one on the shard.
func (v *Viewer) DiffDerived(ctx context.Context, o render.Owner, d render.Derived) Difference {
	found, _, err := v.client.do(ctx, call{verb: http.MethodGet, id: d.Certificate})
	switch {
	case isNotFound(err):
		return Difference{Object: d.ID.String(), Action: Missing, Message: fmt.Sprintf("%s, which it is made of, is not there", d.Certificate)}
	case err != nil:
		return refused(d.ID, err)
	}
	content, err := kubeconfig(d, secretData(found.Object))
	if err != nil {
		return refused(d.ID, err)
	}
	return v.diff(ctx, o, d.ID, derivedSecret(o, core.Derive{Derived: d}, content))
}

func (v *Viewer) diff(ctx context.Context, o render.Owner, id render.ObjectID, want map[string]any) Difference {
	d := Difference{Object: id.String()}
	live, _, err := v.client.do(ctx, call{verb: http.MethodGet, id: id})
	switch {
	case isNotFound(err):
		if _, err := v.dryRun(ctx, id, want); err != nil && !isNotFound(err) { // its namespace may be missing, too
			return refused(id, err)
		}
		d.Action = Missing
		return d
	case err != nil:
		return refused(id, err)
	}
	seen := observe(id, live.DeepCopy(), false)
	switch {
	case !seen.Owned() || seen.OwnerUID != o.UID:
		d.Action, d.Message = Foreign, "it is there and not this owner's"
		return d
	case seen.Deleting:
		d.Action, d.Message = Terminating, "it is on its way out"
		return d
	}
	u := &unstructured.Unstructured{Object: want}
	digest := u.GetAnnotations()[render.AnnotationDigest]
	for _, name := range []string{render.AnnotationDigest, render.AnnotationEpoch, render.AnnotationFields} {
		annotate(u, name, live.GetAnnotations()[name]) // marks are no difference that concerns anybody
	}
	u.SetUID(types.UID(seen.UID))
	become, err := v.dryRun(ctx, id, want)
	if err != nil {
		return refused(id, err)
	}
	d.Changes = changes(live.Object, become.Object)
	d.Others = others(become.GetManagedFields())
	if isSecret(id) {
		hide(d.Changes)
	}
	switch {
	case len(d.Changes) == 0:
	case digest == "" || digest == seen.Digest:
		d.Action = Drifted
		if _, rival := taken(live.GetManagedFields(), setOf(entryOf(become.GetManagedFields()))); rival != "" {
			d.Message = "changed by " + rival
		}
	default:
		d.Action = Outdated
	}
	return d
}

// dryRun gives what an object would become.
func (v *Viewer) dryRun(ctx context.Context, id render.ObjectID, want map[string]any) (*unstructured.Unstructured, error) {
	body, err := json.Marshal(want)
	if err != nil {
		return nil, &problem{ReasonInternal, "the object to be applied cannot be written as JSON"}
	}
	become, _, err := v.client.do(ctx, call{
		verb: http.MethodPatch, id: id, patch: types.ApplyPatchType, body: body,
		params: map[string]string{"fieldManager": render.FieldManager, "force": "true", "dryRun": metav1.DryRunAll},
	})
	return become, err
}
