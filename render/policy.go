package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	segment "k8s.io/apimachinery/pkg/api/validate/content"
)

// Limits of a unit. The native provider's tenant is 25 objects and 30 KiB.
const (
	maxObjects   = 200
	maxUnitBytes = 2 << 20
)

// placeholder is what a base leaves for its stamp to fill in.
var placeholder = regexp.MustCompile(`\b(TENANT|DATASTORE)-[A-Z]{2,}`)

// podSecurity begins the labels that say what pods of a namespace may do.
const podSecurity = "pod-security.kubernetes.io/"

// metadataFields are the only ones that a rendered object may have: owners,
// finalizers and the like are the shard's.
var metadataFields = []string{"name", "namespace", "labels", "annotations"}

// checkContents judges what no value of a document can change; all that is wrong
// comes in one error. It looks at the output only: what an overlay did to get there
// does not matter.
func checkContents(how *Provider, ps places, contents []content) error {
	if len(contents) == 0 {
		return errors.New("nothing is left to apply")
	}
	if len(contents) > maxObjects {
		return fmt.Errorf("%d objects: want %d at most", len(contents), maxObjects)
	}
	var errs []error
	for _, c := range contents {
		id := idOf(c)
		err := checkKind(how, id)
		if err == nil {
			err = checkMetadata(c)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", ps.show(id.String()), err))
		}
	}
	return errors.Join(errs...)
}

// policy judges a unit's objects once the values are in them.
type policy struct {
	provider *Provider
	doc      document
	// namespace is the unit's own.
	namespace string
}

// check judges all objects together and each alone; all that is wrong comes in one
// error. Objects are in order, so that twins are neighbours.
func (p policy) check(objects []Object) error {
	var errs []error
	total := 0
	for i, o := range objects {
		total += len(o.JSON)
		err := p.checkPlace(o.ID)
		if err == nil {
			err = checkPlaceholders(o.JSON)
		}
		if err == nil {
			err = p.checkDemands(o)
		}
		if i > 0 && sameName(o.ID, objects[i-1].ID) {
			err = errors.New("it is there twice")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", o.ID, err))
		}
	}
	if total > maxUnitBytes {
		errs = append(errs, fmt.Errorf("%d bytes: want %d at most", total, maxUnitBytes))
	}
	if p.provider.own && p.provider.part == partTenant {
		errs = append(errs, p.checkSecured(objects))
	}
	for _, r := range p.provider.rules {
		if !r.Remark && !slices.ContainsFunc(objects, func(o Object) bool { return r.matches(o.ID) }) {
			errs = append(errs, fmt.Errorf("%s %s is missing: the %s provider reads health from it", r.Kind.Kind, r.Name, p.provider.Name))
		}
	}
	return errors.Join(errs...)
}

// checkSecured wants the namespace of a fleet's own provider to be one whose pods cannot
// leave it: whoever writes the folder has no rights on the shard's nodes.
func (p policy) checkSecured(objects []Object) error {
	for _, o := range objects {
		if o.ID.Kind != "Namespace" || o.ID.Group != "" {
			continue
		}
		var c content
		if err := json.Unmarshal(o.JSON, &c); err != nil {
			return fmt.Errorf("%s: %w", o.ID, err)
		}
		level := descend(c, "metadata.labels")[podSecurity+"enforce"]
		if level != "baseline" && level != "restricted" {
			return fmt.Errorf("%s: label %senforce is %v: want baseline or restricted", o.ID, podSecurity, level)
		}
		return nil
	}
	return fmt.Errorf("its Namespace %s is missing: a provider of the fleet's own renders its tenants' namespaces", p.namespace)
}

func sameName(a, b ObjectID) bool {
	a.Version = b.Version
	return a == b
}

func checkKind(how *Provider, id ObjectID) error {
	if id.Name == "" {
		return errors.New("it has no name")
	}
	if !id.kind().concrete() || !anyCovers(how.kinds, id.kind()) {
		return fmt.Errorf("kind %s may not be rendered by the %s provider", id.kind(), how.Name)
	}
	return nil
}

// checkPlace keeps a unit in its own namespace, grants aside.
func (p policy) checkPlace(id ObjectID) error {
	// A name is a part of the URL that the object is written to.
	if wrong := segment.IsPathSegmentName(id.Name); len(wrong) > 0 {
		return fmt.Errorf("its name %s", strings.Join(wrong, ", "))
	}
	if id.Kind == "Namespace" && id.Group == "" {
		if id.Name != p.namespace || id.Namespace != "" {
			return fmt.Errorf("it is a foreign namespace: only %s may be rendered", p.namespace)
		}
		return nil
	}
	if id.Namespace == p.namespace && id.Namespace != "" {
		return nil
	}
	for _, g := range p.provider.grants {
		if g.Kind != id.kind() {
			continue
		}
		namespace, err := eval[string](g.Namespace, "tenant", p.doc)
		if err != nil {
			return err
		}
		if namespace == id.Namespace {
			return nil
		}
	}
	if id.Namespace == "" {
		return fmt.Errorf("it has no namespace: want %s", p.namespace)
	}
	return fmt.Errorf("namespace %s is foreign: want %s", id.Namespace, p.namespace)
}

