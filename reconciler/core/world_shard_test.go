package core

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/render"
)

// fakeShard plays a management cluster: API server, controllers and cert-manager.
type fakeShard struct {
	objects  map[render.ObjectID]*Object
	anchors  map[string]Anchor
	judged   map[string]bool
	version  int
	stuck    bool // objects get no good status
	works    []Work
	deletes  []string
	fail     func(render.ObjectID) *Failure
	identity string
	// rivals are people's tools that take fields of ours, by the objects that they want
	// otherwise: each time that we have written them.
	rivals map[render.ObjectID]string
	// healed are the times of healings.
	healed map[render.ObjectID][]time.Time
	// inspects are the looks at kubeconfigs that are not ours; hidden lets none be seen.
	inspects []Inspect
	hidden   bool
	// looks are the looks at Secrets of datastores; there answers one, and nil lets all be
	// there. Those of a mute shard are not answered.
	looks []SeeSecrets
	there func(SecretSeen) SecretSeen
	mute  bool
	// remembered is what the Lease carries.
	remembered Remember
	// strangers are the uids of objects that are there and not ours.
	strangers map[render.ObjectID]string
}

func (w *world) watch(e Watch) {
	s := w.shards[e.Shard]
	for _, k := range e.Judged {
		s.judged[k] = true
	}
	all := Observed{Shard: e.Shard}
	for _, o := range s.objects {
		all.Objects = append(all.Objects, o)
	}
	for _, a := range s.anchors {
		all.Anchors = append(all.Anchors, a)
	}
	if kind := w.blind[e.Shard]; kind != "" {
		w.queue = append(w.queue, all, Unwatched{Shard: e.Shard, Kind: kind, Message: "forbidden"})
		return
	}
	w.queue = append(w.queue, all, Synced{Shard: e.Shard, Kinds: e.Kinds})
}

