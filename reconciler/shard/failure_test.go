package shard

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

func TestFailure(t *testing.T) {
	id := render.ObjectID{Version: "v1", Kind: "ConfigMap", Namespace: "ns", Name: "n"}
	maps := schema.GroupResource{Resource: "configmaps"}
	webhook := &apierrors.StatusError{ErrStatus: metav1.Status{Code: 500, Message: "failed calling webhook"}}
	leaving := &apierrors.StatusError{ErrStatus: metav1.Status{Code: 403, Message: "leaving", Details: &metav1.StatusDetails{
		Causes: []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}},
	}}}
	refusal := &apierrors.StatusError{ErrStatus: metav1.Status{
		Code: 403, Reason: metav1.StatusReasonForbidden, Message: `admission webhook "vtenantcontrolplane.kb.io" denied the request: unable to downgrade`,
	}}
	cases := []struct {
		name, reason string
		err          error
		want         core.Failure
	}{
		{"conflict", "decide anew", apierrors.NewConflict(maps, "n", errors.New("x")), core.Failure{Reason: ReasonConflict}},
		{"forbidden", "a person has to give us the right", apierrors.NewForbidden(maps, "n", errors.New("x")), core.Failure{Reason: ReasonForbidden}},
		{"unauthorized", "so it is with credentials", apierrors.NewUnauthorized("x"), core.Failure{Reason: ReasonForbidden}},
		{"terminating", "no right would help", leaving, core.Failure{Reason: ReasonTerminating}},
		{"bad request", "asking again does not help", apierrors.NewBadRequest("x"), core.Failure{Reason: ReasonInvalid}},
		{"webhook denies", "it is no question of rights", refusal, core.Failure{Reason: ReasonInvalid}},
		{"webhook down", "it may work later", webhook, core.Failure{Reason: ReasonUnavailable}},
		{"throttled", "and says when", apierrors.NewTooManyRequests("x", 7), core.Failure{Reason: ReasonThrottled, RetryAfter: 7 * time.Second}},
		{"overloaded", "and says when", apierrors.NewGenericServerResponse(http.StatusServiceUnavailable, "patch", maps, "n", "", 3, false), core.Failure{Reason: ReasonUnavailable, RetryAfter: 3 * time.Second}},
		{"no answer", "it may have been done", fmt.Errorf("patch: %w", errors.New("connection reset")), core.Failure{Reason: ReasonUnreachable}},
		{"no kind", "a CRD is missing", fmt.Errorf("x: %w", errNoKind), core.Failure{Reason: ReasonNoKind}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := failure(id, c.err)
			if got.ID != id || got.Reason != c.want.Reason || got.RetryAfter != c.want.RetryAfter || got.Message == "" {
				t.Errorf("got %+v, want %+v: %s", got, c.want, c.reason)
			}
		})
	}
	if failure(id, nil) != nil {
		t.Error("no error is a failure")
	}
}
