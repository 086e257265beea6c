package shard

import (
	"context"
	"errors"
	"fmt"

	ssaerrors "github.com/fluxcd/pkg/ssa/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	runtimeclient "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// question is the client by which jsondiff asks about one object, once: what it is,
// and by a dry run what an apply would make of it. It has jsondiff ask as the daemon
// writes, and keeps both answers, which jsondiff gives away without managedFields.
type question struct {
	runtimeclient.Client
	owner render.Owner
	id    render.ObjectID

	live, become *unstructured.Unstructured
	seen         *core.Object // live
	// leave says that the object is none that an apply is for, and why.
	leave Action
	why   string
}

// errLeft ends a question before its dry run.
var errLeft = errors.New("the object is left alone")

// Get reads the object.
func (q *question) Get(ctx context.Context, key runtimeclient.ObjectKey, o runtimeclient.Object, opts ...runtimeclient.GetOption) error {
	if err := q.Client.Get(ctx, key, o, opts...); err != nil {
		return err
	}
	live, ok := o.(*unstructured.Unstructured)
	if !ok {
		return &problem{ReasonInternal, "the object was read in an unknown form"}
	}
	q.live, q.seen = live, observe(q.id, live, false)
	switch {
	case !q.seen.Owned() || q.seen.OwnerUID != q.owner.UID:
		q.leave, q.why = Foreign, "it is there and not this owner's"
		return errLeft
	case q.seen.Deleting:
		q.leave, q.why = Terminating, "it is on its way out"
		return errLeft
	}
	return nil
}

// Patch applies the object: to none but the one that was read, with the marks that it
// bears, since they are no difference that concerns anybody. The answer has named
// items where the live object has them: jsondiff tells items apart by their places.
func (q *question) Patch(ctx context.Context, o runtimeclient.Object, patch runtimeclient.Patch, opts ...runtimeclient.PatchOption) error {
	become, ok := o.(*unstructured.Unstructured)
	if !ok {
		return &problem{ReasonInternal, "the object is applied in an unknown form"}
	}
	if q.live != nil {
		for _, name := range []string{render.AnnotationDigest, render.AnnotationEpoch, render.AnnotationFields} {
			annotate(become, name, q.live.GetAnnotations()[name])
		}
		become.SetUID(q.live.GetUID())
	}
	if err := q.Client.Patch(ctx, become, patch, opts...); err != nil {
		return err
	}
	if q.live != nil {
		align(q.live.Object, become.Object)
	}
	q.become = become
	return nil
}

// answer is an error of a question as our own client gives it.
func answer(id render.ObjectID, err error) error {
	if refusal := (*ssaerrors.DryRunErr)(nil); errors.As(err, &refusal) {
		err = refusal.Unwrap() // the object is named beside it
	}
	if meta.IsNoMatchError(err) || kindGone(err) {
		return fmt.Errorf("%s: %w", id.KindName(), errNoKind)
	}
	return err
}