func (w *world) carryOut(work Work) {
	w.t.Helper()
	s := w.shards[work.Shard]
	s.works = append(s.works, work)
	seen := Observed{Shard: work.Shard}
	done := Done{Shard: work.Shard, Owner: work.Owner}
	defer func() { w.queue = append(w.queue, seen, done) }()
	if work.RaiseAnchor {
		have := s.anchors[work.Owner.UID]
		if have.ResourceVersion != work.AnchorVersion || have.Epoch > work.Epoch {
			done.Failures = append(done.Failures, Failure{Reason: "Conflict", Message: "anchor"})
			return
		}
		s.version++
		have = Anchor{OwnerUID: work.Owner.UID, Epoch: work.Epoch, ResourceVersion: fmt.Sprint(s.version)}
		s.anchors[work.Owner.UID] = have
		seen.Anchors = append(seen.Anchors, have)
	}
	for _, a := range work.Apply {
		if s.fail != nil {
			if f := s.fail(a.Object.ID); f != nil {
				done.Failures = append(done.Failures, *f)
				continue
			}
		}
		if a.Heals {
			done.Healed = append(done.Healed, w.heals(s, a.Object.ID, a.Object.Digest))
		}
		if a.UID == "" {
			var f *Failure
			if a.UID, f = s.meet(a); f != nil {
				done.Failures = append(done.Failures, *f)
				continue
			}
		}
		o := s.apply(work, a.Object.ID, a.Object.Digest, a.UID)
		o.Content = s.content(a.Object)
		seen.Objects = append(seen.Objects, s.taken(o))
		seen.Objects = append(seen.Objects, s.issue(work, o)...)
	}
	for _, d := range work.Derive {
		if d.Heals {
			done.Healed = append(done.Healed, w.heals(s, d.Derived.ID, d.Digest))
		}
		o := s.apply(work, d.Derived.ID, d.Digest, d.UID)
		o.Certificate = &Certificate{Fingerprint: "f", NotAfter: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
		seen.Objects = append(seen.Objects, s.taken(o))
	}
	for _, d := range work.Delete {
		have := s.objects[d.ID]
		if have == nil || have.UID != d.UID || have.ResourceVersion != d.ResourceVersion {
			done.Failures = append(done.Failures, Failure{ID: d.ID, Reason: "Conflict", Message: "delete"})
			continue
		}
		if e := w.byUID(work.Owner.UID); d.ID.Kind == "Namespace" && (e == nil || e.Lifecycle != ledger.Purging) {
			w.t.Fatalf("%s is deleted, but its owner is not being purged: %+v", d.ID, e)
		}
		s.deletes = append(s.deletes, d.ID.String())
		for id := range maps.Clone(s.objects) {
			if id == d.ID || d.ID.Kind == "Namespace" && id.Namespace == d.ID.Name || slices.Contains(s.objects[id].Parents, d.UID) {
				seen.Gone = append(seen.Gone, Gone{OwnerUID: s.objects[id].OwnerUID, ID: id})
				delete(s.objects, id)
			}
		}
	}
}

// meet looks for who is there already: the one that is to be taken over, or a foreigner.
func (s *fakeShard) meet(a Apply) (uid string, f *Failure) {
	switch uid, there := s.strangers[a.Object.ID]; {
	case a.Object.Adopts != "" && uid != a.Object.Adopts:
		return "", &Failure{ID: a.Object.ID, Reason: "NotAdopted", Message: "it is not there"}
	case there && a.Object.Adopts == "":
		return "", &Failure{ID: a.Object.ID, Reason: "Foreign", Message: "it is another one"}
	default:
		delete(s.strangers, a.Object.ID)
		return uid, nil
	}
}

func (s *fakeShard) apply(work Work, id render.ObjectID, digest, uid string) *Object {
	s.version++
	if uid == "" {
		uid = fmt.Sprintf("u%d", s.version)
	}
	o := &Object{
		ID: id, UID: uid, ResourceVersion: fmt.Sprint(s.version), OwnerUID: work.Owner.UID, Self: id.String(),
		Digest: digest, Epoch: work.Epoch, Ours: true,
	}
	s.objects[id] = o
	return o
}

// heals notes that an object is put right.
func (w *world) heals(s *fakeShard, id render.ObjectID, digest string) Healed {
	s.healed[id] = append(s.healed[id], w.now)
	return Healed{ID: id, Digest: digest, Field: "spec.theirs", Rival: s.rivals[id]}
}

// taken is an object as its rival leaves it, if it has one.
func (s *fakeShard) taken(o *Object) *Object {
	if s.rivals[o.ID] == "" {
		return o
	}
	return s.take(o)
}

// take has somebody change a field of ours.
func (s *fakeShard) take(o *Object) *Object {
	changed := *o
	s.version++
	changed.ResourceVersion, changed.Drifted = fmt.Sprint(s.version), o.Ours
	s.objects[o.ID] = &changed
	return &changed
}

func (w *world) byUID(uid string) *ledger.Tenant {
	for _, e := range w.ledger().Tenants {
		if e.UID == uid {
			return e
		}
	}
	return nil
}

// issue plays cert-manager: a Certificate gets its Secret, with our label on it.
func (s *fakeShard) issue(work Work, o *Object) []*Object {
	if o.ID.Kind != "Certificate" || s.stuck {
		return nil
	}
	id := render.ObjectID{Version: "v1", Kind: "Secret", Namespace: o.ID.Namespace, Name: o.ID.Name}
	s.version++
	secret := &Object{ID: id, UID: "s" + o.UID, ResourceVersion: fmt.Sprint(s.version), OwnerUID: work.Owner.UID, Data: "d1"}
	s.objects[id] = secret
	return []*Object{secret}
}

// content plays the controllers: everything is well at once.
func (s *fakeShard) content(o render.Object) map[string]any {
	var content map[string]any
	if err := json.Unmarshal(o.JSON, &content); err != nil {
		panic(err)
	}
	if s.stuck {
		return content
	}
	spec, _ := content["spec"].(map[string]any)
	replicas, ok := spec["replicas"].(float64)
	if !ok {
		replicas = 1
	}
	n := int64(replicas)
	status := map[string]any{}
	switch o.ID.Kind {
	case "Deployment", "StatefulSet":
		status = map[string]any{"observedGeneration": int64(1), "replicas": n, "updatedReplicas": n, "availableReplicas": n, "readyReplicas": n}
		spec["replicas"] = n
	case "TenantControlPlane":
		status = kamajiStatus(content, "c1")
	case "Cluster", "KamajiControlPlane", "MachineDeployment":
		status = clusterStatus(n)
	case "DataStore":
		status = map[string]any{"ready": true}
	case "Job":
		status = map[string]any{"conditions": []any{map[string]any{"type": "Complete", "status": "True"}}}
	case "Service":
		ip := "10.0.0.1"
		if meta, _ := content["metadata"].(map[string]any); meta != nil {
			if notes, _ := meta["annotations"].(map[string]any); notes != nil {
				if a, ok := notes["metallb.io/loadBalancerIPs"].(string); ok {
					ip = a
				}
			}
		}
		status = map[string]any{"loadBalancer": map[string]any{"ingress": []any{map[string]any{"ip": ip}}}}
	}
	content["status"] = status
	return content
}
