package controllers

import (
	"cmp"
	"maps"
	"strings"
	"time"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// The field managers of cert-manager's controllers.
const (
	issuing        = "cert-manager-certificates-issuing"
	readiness      = "cert-manager-certificates-readiness"
	trigger        = "cert-manager-certificates-trigger"
	issuers        = "cert-manager-issuers"
	clusterIssuers = "cert-manager-clusterissuers"
)

// resourceNamespace is where ClusterIssuers have their Secrets.
const resourceNamespace = "cert-manager"

// issuer is ready when it has the Secret that it signs with.
func (c *Controllers) issuer(key apiserver.Key, o apiserver.Object) (time.Duration, error) {
	if deleting(o) {
		return 0, nil
	}
	manager := issuers
	if key.Kind == "ClusterIssuer" {
		manager = clusterIssuers
	}
	condition := c.condition(o, "Ready", "True", "IsReady", "Signing CA verified")
	if authority := authority(key, o); authority.Name != "" {
		c.await(authority, key)
		if _, ok := found(c.server.Get(authority)); !ok {
			if o["status"] == nil && c.trouble(key) == Well {
				return 0, nil // it is on its way
			}
			condition = c.condition(o, "Ready", "False", "SecretNotFound", "the Secret "+authority.Name+" has no key and certificate")
		}
	}
	if c.trouble(key) != Well {
		condition = c.condition(o, "Ready", "False", "ErrInitIssuer", "it cannot be initialized")
	}
	condition["observedGeneration"] = number(0, o, "metadata", "generation")
	return 0, c.report(manager, o, map[string]any{"conditions": []any{condition}})
}

// authority is the Secret that an issuer signs with; one without a name when it signs
// with no authority.
func authority(key apiserver.Key, o apiserver.Object) apiserver.Key {
	namespace := key.Namespace
	if key.Kind == "ClusterIssuer" {
		namespace = resourceNamespace
	}
	return core("Secret", namespace, text(o, "spec", "ca", "secretName"))
}

// certificate gets its Secret issued, when it has none that fits and when it is renewed,
// and is ready then.
func (c *Controllers) certificate(key apiserver.Key, o apiserver.Object) (time.Duration, error) {
	if deleting(o) {
		return 0, nil
	}
	name := core("Secret", key.Namespace, text(o, "spec", "secretName"))
	c.await(name, key)
	secret := c.server.Get(name)
	have, whole := found(secret)
	fits := whole && !c.renew[key] && contains(mapping(secret, "metadata", "annotations"), annotations(o))
	switch {
	case fits && !contains(mapping(secret, "metadata", "labels"), labels(o)):
		return 0, c.apply(issuing, issuedSecret(name, o, mapping(secret, "data")))
	case fits:
		return 0, c.report(readiness, o, c.issuedStatus(key, o, have))
	case c.trouble(key) != Well:
		return 0, c.report(trigger, o, c.issuingStatus(o, secret != nil, c.trouble(key) == Broken))
	}
	from := issuerOf(key, o)
	signs := c.server.Get(from)
	if signs == nil || !holds(signs, "Ready") {
		c.await(from, key)
		return 0, nil
	}
	next := c.another(key)
	if whole && text(o, "spec", "privateKey", "rotationPolicy") == "Never" {
		next = pair{have.key, (have.certificate + 1) % certificates}
	}
	m := next.material()
	data := map[string]any{"tls.crt": m.certificate, "tls.key": m.key, "ca.crt": m.certificate}
	if ca := text(c.server.Get(authority(from, signs)), "data", "tls.crt"); ca != "" {
		data["ca.crt"] = ca
	}
	return 0, c.renewed(key, c.apply(issuing, issuedSecret(name, o, data)))
}

// issuerOf is who signs a Certificate.
func issuerOf(key apiserver.Key, o apiserver.Object) apiserver.Key {
	ref := mapping(o, "spec", "issuerRef")
	from := apiserver.Key{Group: key.Group, Version: key.Version, Kind: cmp.Or(text(ref, "kind"), "Issuer"), Name: text(ref, "name")}
	if from.Kind == "Issuer" {
		from.Namespace = key.Namespace
	}
	return from
}

// renewed notes that an object was renewed, unless that failed.
func (c *Controllers) renewed(key apiserver.Key, err error) error {
	if err == nil {
		delete(c.renew, key)
	}
	return err
}

// issuedStatus is that of a Certificate whose Secret is as it wants it.
func (c *Controllers) issuedStatus(key apiserver.Key, o apiserver.Object, have pair) map[string]any {
	ready := c.condition(o, "Ready", "True", "Ready", "Certificate is up to date and has not expired")
	ready["observedGeneration"] = number(0, o, "metadata", "generation")
	m := have.material()
	format := func(t time.Time) string { return t.Format(time.RFC3339) }
	return map[string]any{
		"conditions": []any{ready}, "revision": int64(max(1, c.issued[key])),
		"notBefore": format(m.notBefore), "notAfter": format(m.notAfter), "renewalTime": format(m.notAfter.AddDate(-1, 0, 0)),
	}
}

// issuingStatus is that of a Certificate that cannot be issued. While there is a Secret
// it counts as ready, as when it is renewed.
func (c *Controllers) issuingStatus(o apiserver.Object, there, failed bool) map[string]any {
	ready := c.condition(o, "Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist")
	if there && holds(o, "Ready") {
		ready = c.condition(o, "Ready", "True", "Ready", "Certificate is up to date and has not expired")
	}
	under := c.condition(o, "Issuing", "True", "Requested", "Issuing certificate")
	if failed {
		under = c.condition(o, "Issuing", "False", "Failed", "the certificate request has failed")
	}
	for _, condition := range []map[string]any{ready, under} {
		condition["observedGeneration"] = number(0, o, "metadata", "generation")
	}
	status := maps.Clone(mapping(o, "status"))
	if status == nil {
		status = map[string]any{}
	}
	status["conditions"] = []any{ready, under}
	return status
}

// issuedSecret is the Secret as cert-manager applies it.
func issuedSecret(name apiserver.Key, o apiserver.Object, data map[string]any) apiserver.Object {
	secret := named(name, map[string]any{"labels": labels(o), "annotations": annotations(o)})
	secret["type"], secret["data"] = "kubernetes.io/tls", data
	return secret
}

// labels are those of a Certificate's Secret.
func labels(o apiserver.Object) map[string]any {
	all := map[string]any{"controller.cert-manager.io/fao": "true"}
	maps.Copy(all, mapping(o, "spec", "secretTemplate", "labels"))
	return all
}

// annotations of a Certificate's Secret tell what was issued. They also are how it is
// noticed that the Certificate wants something else now.
func annotations(o apiserver.Object) map[string]any {
	all := map[string]any{}
	maps.Copy(all, mapping(o, "spec", "secretTemplate", "annotations"))
	join := func(values []any) string {
		var texts []string
		for _, v := range values {
			s, _ := v.(string)
			texts = append(texts, s)
		}
		return strings.Join(texts, ",")
	}
	for name, value := range map[string]string{
		"certificate-name": text(o, "metadata", "name"),
		"common-name":      text(o, "spec", "commonName"),
		"alt-names":        join(list(o, "spec", "dnsNames")),
		"ip-sans":          join(list(o, "spec", "ipAddresses")),
		"uri-sans":         join(list(o, "spec", "uris")),
		"issuer-name":      text(o, "spec", "issuerRef", "name"),
		"issuer-kind":      text(o, "spec", "issuerRef", "kind"),
		"issuer-group":     text(o, "spec", "issuerRef", "group"),
	} {
		all["cert-manager.io/"+name] = value
	}
	return all
}

// contains tells whether all of some are among all.
func contains(all, some map[string]any) bool {
	for name, value := range some {
		if have, there := all[name]; !there || have != value {
			return false
		}
	}
	return true
}
