package controllers

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

const (
	group, version = "kamaji.clastix.io", "v1alpha1"
	// kamaji is its field manager.
	kamaji = "kamaji"
	// Kamaji's finalizers, of control planes and of datastores.
	planeFinalizer = "finalizer.kamaji.clastix.io"
	storeFinalizer = "kamaji.clastix.io/TenantControlPlane"

	migrating = "Migrating"
)

// controlPlane takes a TenantControlPlane one thing further.
//
//	finalizer ──► Provisioning ──► kubeconfig ──► NotReady ──► Ready
//	Ready ──► Upgrading or Unknown ──► Ready      Sleeping ──► NotReady
//	Ready ──► Migrating ──► Unknown
func (c *Controllers) controlPlane(key apiserver.Key, o apiserver.Object) (time.Duration, error) {
	if _, paused := mapping(o, "metadata", "annotations")["kamaji.clastix.io/paused"]; paused {
		return 0, nil
	}
	if deleting(o) {
		if changed, held := withoutFinalizer(o, planeFinalizer); held {
			return 0, c.write(kamaji, "", changed)
		}
		return 0, nil
	}
	if !hasFinalizer(o, planeFinalizer) {
		return 0, c.write(kamaji, "", adopted(o))
	}
	store := apiserver.Key{Group: group, Version: version, Kind: "DataStore", Name: text(o, "spec", "dataStore")}
	if have := c.server.Get(store); have == nil || at(have, "status", "ready") != true {
		c.await(store, key)
		return 0, nil
	}
	was := word(o)
	if was == "" {
		return 0, c.report(kamaji, o, map[string]any{"kubernetesResources": map[string]any{"version": map[string]any{"status": "Provisioning"}}})
	}
	secret := core("Secret", key.Namespace, key.Name+"-admin-kubeconfig")
	c.await(secret, key)
	if have := c.server.Get(secret); have == nil || c.renew[key] {
		return 0, c.renewed(key, c.write(kamaji, "", c.kubeconfig(key, secret, o, have)))
	}
	if held := text(o, "status", "storage", "dataStoreName"); held != "" && held != text(o, "spec", "dataStore") && was != migrating {
		status := c.planeStatus(key, o, secret, migrating)
		status["observedGeneration"] = number(1, o, "status", "observedGeneration")
		mapping(status, "storage")["dataStoreName"] = held // until its data is there
		return 0, c.report(kamaji, o, status)
	}
	return 0, c.report(kamaji, o, c.planeStatus(key, o, secret, c.nextWord(key, o, was)))
}

// adopted is a control plane after Kamaji's first Update of the whole Go struct: what is
// empty in it becomes an empty mapping.
func adopted(o apiserver.Object) apiserver.Object {
	o = withFinalizer(o, planeFinalizer)
	for _, field := range []string{
		"addons", "writePermissions", "controlPlane/deployment/additionalMetadata",
		"controlPlane/deployment/podAdditionalMetadata", "controlPlane/service/additionalMetadata",
	} {
		path := strings.Split("spec/"+field, "/")
		if at(o, path...) == nil {
			o = with(o, map[string]any{}, path...)
		}
	}
	return o
}

func word(o apiserver.Object) string {
	return text(o, "status", "kubernetesResources", "version", "status")
}

// nextWord is where a control plane gets from where it was.
func (c *Controllers) nextWord(key apiserver.Key, o apiserver.Object, was string) string {
	observed := number(0, o, "status", "observedGeneration") == number(1, o, "metadata", "generation")
	up := "Ready"
	for _, blocked := range mapping(o, "spec", "writePermissions") {
		if blocked == true {
			up = "WriteLimited"
		}
	}
	switch {
	case number(2, o, "spec", "controlPlane", "deployment", "replicas") == 0:
		return "Sleeping"
	case c.trouble(key) != Well, was == "Provisioning", was == "Sleeping":
		return "NotReady"
	case observed || was == "NotReady":
		return up
	case text(o, "status", "kubernetesResources", "version", "version") != text(o, "spec", "kubernetes", "version"):
		return "Upgrading"
	default:
		return "Unknown"
	}
}

