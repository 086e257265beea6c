package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// inspect parses a tenant's kubeconfig and gives the fingerprint of its client
// certificate's public key. Only what it gives is printed or merged, never the text:
// another parser may read that differently.
func inspect(raw []byte) (*clientcmdapi.Config, string, error) {
	config, err := clientcmd.Load(raw)
	if err != nil {
		return nil, "", fmt.Errorf("parse: %w", err)
	}
	context, ok := config.Contexts[config.CurrentContext]
	if !ok {
		return nil, "", errors.New("no current context")
	}
	if config.Clusters[context.Cluster] == nil || config.AuthInfos[context.AuthInfo] == nil {
		return nil, "", errors.New("the current context names no cluster or no user")
	}
	user := config.AuthInfos[context.AuthInfo]
	if why := danger(config); why != "" {
		return nil, "", fmt.Errorf("refused: it %s", why)
	}
	block, _ := pem.Decode(user.ClientCertificateData)
	if block == nil {
		return nil, "", errors.New("no client certificate")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, "", fmt.Errorf("parse client certificate: %w", err)
	}
	sum := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
	return config, hex.EncodeToString(sum[:]), nil
}

// danger says what a kubeconfig would do to the machine of whoever uses it; nothing
// when it only carries data. An operator's own may do all of this, a tenant's comes
// from a cluster, where others write too. All its entries are judged, used or not.
func danger(config *clientcmdapi.Config) string {
	for _, u := range config.AuthInfos {
		switch {
		case u.Exec != nil, u.AuthProvider != nil:
			return "would run a program to authenticate"
		case u.ClientCertificate != "", u.ClientKey != "", u.TokenFile != "":
			return "refers to files on this machine"
		}
	}
	for _, c := range config.Clusters {
		switch {
		case c.CertificateAuthority != "":
			return "refers to files on this machine"
		case c.InsecureSkipTLSVerify, !strings.HasPrefix(c.Server, "https://"):
			// Whoever stands in between would be given the person's commands, and the
			// Secrets in them, in the tenant's name.
			return "would believe any server"
		}
	}
	return ""
}