func checkMetadata(c content) error {
	if c["status"] != nil {
		return errors.New("status is the shard's to write")
	}
	meta, _ := c["metadata"].(content)
	for field := range meta {
		if !slices.Contains(metadataFields, field) {
			return fmt.Errorf("metadata.%s is not allowed: want one of %s", field, strings.Join(metadataFields, ", "))
		}
	}
	if err := checkOurs("metadata", meta); err != nil {
		return err
	}
	// What a shard makes of a template would be taken for an object of ours.
	for _, path := range metadataPaths {
		if err := checkOurs(path, descend(c, path)); err != nil {
			return err
		}
	}
	for _, path := range pairsPaths {
		if err := checkPairs(path, at(c, path)); err != nil {
			return err
		}
	}
	spec, _ := c["spec"].(content)
	claims, _ := spec["volumeClaimTemplates"].([]any)
	for i, claim := range claims {
		claim, _ := claim.(content)
		if err := checkOurs(fmt.Sprintf("spec.volumeClaimTemplates.%d.metadata", i), descend(claim, "metadata")); err != nil {
			return err
		}
	}
	return nil
}

// metadataPaths are where workloads, and control planes of operators, hold the labels and
// annotations of what a shard makes of them.
var metadataPaths = []string{
	"spec.template.metadata", "spec.jobTemplate.metadata", "spec.jobTemplate.spec.template.metadata",
	"spec.controlPlane.deployment.additionalMetadata", "spec.controlPlane.deployment.podAdditionalMetadata",
	"spec.controlPlane.service.additionalMetadata", "spec.controlPlane.ingress.additionalMetadata", "spec.controlPlane.gateway.additionalMetadata",
	"spec.deployment.additionalMetadata", "spec.deployment.podAdditionalMetadata",
	"spec.kubeconfigSecretMetadata", "spec.persistence.persistentVolumeClaim.metadata",
}

// pairsPaths are where KamajiControlPlanes, and k0smotron's Clusters, hold labels or
// annotations alone.
var pairsPaths = []string{
	"spec.network.serviceLabels", "spec.network.serviceAnnotations", "spec.network.ingress.extraLabels",
	"spec.network.ingress.extraAnnotations", "spec.network.gateway.extraLabels", "spec.network.gateway.extraAnnotations",
	"spec.ingress.annotations",
}

// descend is the mapping at a path; nil when there is none.
func descend(c content, path string) content {
	for _, key := range strings.Split(path, ".") {
		c, _ = c[key].(content)
	}
	return c
}

// protected are the domains of keys by which ownership is told, or that steer
// Kustomize, for whoever builds an export.
var protected = []string{"tenantry.io", "config.kubernetes.io", "config.k8s.io"}

// checkOurs keeps the keys by which ownership is told out of overlays' reach, and
// wants texts.
func checkOurs(where string, meta content) error {
	for _, field := range []string{"labels", "annotations"} {
		if err := checkPairs(where+"."+field, meta[field]); err != nil {
			return err
		}
	}
	return nil
}

func checkPairs(where string, value any) error {
	pairs, ok := value.(content)
	if value != nil && !ok {
		return fmt.Errorf("%s is not a mapping", where)
	}
	for key, value := range pairs {
		domain, _, _ := strings.Cut(key, "/")
		ours := func(d string) bool { return within(domain, d) }
		if key == LabelManagedBy || slices.ContainsFunc(protected, ours) {
			return fmt.Errorf("%s[%s] is Tenantry's own", where, key)
		}
		if text, ok := value.(string); !ok || isTyped(text) && !strings.HasSuffix(text, tagMade+markClose) {
			return fmt.Errorf("%s[%s] is not a string", where, key)
		}
	}
	return nil
}

func checkPlaceholders(data []byte) error {
	if !bytes.Contains(data, []byte("TENANT-")) && !bytes.Contains(data, []byte("DATASTORE-")) {
		return nil
	}
	if found := placeholder.Find(data); found != nil {
		return fmt.Errorf("placeholder %s is left: the stamp does not know it there", found)
	}
	return nil
}

// checkOverlay compares what a class made of a base with the base itself. What a
// provider puts outside of the tenant's namespace runs with others' rights (the
// datastore's root certificate), so a class may put labels on it and no more. Nor may it lower the
// namespace's pod security.
func checkOverlay(plain, overlaid []content) error {
	home := ""
	for _, c := range plain {
		if id := idOf(c); id.Kind == "Namespace" {
			home = id.Name
		}
	}
	want, err := guarded(plain, home)
	if err != nil {
		return err
	}
	got, err := guarded(overlaid, home)
	if err != nil {
		return err
	}
	var errs []error
	for id, data := range got {
		switch base, ok := want[id]; {
		case !ok:
			errs = append(errs, fmt.Errorf("%s: a class may not add objects outside of the tenant's namespace", id))
		case base != data:
			errs = append(errs, fmt.Errorf("%s: a class may not change it: it is the provider's alone", id))
		}
	}
	for id := range want {
		if _, ok := got[id]; !ok {
			errs = append(errs, fmt.Errorf("%s: a class may not remove it: it is the provider's alone", id))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// guarded is what of each guarded object a class must leave alone.
func guarded(objects []content, home string) (map[ObjectID]string, error) {
	out := map[ObjectID]string{}
	for _, c := range objects {
		id := idOf(c)
		if id.Namespace == home {
			continue
		}
		keep := content{}
		meta, _ := c["metadata"].(content)
		if id.Kind == "Namespace" {
			labels, _ := meta["labels"].(content)
			for key, value := range labels {
				if strings.HasPrefix(key, podSecurity) {
					keep[key] = value
				}
			}
		} else {
			for key, value := range c {
				if key != "metadata" {
					keep[key] = value
				}
			}
		}
		data, err := canonical(keep)
		if err != nil {
			return nil, err
		}
		out[id] = string(data)
	}
	return out, nil
}
