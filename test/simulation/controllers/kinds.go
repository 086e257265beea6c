package controllers

import (
	"fmt"
	"slices"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// Kinds are those of cert-manager and of Kamaji, and those of Kubernetes that nobody
// plays but the native provider wants.
func Kinds() []apiserver.Kind {
	const admission = "admissionregistration.k8s.io"
	return slices.Concat(apiserver.CertManager(), apiserver.Kamaji(), []apiserver.Kind{
		{Group: "cert-manager.io", Version: "v1", Kind: "ClusterIssuer", Resource: "clusterissuers", Status: true},
		{Group: admission, Version: "v1", Kind: "ValidatingAdmissionPolicy", Resource: "validatingadmissionpolicies", Status: true},
		{Group: admission, Version: "v1", Kind: "ValidatingAdmissionPolicyBinding", Resource: "validatingadmissionpolicybindings"},
	})
}

// Install has a server serve Kinds, and makes the namespace that cert-manager lives in.
func Install(server *apiserver.Server) error {
	for _, kind := range Kinds() {
		server.Define(kind)
	}
	if _, err := server.Write("kubectl-create", "", named(core("Namespace", "", resourceNamespace), nil)); err != nil {
		return fmt.Errorf("install cert-manager: %w", err)
	}
	return nil
}
