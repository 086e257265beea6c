package controllers

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// dataStore judges one of Kamaji's: its Secrets are there, or not. One that is in use
// stays.
func (c *Controllers) dataStore(key apiserver.Key, o apiserver.Object) (time.Duration, error) {
	switch {
	case deleting(o):
		if user, used := c.user(key.Name); used {
			c.await(user, key)
			return 0, nil
		}
		if changed, held := withoutFinalizer(o, storeFinalizer); held {
			return 0, c.write(kamaji, "", changed)
		}
		return 0, nil
	case !hasFinalizer(o, storeFinalizer):
		return 0, c.write(kamaji, "", withFinalizer(o, storeFinalizer))
	}
	condition := c.condition(o, "kamaji.clastix.io/DataStoreValidation", "True", "Valid", "all Secrets are there")
	for _, secret := range references(o["spec"]) {
		c.await(secret, key)
		if c.server.Get(secret) == nil {
			condition = c.condition(o, "kamaji.clastix.io/DataStoreValidation", "False", "Invalid",
				fmt.Sprintf("secret %s/%s is missing", secret.Namespace, secret.Name))
			break
		}
	}
	if c.trouble(key) != Well {
		condition = c.condition(o, "kamaji.clastix.io/DataStoreValidation", "False", "Invalid", "it cannot be validated")
	}
	return 0, c.report(kamaji, o, map[string]any{
		"ready": condition["status"] == "True", "observedGeneration": number(0, o, "metadata", "generation"), "conditions": []any{condition},
	})
}

// user is a control plane that has come to use a datastore. Those that have only asked
// for it do not count, as in life.
func (c *Controllers) user(store string) (apiserver.Key, bool) {
	for _, o := range c.server.List(apiserver.Key{Group: group, Version: version, Kind: "TenantControlPlane"}) {
		if text(o, "status", "storage", "dataStoreName") == store {
			return keyOf(o), true
		}
	}
	return apiserver.Key{}, false
}

// references are all Secrets that are referred to below a node, in a steady order.
func references(node any) []apiserver.Key {
	fields, _ := node.(map[string]any)
	var all []apiserver.Key
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if ref, ok := fields[field].(map[string]any); ok && field == "secretReference" {
			all = append(all, core("Secret", text(ref, "namespace"), text(ref, "name")))
		} else {
			all = append(all, references(fields[field])...)
		}
	}
	return all
}
