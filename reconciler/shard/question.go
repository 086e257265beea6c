package shard

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	ssaerrors "github.com/fluxcd/pkg/ssa/errors"
	"github.com/fluxcd/pkg/ssa/jsondiff"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	runtimeclient "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tenantry/tenantry/render"
)

// question asks about one object, once: what it is, and by a dry run what an apply would
// make of it. It is the client by which jsondiff asks: it has jsondiff ask as the daemon
// writes, and keeps both answers, which jsondiff gives away without managedFields.
type question struct {
	runtimeclient.Client // nil: jsondiff reads and patches, and no more
	shard                answers
	owner                render.Owner
	id                   render.ObjectID
	adopts               string // render.Object.Adopts

	live, become *unstructured.Unstructured
	digest       string // of live
	// adopting says that live is not the owner's, but is to be taken over.
	adopting bool
	// leave says that the object is none that an apply is for, and why.
	leave Action
	why   string
}

// answers is who sends a request about one object: a client.
type answers interface {
	do(ctx context.Context, r call) (*unstructured.Unstructured, int, error)
}

// errLeft ends a question before its dry run.
var errLeft = errors.New("the object is left alone")

// ask gives what an apply of the object would change of the one that is there; nothing
// when it is left alone. An error is our own client's.
func (q *question) ask(ctx context.Context, object *unstructured.Unstructured) ([]Change, error) {
	found, err := jsondiff.Unstructured(ctx, q, object, jsondiff.FieldOwner(render.FieldManager), jsondiff.MaskSecrets(true))
	if refusal := (*ssaerrors.DryRunErr)(nil); errors.As(err, &refusal) {
		err = refusal.Unwrap() // the object is named beside it
	}
	if q.leave != "" || err == nil && q.live == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all, err := changes(found.Patch, q.live, q.become)
	if isSecret(q.id) {
		hide(all)
	}
	return all, err
}

// Get reads the object.
func (q *question) Get(ctx context.Context, _ runtimeclient.ObjectKey, o runtimeclient.Object, _ ...runtimeclient.GetOption) error {
	found, _, err := q.shard.do(ctx, call{verb: http.MethodGet, id: q.id})
	if isNotFound(err) && q.adopts != "" {
		return q.left(Missing, fmt.Sprintf("the one that is to be taken over (uid %s) is not there", q.adopts))
	}
	if err != nil {
		return err
	}
	if err := give(o, found); err != nil {
		return err
	}
	q.live = found
	seen := observe(q.id, found, false)
	q.digest = seen.Digest
	mine := seen.Owned() && seen.OwnerUID == q.owner.UID
	switch {
	case !mine && (seen.Owned() || q.adopts == ""):
		return q.left(Foreign, "it is there and not this owner's")
	case !mine && seen.UID != q.adopts:
		return q.left(Foreign, fmt.Sprintf("it is another one (uid %s) than the one that is to be taken over (uid %s)", seen.UID, q.adopts))
	case seen.Deleting:
		return q.left(Terminating, "it is on its way out")
	}
	q.adopting = !mine
	return nil
}

func (q *question) left(leave Action, why string) error {
	q.leave, q.why = leave, why
	return errLeft
}

// Patch applies the object: to none but the one that was read, with the marks that it
// bears, since they are no difference that concerns anybody. The answer has named
// items where the live object has them: jsondiff tells items apart by their places.
func (q *question) Patch(ctx context.Context, o runtimeclient.Object, _ runtimeclient.Patch, _ ...runtimeclient.PatchOption) error {
	wanted, ok := o.(*unstructured.Unstructured)
	if !ok {
		return &problem{ReasonInternal, "the object is applied in an unknown form"}
	}
	if q.live != nil {
		for _, name := range []string{render.AnnotationDigest, render.AnnotationEpoch, render.AnnotationFields} {
			annotate(wanted, name, q.live.GetAnnotations()[name])
		}
		wanted.SetUID(q.live.GetUID())
	}
	if q.adopting { // what somebody changes meanwhile is no difference
		wanted.SetResourceVersion(q.live.GetResourceVersion())
	}
	body, err := json.Marshal(wanted.Object)
	if err != nil {
		return &problem{ReasonInternal, "the object to be applied cannot be written as JSON"}
	}
	become, _, err := q.shard.do(ctx, call{
		verb: http.MethodPatch, id: q.id, patch: types.ApplyPatchType, body: body,
		params: map[string]string{"fieldManager": render.FieldManager, "force": "true", "dryRun": "All"},
	})
	if err != nil {
		return err
	}
	if q.adopting {
		wearMarks(become, q.live)
	}
	if q.live != nil {
		align(q.live.Object, become.Object)
	}
	q.become = become
	return give(o, become)
}

// give has o be what was found.
func give(o runtimeclient.Object, found *unstructured.Unstructured) error {
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return &problem{ReasonInternal, "the object was read in an unknown form"}
	}
	u.Object = found.Object
	return nil
}
