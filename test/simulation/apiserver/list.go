package apiserver

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

// selection are the objects of a kind that a list or a watch is about.
type selection struct {
	kind      *kind
	namespace string
	labels    labels.Selector
	fields    fields.Selector
	brief     bool
}

func selected(r *http.Request, k *kind, namespace string) (sel selection, err error) {
	sel = selection{kind: k, namespace: namespace, brief: wantsMetadata(r)}
	query := r.URL.Query()
	if sel.labels, err = labels.Parse(query.Get("labelSelector")); err != nil {
		return sel, apierrors.NewBadRequest(err.Error())
	}
	if sel.fields, err = fields.ParseSelector(query.Get("fieldSelector")); err != nil {
		return sel, apierrors.NewBadRequest(err.Error())
	}
	return sel, nil
}

func (sel *selection) holds(st *stored) bool {
	if st == nil || sel.namespace != "" && st.key.Namespace != sel.namespace {
		return false
	}
	return (sel.labels.Empty() || sel.labels.Matches(st.labels)) &&
		(sel.fields.Empty() || sel.fields.Matches(fields.Set{"metadata.name": st.key.Name, "metadata.namespace": st.key.Namespace}))
}

func (sel *selection) text(st *stored) []byte {
	if sel.brief {
		return st.metadata()
	}
	return st.json()
}

// page is where a list in pages goes on.
type page struct {
	Version int64  `json:"v"`
	After   string `json:"after"`
}

const (
	tooOldToContinue = "The provided continue parameter is too old to display a consistent list result. You can start a new list without " +
		"the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the " +
		"provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk " +
		"was returned and now may show up in the list."
	tooOldToList = "The resourceVersion for the provided list is too old."
)

// list answers a list.
func (s *Server) list(sel selection, query url.Values) ([]byte, error) {
	limit, _ := strconv.Atoi(query.Get("limit"))
	version, after, err := s.moment(query)
	if err != nil {
		return nil, err
	}
	var items [][]byte
	meta, left := Object{"resourceVersion": versionText(version)}, 0
	last := ""
	for _, st := range sel.kind.then(version) {
		p := place(st.key.Namespace, st.key.Name)
		if p <= after && after != "" || !sel.holds(st) {
			continue
		}
		if limit > 0 && len(items) == limit {
			left++
			continue
		}
		items, last = append(items, sel.text(st)), p
	}
	if left > 0 {
		meta["continue"] = token(page{version, last})
		if sel.labels.Empty() && sel.fields.Empty() {
			meta["remainingItemCount"] = int64(left)
		}
	}
	name, apiVersion := sel.kind.Kind.Kind+"List", sel.kind.apiVersion()
	if sel.brief {
		name, apiVersion = "PartialObjectMetadataList", "meta.k8s.io/v1"
	}
	head := encode(Object{"kind": name, "apiVersion": apiVersion, "metadata": meta})
	var b bytes.Buffer
	b.Write(head[:len(head)-1])
	b.WriteString(`,"items":[`)
	b.Write(bytes.Join(items, []byte(",")))
	b.WriteString("]}")
	return b.Bytes(), nil
}

// moment finds out as of when a list is to be, and behind which object it begins.
func (s *Server) moment(query url.Values) (version int64, after string, err error) {
	if text := query.Get("continue"); text != "" {
		return s.goOn(text)
	}
	text, match := query.Get("resourceVersion"), query.Get("resourceVersionMatch")
	if text == "" {
		return s.version, "", nil
	}
	if version, err = parseVersion(text); err != nil {
		return 0, "", err
	}
	switch {
	case version > s.version:
		return 0, "", tooLarge(version, s.version)
	case match == string(metav1.ResourceVersionMatchExact) && version < s.compacted:
		return 0, "", apierrors.NewResourceExpired(tooOldToList)
	case match == string(metav1.ResourceVersionMatchExact):
		return version, "", nil
	case version == 0 && s.Stale != nil && s.Stale():
		return s.compacted, "", nil
	}
	return s.version, "", nil
}

func (s *Server) goOn(text string) (version int64, after string, err error) {
	var p page
	content, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(content, &p)
	}
	switch {
	case err != nil:
		return 0, "", apierrors.NewBadRequest(fmt.Sprintf("invalid continue token: %v", err))
	case p.Version < 0:
		return s.version, p.After, nil
	case p.Version < s.compacted:
		expired := apierrors.NewResourceExpired(tooOldToContinue)
		expired.ErrStatus.Continue = token(page{-1, p.After})
		return 0, "", expired
	}
	return p.Version, p.After, nil
}

func token(p page) string { return base64.RawURLEncoding.EncodeToString(encode(p)) }

func tooLarge(version, current int64) error {
	err := apierrors.NewTimeoutError(fmt.Sprintf("Too large resource version: %d, current: %d", version, current), 1)
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: metav1.CauseTypeResourceVersionTooLarge, Message: "Too large resource version"}}
	return err
}

// wantsMetadata tells whether an object's content is to be left out.
func wantsMetadata(r *http.Request) bool {
	for _, accept := range r.Header.Values("Accept") {
		if strings.Contains(accept, "as=PartialObjectMetadata") {
			return true
		}
	}
	return false
}
