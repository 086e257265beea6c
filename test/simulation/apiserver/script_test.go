package apiserver_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// step is one request of a script. What it names of an object's state (a version that
// is stale, the uid of another) is made of what the world that it runs in has said.
type step struct {
	verb, kind, name string
	manager          string
	force, dry       bool
	parts            object
	version, uid     string // "", right, stale or wrong
}

func (s step) String() string {
	content, _ := json.Marshal(s.parts)
	return fmt.Sprintf("%s %s/%s by %s force=%t dry=%t version=%s uid=%s %s", s.verb, s.kind, s.name, s.manager, s.force, s.dry, s.version, s.uid, content)
}

// scripted are the kinds that no controller of a plain cluster writes to.
var scripted = map[string]struct {
	version, plural string
	status          bool
	// fields are what may be in an object, by path, with the values that they may have.
	fields map[string][]any
}{
	"ConfigMap": {"v1", "configmaps", false, map[string][]any{"data.a": {"1", "2"}, "data.b": {"1", "2"}, "data.c": {"1"}}},
	"Secret":    {"v1", "secrets", false, map[string][]any{"data.a": {"MQ==", "Mg=="}, "data.b": {"MQ==", "Mg=="}, "data.c": {"MQ=="}}},
	"LimitRange": {"v1", "limitranges", false, map[string][]any{
		"spec.limits!": {[]any{object{"type": "Pod", "max": object{"cpu": "1"}}}, []any{object{"type": "Pod", "max": object{"cpu": "2"}}}},
	}},
	"Service": {"v1", "services", false, map[string][]any{
		"spec.ports!":       {[]any{object{"name": "a", "port": 80}}, []any{object{"name": "a", "port": 81}}, []any{object{"name": "a", "port": 80}, object{"name": "b", "port": 81, "targetPort": 1}}},
		"spec.selector.app": {"a", "b"},
	}},
	"ServiceAccount": {"v1", "serviceaccounts", false, map[string][]any{
		"automountServiceAccountToken": {true, false}, "imagePullSecrets": {[]any{object{"name": "a"}}, []any{object{"name": "a"}, object{"name": "b"}}},
	}},
	"Issuer": {"cert-manager.io/v1", "issuers", true, map[string][]any{"spec.ca.secretName!": {"a", "b"}, "spec.ca.crlDistributionPoints": {[]any{"http://a"}}}},
	"Lease": {"coordination.k8s.io/v1", "leases", false, map[string][]any{
		"spec.holderIdentity": {"x", "y"}, "spec.leaseDurationSeconds": {15, 20}, "spec.leaseTransitions": {1, 2},
	}},
	"NetworkPolicy": {"networking.k8s.io/v1", "networkpolicies", false, map[string][]any{
		"spec.podSelector.matchLabels.app": {"a", "b"}, "spec.policyTypes": {[]any{"Ingress"}},
		"spec.podSelector.matchLabels.tier": {"a"},
	}},
	"Certificate": {"cert-manager.io/v1", "certificates", true, map[string][]any{
		"spec.commonName": {"a", "b"}, "spec.dnsNames": {[]any{"a"}, []any{"a", "b"}}, "spec.privateKey.size": {256, 384},
		"spec.secretName!": {"s"}, "spec.issuerRef.name!": {"i", "j"}, "spec.duration": {"24h"},
	}},
	"TenantControlPlane": {"kamaji.clastix.io/v1alpha1", "tenantcontrolplanes", true, map[string][]any{
		"spec.controlPlane.deployment.replicas!": {0, 1, 2}, "spec.controlPlane.service.serviceType!": {"ClusterIP"},
		"spec.kubernetes.version!": {"v1.36.2", "v1.36.3"}, "spec.kubernetes.kubelet.cgroupfs!": {"systemd"},
		"spec.addons.coreDNS": {object{}},
	}},
}