// planeStatus is all that Kamaji says of a control plane.
func (c *Controllers) planeStatus(key apiserver.Key, o apiserver.Object, secret apiserver.Key, word string) map[string]any {
	replicas := number(2, o, "spec", "controlPlane", "deployment", "replicas")
	reached := map[string]any{"status": word}
	have := text(o, "status", "kubernetesResources", "version", "version")
	if word == "Ready" || word == "Sleeping" {
		have = text(o, "spec", "kubernetes", "version")
	}
	if have != "" {
		reached["version"] = have
	}
	deployment := map[string]any{"name": key.Name, "namespace": key.Namespace, "selector": "kamaji.clastix.io/name=" + key.Name}
	count(deployment, replicas, "replicas", "updatedReplicas")
	if word == "Ready" || word == "WriteLimited" {
		count(deployment, replicas, "readyReplicas", "availableReplicas")
	}
	if c.trouble(key) == Broken && replicas > 0 {
		deployment["conditions"] = []any{map[string]any{
			"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "its ReplicaSet has timed out progressing",
		}}
	}
	checksum := fmt.Sprintf("%08x", sum(text(c.server.Get(secret), "data", "admin.conf")))
	updated := text(o, "status", "kubeconfig", "admin", "lastUpdate")
	if checksum != text(o, "status", "kubeconfig", "admin", "checksum") {
		updated = c.now()
	}
	schema := text(o, "spec", "dataStoreSchema")
	return map[string]any{
		"observedGeneration":   number(1, o, "metadata", "generation"),
		"controlPlaneEndpoint": endpoint(key, o),
		"kubeconfig":           map[string]any{"admin": map[string]any{"secretName": secret.Name, "checksum": checksum, "lastUpdate": updated}},
		"kubernetesResources":  map[string]any{"version": reached, "deployment": deployment},
		"storage": map[string]any{
			"dataStoreName": text(o, "spec", "dataStore"),
			"setup":         map[string]any{"schema": schema, "user": cmp.Or(text(o, "spec", "dataStoreUsername"), schema)},
		},
	}
}

func endpoint(key apiserver.Key, o apiserver.Object) string {
	return fmt.Sprintf("%s:%d", cmp.Or(text(o, "spec", "networkProfile", "address"), unasked(key)), number(6443, o, "spec", "networkProfile", "port"))
}

// kubeconfig is the admin kubeconfig's Secret, with another key than it has. It carries
// nobody's label but Kamaji's own.
func (c *Controllers) kubeconfig(key, secret apiserver.Key, o, have apiserver.Object) apiserver.Object {
	if have == nil {
		have = named(secret, map[string]any{
			"labels": map[string]any{"kamaji.clastix.io/name": key.Name, "kamaji.clastix.io/project": kamaji},
			"ownerReferences": []any{map[string]any{
				"apiVersion": path.Join(group, version), "kind": key.Kind, "name": key.Name, "uid": text(o, "metadata", "uid"),
				"controller": true, "blockOwnerDeletion": true,
			}},
		})
	}
	m := c.another(key).material()
	conf := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- name: %[1]s
  cluster: {server: "https://%[2]s", certificate-authority-data: %[3]s}
users:
- name: kubernetes-admin
  user: {client-certificate-data: %[3]s, client-key-data: %[4]s}
contexts:
- name: kubernetes-admin@%[1]s
  context: {cluster: %[1]s, user: kubernetes-admin}
current-context: kubernetes-admin@%[1]s
`, key.Name, endpoint(key, o), m.certificate, m.key)
	return with(have, base64.StdEncoding.EncodeToString([]byte(conf)), "data", "admin.conf")
}
