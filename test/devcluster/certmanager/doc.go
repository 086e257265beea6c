// Package certmanager is cert-manager's controller with the issuers that need
// nothing from outside: CA and self-signed.
//
// There is no webhook and no cainjector: validation is the CRDs' own, and a
// CertificateRequest does not tell who made it.
//
// # Why
//
// cert-manager's own command is a nested module that the Go proxy does not
// serve. The root module holds every controller, and choosing among them leaves
// out ACME, Vault and the cloud SDKs.
package certmanager
