package render

import "github.com/tenantry/tenantry/fleet"

// Reference is one value of a Secret that a declaration names, and that somebody else
// puts on the shard.
type Reference struct {
	// Field is where the declaration names it: spec.basicAuth.password.
	Field string
	Key   SecretKey
}

// referencesOf are the values that a datastore needs, in the order of its fields.
func referencesOf(spec *fleet.DataStoreSpec) []Reference {
	var all []Reference
	add := func(field string, key *fleet.SecretKey) {
		if key != nil {
			all = append(all, Reference{Field: "spec." + field, Key: SecretKey(*key)})
		}
	}
	if auth := spec.BasicAuth; auth != nil {
		add("basicAuth.username", &auth.Username)
		add("basicAuth.password", &auth.Password)
	}
	if tls := spec.TLS; tls != nil {
		add("tls.ca.certificate", &tls.CA.Certificate)
		add("tls.ca.privateKey", tls.CA.PrivateKey)
		if tls.Client != nil {
			add("tls.client.certificate", &tls.Client.Certificate)
			add("tls.client.privateKey", tls.Client.PrivateKey)
		}
	}
	return all
}
