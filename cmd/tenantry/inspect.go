package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// inspect parses a tenant's kubeconfig and gives the fingerprint of its client
// certificate's public key. A kubeconfig can run programs and read files of
// whoever uses it: this one comes from a cluster, so it may only carry data.
func inspect(raw []byte) (*clientcmdapi.Config, string, error) {
	config, err := clientcmd.Load(raw)
	if err != nil {
		return nil, "", fmt.Errorf("parse: %w", err)
	}
	context, ok := config.Contexts[config.CurrentContext]
	if !ok {
		return nil, "", errors.New("no current context")
	}
	cluster, user := config.Clusters[context.Cluster], config.AuthInfos[context.AuthInfo]
	if cluster == nil || user == nil {
		return nil, "", errors.New("the current context names no cluster or no user")
	}
	for _, u := range config.AuthInfos {
		if u.Exec != nil || u.AuthProvider != nil {
			return nil, "", errors.New("refused: it would run a program to authenticate")
		}
		if u.ClientCertificate != "" || u.ClientKey != "" || u.TokenFile != "" {
			return nil, "", errors.New("refused: it refers to files on this machine")
		}
	}
	for _, c := range config.Clusters {
		if c.CertificateAuthority != "" {
			return nil, "", errors.New("refused: it refers to files on this machine")
		}
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
