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
	c.retries = patient
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
	return v.diff(ctx, &question{shard: v.client, owner: o, id: object.ID, adopts: object.Adopts}, want)
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
	return v.diff(ctx, &question{shard: v.client, owner: o, id: d.ID}, derivedSecret(o, core.Derive{Derived: d}, content))
}

func (v *Viewer) diff(ctx context.Context, q *question, want map[string]any) Difference {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	d, object := Difference{Object: q.id.String()}, &unstructured.Unstructured{Object: want}
	all, err := q.ask(ctx, object)
	switch {
	case q.leave != "":
		d.Action, d.Message = q.leave, q.why
		return d
	case isNotFound(err), err == nil && q.live == nil: // its namespace may be missing, too
		d.Action = Missing
		return d
	case err != nil:
		return refused(q.id, err)
	}
	d.Changes, d.Others = all, others(q.become.GetManagedFields())
	digest := object.GetAnnotations()[render.AnnotationDigest]
	switch {
	case q.adopting && len(all) == 0:
		d.Action, d.Message = Adopts, "it would be taken over as it is"
	case q.adopting:
		d.Action, d.Message = Adopts, "it is left alone while it differs"
	case len(all) == 0:
	case digest == "" || digest == q.digest:
		d.Action = Drifted
		if _, rival := taken(q.live.GetManagedFields(), setOf(entryOf(q.become.GetManagedFields()))); rival != "" {
			d.Message = "changed by " + rival
		}
	default:
		d.Action = Outdated
	}
	return d
}