func script(seed uint64, length int) (all []step) {
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	kinds := slices.Sorted(keys(scripted))
	for range length {
		s := step{
			verb: pick("apply", "apply", "apply", "create", "update", "merge", "merge", "delete"), kind: pick(kinds...), name: pick("x", "y"),
			manager: pick("me", "you", "they"), force: r.IntN(2) == 0, dry: r.IntN(12) == 0, parts: object{},
		}
		if r.IntN(4) == 0 {
			s.version = pick("right", "stale")
		}
		if r.IntN(4) == 0 {
			s.uid = pick("right", "right", "wrong")
		}
		if scripted[s.kind].status && r.IntN(6) == 0 {
			s.verb = pick("status", "applystatus")
			s.parts["status"] = object{"conditions": []any{}}
			if s.kind == "Certificate" {
				s.parts["status"] = object{"revision": r.IntN(3) + 1}
			}
		}
		put := func(path string, value any) {
			names := strings.Split(path, ".")
			o := s.parts
			for _, name := range names[:len(names)-1] {
				if _, ok := o[name].(object); !ok {
					o[name] = object{}
				}
				o = o[name].(object)
			}
			o[names[len(names)-1]] = value
		}
		fields := scripted[s.kind].fields
		for _, path := range slices.Sorted(keys(fields)) {
			values := fields[path]
			path, needed := strings.CutSuffix(path, "!")
			switch {
			case s.verb == "status" || s.verb == "applystatus" || s.verb == "delete":
			case needed && s.verb != "merge", r.IntN(2) == 0:
				put(path, values[r.IntN(len(values))])
			case s.verb == "merge" && !needed && r.IntN(4) == 0:
				put(path, nil)
			}
		}
		if r.IntN(3) == 0 {
			put("metadata.labels.l", pick("1", "2"))
		}
		if r.IntN(3) == 0 {
			put("metadata.annotations.n", pick("1", "2"))
		}
		switch r.IntN(8) {
		case 0:
			put("metadata.finalizers", []any{"example.com/hold"})
		case 1, 2, 3:
			if s.verb == "merge" {
				put("metadata.finalizers", nil)
			}
		}
		all = append(all, s)
	}
	return all
}

// play runs a script, and gives what came of each step, and then what was watched.
func (w *world) run(all []step) (outcomes []string) {
	w.Helper()
	ns := w.space()
	watched := map[string]*changes{}
	latest, first, uids := map[string]answer{}, map[string]string{}, map[string]string{}
	for kind, k := range scripted {
		at := kindPath(k.version, ns, k.plural)
		watched[kind] = w.watch(at+"?watch=true&fieldSelector=metadata.name%21%3Dkube-root-ca.crt,metadata.name%21%3Ddefault&resourceVersion="+w.ok(w.get(at)).version(), "application/json")
	}
	for i, s := range all {
		k := scripted[s.kind]
		at, id := kindPath(k.version, ns, k.plural), s.kind+"/"+s.name
		o := made(k.version, s.kind, s.name, s.parts)
		meta := o["metadata"].(object)
		version := map[string]string{"right": latest[id].version(), "stale": first[id]}[s.version]
		uid := map[string]string{"right": uids[id], "wrong": "b2f16a1a-0000-4000-8000-000000000000"}[s.uid]
		demand := object{}
		if version != "" {
			meta["resourceVersion"], demand["resourceVersion"] = version, version
		}
		if uid != "" {
			meta["uid"], demand["uid"] = uid, uid
		}
		query := "?fieldManager=" + s.manager
		if s.dry {
			query += "&dryRun=All"
		}
		if s.force && strings.HasPrefix(s.verb, "apply") {
			query += "&force=true"
		}
		var a answer
		switch s.verb {
		case "apply":
			a = w.do(http.MethodPatch, "apply:"+at+"/"+s.name+query, o)
		case "applystatus":
			a = w.do(http.MethodPatch, "apply:"+at+"/"+s.name+"/status"+query, o)
		case "status":
			a = w.do(http.MethodPatch, "merge:"+at+"/"+s.name+"/status"+query, o)
		case "create":
			delete(meta, "resourceVersion")
			a = w.post(at+query, o)
		case "update":
			a = w.put(at+"/"+s.name+query, o)
		case "merge":
			a = w.do(http.MethodPatch, "merge:"+at+"/"+s.name+query, o)
		case "delete":
			a = w.remove(at+"/"+s.name+query, object{"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": demand, "propagationPolicy": "Background"})
		}
		now := w.get(at + "/" + s.name)
		moved := now.version() != latest[id].version()
		outcomes = append(outcomes, fmt.Sprintf("%d %s\n  %d %s %v moved=%t\n  said %s\n  left %s", i, s, a.code, a.reason(), a.causes(), moved, told(a), told(now)))
		if now.code == http.StatusOK && first[id] == "" {
			first[id] = now.version()
		}
		latest[id], uids[id] = now, now.uid()
	}
	for _, kind := range slices.Sorted(keys(scripted)) {
		k := scripted[kind]
		w.ok(w.post(kindPath(k.version, ns, k.plural), made(k.version, kind, "end", ends(kind))))
		for {
			name, a := watched[kind].next()
			if a.meta()["name"] == "end" || name == "END" {
				watched[kind].cancel()
				break
			}
			outcomes = append(outcomes, fmt.Sprintf("%s %s", name, told(a)))
		}
	}
	return outcomes
}

