package controllers

import (
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// kubernetes is the field manager of everything in kube-controller-manager.
const kubernetes = "kube-controller-manager"

// deployment rolls out: what is new is observed first, and ready later.
func (c *Controllers) deployment(key apiserver.Key, o apiserver.Object) (time.Duration, error) {
	if deleting(o) {
		return 0, nil
	}
	want, had := number(1, o, "spec", "replicas"), number(0, o, "status", "replicas")
	generation := number(0, o, "metadata", "generation")
	status := map[string]any{"observedGeneration": generation}
	progressing := c.condition(o, "Progressing", "True", "ReplicaSetUpdated", "its ReplicaSet is progressing")
	available, how := want == 0, c.trouble(key)
	switch {
	case number(0, o, "status", "observedGeneration") != generation:
		c.rollOut(o, status, want, had)
	case want > 0 && how == Broken:
		count(status, want, "replicas", "updatedReplicas", "unavailableReplicas")
		progressing = c.condition(o, "Progressing", "False", "ProgressDeadlineExceeded", "its ReplicaSet has timed out progressing")
	case want > 0 && (how == Stuck || number(0, o, "status", "availableReplicas") == 0 && c.missing(key, o)):
		count(status, want, "replicas", "updatedReplicas", "unavailableReplicas")
	default:
		count(status, want, "replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
		progressing = c.condition(o, "Progressing", "True", "NewReplicaSetAvailable", "its ReplicaSet has successfully progressed")
	}
	availability := c.condition(o, "Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability")
	if available || number(0, status, "availableReplicas") > 0 {
		availability = c.condition(o, "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability")
	}
	status["conditions"] = []any{availability, progressing}
	if same(mapping(o, "status"), status) {
		return 0, nil
	}
	// The revision comes with a status, as in life.
	return 0, c.write(kubernetes, "status", with(
		with(o, strconv.FormatInt(generation, 10), "metadata", "annotations", "deployment.kubernetes.io/revision"), status, "status",
	))
}

// rollOut counts pods in the middle of a change: one new beside the old ones.
func (c *Controllers) rollOut(o apiserver.Object, status map[string]any, want, had int64) {
	ready := number(0, o, "status", "readyReplicas")
	switch {
	case want == 0:
		count(status, had, "replicas", "updatedReplicas")
	case had == 0:
		count(status, want, "replicas", "updatedReplicas", "unavailableReplicas")
	default:
		count(status, had+1, "replicas")
		count(status, 1, "updatedReplicas", "unavailableReplicas")
		count(status, ready, "readyReplicas", "availableReplicas")
	}
}

// count sets counters; one that is zero is left out, as in life.
func count(status map[string]any, n int64, counters ...string) {
	for _, counter := range counters {
		if n > 0 {
			status[counter] = n
		}
	}
}

// statefulSet makes what its pods store in, and has one member ready after the other.
func (c *Controllers) statefulSet(key apiserver.Key, o apiserver.Object) (time.Duration, error) {
	if deleting(o) {
		return 0, nil
	}
	want := number(1, o, "spec", "replicas")
	if made, err := c.makeClaims(key, o, want); made || err != nil {
		return 0, err
	}
	generation := number(0, o, "metadata", "generation")
	status := map[string]any{
		"observedGeneration": generation, "replicas": want, "collisionCount": int64(0), "availableReplicas": int64(0),
		"currentRevision": fmt.Sprintf("%s-%d", key.Name, generation), "updateRevision": fmt.Sprintf("%s-%d", key.Name, generation),
	}
	ready, updated := min(want, number(0, o, "status", "readyReplicas")), number(0, o, "status", "updatedReplicas")
	switch {
	case number(0, o, "status", "observedGeneration") != generation:
		updated = 0
		if ready > 0 {
			ready-- // one is restarted
		}
	case c.trouble(key) != Well:
		ready = 0
	case ready == 0 && c.missing(key, o):
	default:
		ready, updated = min(want, ready+1), min(want, updated+1)
	}
	count(status, ready, "readyReplicas", "availableReplicas", "currentReplicas")
	count(status, updated, "updatedReplicas")
	return 0, c.report(kubernetes, o, status)
}

// makeClaims makes the first volume claim that is not there.
func (c *Controllers) makeClaims(key apiserver.Key, o apiserver.Object, replicas int64) (made bool, err error) {
	for ordinal := range replicas {
		for _, template := range list(o, "spec", "volumeClaimTemplates") {
			template, _ := template.(map[string]any)
			claim := core("PersistentVolumeClaim", key.Namespace, fmt.Sprintf("%s-%s-%d", text(template, "metadata", "name"), key.Name, ordinal))
			if c.server.Get(claim) != nil {
				continue
			}
			labels := maps.Clone(mapping(template, "metadata", "labels"))
			if labels == nil {
				labels = map[string]any{}
			}
			maps.Copy(labels, mapping(o, "spec", "selector", "matchLabels"))
			o := named(claim, map[string]any{"labels": labels, "finalizers": []any{protection}})
			o["spec"] = mapping(template, "spec")
			c.await(claim, key) // then comes the next one
			return true, c.write(kubernetes, "", o)
		}
	}
	return false, nil
}

// protection keeps a claim while pods use it.
const protection = "kubernetes.io/pvc-protection"

// claim lets one that is deleted go when no StatefulSet is left in its namespace whose
// pods use it.
func (c *Controllers) claim(key apiserver.Key, o apiserver.Object) (time.Duration, error) {
	changed, held := withoutFinalizer(o, protection)
	if !deleting(o) || !held {
		return 0, nil
	}
	for _, set := range c.server.List(apiserver.Key{Group: "apps", Version: "v1", Kind: "StatefulSet", Namespace: key.Namespace}) {
		if !deleting(set) && uses(set, key.Name) {
			c.await(keyOf(set), key)
			return 0, nil
		}
	}
	return 0, c.write(kubernetes, "", changed)
}

// uses tells whether a StatefulSet's pods mount a claim.
func uses(set apiserver.Object, claim string) bool {
	for ordinal := range number(1, set, "spec", "replicas") {
		for _, template := range list(set, "spec", "volumeClaimTemplates") {
			template, _ := template.(map[string]any)
			if claim == fmt.Sprintf("%s-%s-%d", text(template, "metadata", "name"), text(set, "metadata", "name"), ordinal) {
				return true
			}
		}
	}
	return false
}

// job runs once: started, then complete. What it said last stands.
func (c *Controllers) job(key apiserver.Key, o apiserver.Object) (time.Duration, error) {
	if deleting(o) || holds(o, "Complete") || holds(o, "Failed") {
		return 0, nil
	}
	started := text(o, "status", "startTime")
	status := map[string]any{"startTime": started, "uncountedTerminatedPods": map[string]any{}, "terminating": int64(0)}
	switch how := c.trouble(key); {
	case started == "":
		status["startTime"], status["active"], status["ready"] = c.now(), int64(1), int64(0)
	case how == Broken:
		status["failed"] = number(6, o, "spec", "backoffLimit") + 1
		status["conditions"] = []any{c.condition(o, "Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit")}
	case how == Stuck:
		status["active"], status["ready"], status["failed"] = int64(1), int64(0), int64(1)
	case c.missing(key, o):
		return 0, nil
	default:
		status["succeeded"], status["ready"], status["completionTime"] = int64(1), int64(0), c.now()
		status["conditions"] = []any{
			c.condition(o, "SuccessCriteriaMet", "True", "CompletionsReached", "Reached expected number of succeeded pods"),
			c.condition(o, "Complete", "True", "CompletionsReached", "Reached expected number of succeeded pods"),
		}
	}
	return 0, c.report(kubernetes, o, status)
}

// missing tells whether something that pods mount is not there, and has key look again
// when it comes.
func (c *Controllers) missing(key apiserver.Key, o apiserver.Object) bool {
	for _, volume := range list(o, "spec", "template", "spec", "volumes") {
		volume, _ := volume.(map[string]any)
		other := core("Secret", key.Namespace, text(volume, "secret", "secretName"))
		if other.Name == "" {
			other = core("ConfigMap", key.Namespace, text(volume, "configMap", "name"))
		}
		if other.Name != "" && c.server.Get(other) == nil {
			c.await(other, key)
			return true
		}
	}
	return false
}
