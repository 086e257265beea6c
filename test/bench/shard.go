package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// playedShard plays a management cluster for the core: what is applied is there at
// once, and well. It keeps nothing that the core keeps too, so that memory measured
// is the core's.
type playedShard struct {
	judged  map[string]bool
	version int
	// objects and bytes are what was applied, wrote how many writes that took.
	objects, bytes int
}

func (s *playedShard) watch(e core.Watch) []core.Event {
	for _, k := range e.Judged {
		s.judged[k] = true
	}
	return []core.Event{core.Synced{Shard: e.Shard, Kinds: e.Kinds}}
}

// carryOut answers Work with what a shard would report.
func (s *playedShard) carryOut(work core.Work, now time.Time) ([]core.Event, error) {
	seen := core.Observed{Shard: work.Shard}
	if work.RaiseAnchor {
		s.version++
		seen.Anchors = append(seen.Anchors, core.Anchor{OwnerUID: work.Owner.UID, Epoch: work.Epoch, ResourceVersion: strconv.Itoa(s.version)})
	}
	for _, a := range work.Apply {
		s.objects++
		s.bytes += len(a.Object.JSON)
		o := s.apply(work, a.Object.ID, a.Object.Digest, a.UID)
		if s.judged[a.Object.ID.KindName()] {
			var err error
			if o.Content, err = content(a.Object); err != nil {
				return nil, err
			}
		}
		seen.Objects = append(seen.Objects, o)
		if a.Object.ID.Kind == "Certificate" {
			seen.Objects = append(seen.Objects, s.issue(work, o))
		}
	}
	for _, d := range work.Derive {
		s.objects++
		o := s.apply(work, d.Derived.ID, d.Digest, d.UID)
		o.Certificate = &core.Certificate{Fingerprint: o.Digest, NotAfter: now.Add(24 * time.Hour)}
		seen.Objects = append(seen.Objects, o)
	}
	for _, d := range work.Delete {
		seen.Gone = append(seen.Gone, core.Gone{OwnerUID: work.Owner.UID, ID: d.ID})
	}
	return []core.Event{seen, core.Done{Shard: work.Shard, Owner: work.Owner}}, nil
}

func (s *playedShard) apply(work core.Work, id render.ObjectID, digest, uid string) *core.Object {
	s.version++
	if uid == "" {
		uid = fmt.Sprintf("%08x-0000-4000-8000-%012x", s.version, len(work.Owner.UID))
	}
	return &core.Object{
		ID: id, UID: uid, ResourceVersion: strconv.Itoa(s.version), OwnerUID: work.Owner.UID, Self: id.String(),
		Digest: digest, Epoch: work.Epoch, Ours: true,
	}
}

// issue plays cert-manager: a Certificate gets its Secret, with our label on it.
func (s *playedShard) issue(work core.Work, o *core.Object) *core.Object {
	s.version++
	return &core.Object{
		ID:  render.ObjectID{Version: "v1", Kind: "Secret", Namespace: o.ID.Namespace, Name: o.ID.Name},
		UID: "s" + o.UID, ResourceVersion: strconv.Itoa(s.version), OwnerUID: work.Owner.UID, Data: o.Digest + o.Digest,
	}
}

// content plays the controllers: everything is well at once.
func content(o render.Object) (map[string]any, error) {
	var c map[string]any
	if err := json.Unmarshal(o.JSON, &c); err != nil {
		return nil, fmt.Errorf("read %s: %w", o.ID, err)
	}
	c["status"] = status(o.ID.Kind, c)
	return c, nil
}

func status(kind string, object map[string]any) map[string]any {
	spec, _ := object["spec"].(map[string]any)
	replicas, found := spec["replicas"].(float64)
	if !found {
		replicas = 1
	}
	n := int64(replicas)
	switch kind {
	case "Deployment", "StatefulSet":
		spec["replicas"] = n
		return map[string]any{"observedGeneration": int64(1), "replicas": n, "updatedReplicas": n, "availableReplicas": n, "readyReplicas": n}
	case "TenantControlPlane":
		return tenantControlPlane(object, spec)
	case "DataStore":
		return map[string]any{"ready": true}
	case "Job":
		return map[string]any{"conditions": []any{map[string]any{"type": "Complete", "status": "True"}}}
	case "Service":
		meta, _ := object["metadata"].(map[string]any)
		notes, _ := meta["annotations"].(map[string]any)
		return map[string]any{"loadBalancer": map[string]any{"ingress": []any{map[string]any{"ip": notes["metallb.io/loadBalancerIPs"]}}}}
	}
	return map[string]any{}
}

// tenantControlPlane is what Kamaji says of one that is ready.
func tenantControlPlane(object, spec map[string]any) map[string]any {
	meta, _ := object["metadata"].(map[string]any)
	name, _ := meta["name"].(string)
	meta["generation"] = int64(1)
	kubernetes, _ := spec["kubernetes"].(map[string]any)
	network, _ := spec["networkProfile"].(map[string]any)
	return map[string]any{
		"observedGeneration":   int64(1),
		"controlPlaneEndpoint": fmt.Sprintf("%v:6443", network["address"]),
		"kubeconfig":           map[string]any{"admin": map[string]any{"secretName": name + "-admin-kubeconfig", "checksum": "0123456789abcdef", "lastUpdate": "2026-01-01T00:00:00Z"}},
		"kubernetesResources":  map[string]any{"version": map[string]any{"version": kubernetes["version"], "status": "Ready"}},
	}
}
