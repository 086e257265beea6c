package simulation

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// clientOf is the certificate, as PEM, with which whoever has the kubeconfig in a Secret
// says who it is.
func clientOf(secret apiserver.Object, key string) ([]byte, error) {
	text, _ := mapping(secret, "data")[key].(string)
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.Load(content)
	if err != nil {
		return nil, err
	}
	for _, user := range config.AuthInfos { // there is one
		return user.ClientCertificateData, nil
	}
	return nil, errors.New("there is no user")
}

// certified is what may be told of that certificate: what its key is known by, and when
// it ends.
func certified(secret apiserver.Object, key string) (fingerprint string, end time.Time, err error) {
	content, err := clientOf(secret, key)
	if err != nil {
		return "", time.Time{}, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return "", time.Time{}, errors.New("there is no certificate")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", time.Time{}, err
	}
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:]), c.NotAfter.UTC(), nil
}