// ends is what an object of a kind has to have.
func ends(kind string) object {
	parts := object{}
	for path, values := range scripted[kind].fields {
		names := strings.Split(strings.TrimSuffix(path, "!"), ".")
		o := parts
		for _, name := range names[:len(names)-1] {
			if _, ok := o[name].(object); !ok {
				o[name] = object{}
			}
			o = o[name].(object)
		}
		o[names[len(names)-1]] = values[0]
	}
	return parts
}

// told is what an answer says that has to be the same of every server.
func told(a answer) string {
	if a.has("kind") == "Status" {
		return fmt.Sprint(a.reason(), " ", a.details()["kind"], " ", a.details()["name"])
	}
	managers := a.managers()
	all := []string{}
	for _, name := range slices.Sorted(keys(managers)) {
		all = append(all, name+" "+managers[name])
	}
	meta := object{}
	for name, value := range a.meta() {
		switch name {
		case "uid", "resourceVersion", "creationTimestamp", "managedFields", "namespace":
		case "deletionTimestamp":
			meta[name] = "some"
		default:
			meta[name] = value
		}
	}
	rest := object{"metadata": meta}
	for name, value := range a.object {
		if name != "metadata" {
			rest[name] = value
		}
	}
	for _, at := range [][]string{
		{"spec", "clusterIP"}, {"spec", "clusterIPs"}, {"spec", "selector", "matchLabels", "batch.kubernetes.io/controller-uid"},
		{"spec", "template", "metadata", "labels", "batch.kubernetes.io/controller-uid"}, {"spec", "template", "metadata", "labels", "controller-uid"},
	} {
		hide(rest, at)
	}
	content, _ := json.Marshal(rest)
	return string(content) + " " + strings.Join(all, " | ")
}

// hide has some value stand for one that servers make, if it is there.
func hide(o object, path []string) {
	for _, name := range path[:len(path)-1] {
		o, _ = o[name].(object)
	}
	if last := path[len(path)-1]; o[last] != nil && o[last] != "None" {
		o[last] = "some"
	}
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// The same script leaves the same behind, step by step, on a real server and on a
// simulated one.
func TestScript(t *testing.T) {
	cfg := realCluster(t)
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			all := script(seed, 200)
			want, got := newWorld(t, cfg, nil).run(all), simulated(t).run(all)
			wrong := 0
			for i := range min(len(want), len(got)) {
				if want[i] != got[i] && wrong < 5 {
					wrong++
					t.Errorf("(-real +simulated):\n%s", cmp.Diff(strings.Split(want[i], "\n"), strings.Split(got[i], "\n")))
				}
			}
			if len(want) != len(got) {
				t.Errorf("%d outcomes, and %d of the simulated one", len(want), len(got))
			}
		})
	}
}
