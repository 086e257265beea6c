package shard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// Reasons of failures.
const (
	ReasonForeign     = "Foreign"     // an object of that name is there and not ours
	ReasonConflict    = "Conflict"    // the object is not as it was when this was decided
	ReasonInvalid     = "Invalid"     // the API server refuses what was asked for; asking again does not help
	ReasonForbidden   = "Forbidden"   // we may not
	ReasonNoKind      = "NoKind"      // the shard does not serve the kind
	ReasonNotFound    = "NotFound"    // something that is needed is not there
	ReasonNotAdopted  = "NotAdopted"  // what is to be taken over is not there, another one, or not as it is declared
	ReasonTerminating = "Terminating" // the object or its namespace is on its way out
	ReasonSuperseded  = "Superseded"  // the shard has seen a higher epoch
	ReasonNoLease     = "NoLease"     // this replica may not act now
	ReasonThrottled   = "Throttled"   // the shard asks us to come back later
	ReasonUnavailable = "Unavailable" // the API server, or a webhook of its, has trouble
	ReasonUnreachable = "Unreachable" // no answer; whether it was done is not known
	ReasonInternal    = "Internal"    // a fault of ours
)

// problem is an error with a reason of its own.
type problem struct{ reason, message string }

func (p *problem) Error() string { return p.message }

// failure says what err means for the object; nil for no error.
func failure(id render.ObjectID, err error) *core.Failure {
	if err == nil {
		return nil
	}
	f := &core.Failure{ID: id, Reason: reasonOf(err), Message: messageOf(id, err)}
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
		f.RetryAfter = time.Duration(seconds) * time.Second
	}
	return f
}

func reasonOf(err error) string {
	if p := (*problem)(nil); errors.As(err, &p) {
		return p.reason
	}
	if errors.Is(err, errNoKind) {
		return ReasonNoKind
	}
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) {
		return ReasonUnreachable
	}
	switch code := status.Status().Code; {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return ReasonTerminating
	case code == http.StatusConflict, anotherUID(status.Status().Details):
		return ReasonConflict
	case code == http.StatusForbidden && denied.MatchString(status.Status().Message):
		return ReasonInvalid
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return ReasonForbidden
	case code == http.StatusNotFound:
		return ReasonNotFound
	case code == http.StatusTooManyRequests:
		return ReasonThrottled
	case code >= 400 && code < 500:
		return ReasonInvalid
	}
	return ReasonUnavailable
}

// denied is how an admission webhook says that it does not like what was asked for: with
// the code of a missing right, although no right would help.
var denied = regexp.MustCompile(`^admission webhook "[^"]*" denied the request`)

// anotherUID tells that an apply found a namesake of the object that it was meant
// for: the API server takes that for a wish to change the uid, and calls it invalid.
func anotherUID(d *metav1.StatusDetails) bool {
	return d != nil && slices.ContainsFunc(d.Causes, func(c metav1.StatusCause) bool { return c.Field == "metadata.uid" })
}

// messageOf is the error for people. What an API server or a webhook says of a
// Secret may quote it; then only the places that it names are told.
func messageOf(id render.ObjectID, err error) string {
	status := apierrors.APIStatus(nil)
	if !isSecret(id) || !errors.As(err, &status) {
		return err.Error()
	}
	s := status.Status()
	message := fmt.Sprintf("the API server refused it: %d %s", s.Code, orElse(string(s.Reason), http.StatusText(int(s.Code))))
	var fields []string
	if s.Details != nil {
		for _, c := range s.Details.Causes {
			if field := fmt.Sprintf("%s (%s)", c.Field, c.Type); plain(field) && !slices.Contains(fields, field) {
				fields = append(fields, field)
			}
		}
	}
	if len(fields) > 0 {
		message += ": " + strings.Join(fields, ", ")
	}
	return message + " (its message is left out, since it may quote the Secret)"
}

// plain tells whether a cause's field is a path and nothing else.
func plain(field string) bool {
	return len(field) < 100 && !strings.ContainsAny(field, "\"'\n:{}")
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func isSecret(id render.ObjectID) bool { return id.Group == "" && id.Kind == "Secret" }

// lapsed makes an error of a request that the lease's end cut off what it is. ctx is the
// term's: that a request took too long says nothing of the lease.
func lapsed(ctx context.Context, err error, held bool) error {
	if err == nil || held && ctx.Err() == nil {
		return err
	}
	return &problem{ReasonNoLease, fmt.Sprintf("the shard's Lease ended before the answer came: %v", err)}
}

func isNotFound(err error) bool {
	return err != nil && reasonOf(err) == ReasonNotFound
}

// kindGone tells a path that is not served from an object that is not there: only
// the latter names what it is.
func kindGone(err error) bool {
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) || status.Status().Code != http.StatusNotFound {
		return false
	}
	d := status.Status().Details
	return d == nil || d.Name == "" && (d.Kind == "" || slices.ContainsFunc(d.Causes, func(c metav1.StatusCause) bool {
		return c.Type == metav1.CauseTypeUnexpectedServerResponse
	}))
}

// hasStatus tells an API server's answer from none.
func hasStatus(err error) bool {
	return errors.As(err, new(apierrors.APIStatus))
}
