package shard

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"maps"
	"slices"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/tenantry/tenantry/reconciler/core"
)

// kubeconfigKey is where Cluster API keeps a kubeconfig in its Secret.
const kubeconfigKey = "value"

// secretData is a Secret's decoded data.
func secretData(object map[string]any) map[string][]byte {
	fields, _ := object["data"].(map[string]any)
	data := make(map[string][]byte, len(fields))
	for k, v := range fields {
		text, _ := v.(string)
		content, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			content = nil // the API server lets none of these in
		}
		data[k] = content
	}
	return data
}

// hash is a SHA-256 in hex over a Secret's data: for each key, sorted, its length
// (8 bytes, big endian), the key, the value's length, the value.
func hash(data map[string][]byte) string {
	sum := sha256.New()
	length := func(n int) { _ = binary.Write(sum, binary.BigEndian, uint64(n)) }
	for _, k := range slices.Sorted(maps.Keys(data)) {
		length(len(k))
		sum.Write([]byte(k))
		length(len(data[k]))
		sum.Write(data[k])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// certificate describes the leaf certificate in a Secret's data: tls.crt, or the
// client certificate of a kubeconfig. Nil when there is none that can be read.
func certificate(data map[string][]byte) *core.Certificate {
	if text := data["tls.crt"]; len(text) > 0 {
		return leaf(text)
	}
	return leaf(clientCertificate(data[kubeconfigKey]))
}

// leaf describes the first certificate in a text of PEM blocks.
func leaf(text []byte) *core.Certificate {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil
		}
		sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
		return &core.Certificate{Fingerprint: hex.EncodeToString(sum[:]), NotAfter: c.NotAfter}
	}
	return nil
}

// clientCertificate is what a kubeconfig's current user identifies itself with.
// The kubeconfig is only read: nothing that it names is run or opened.
func clientCertificate(kubeconfig []byte) []byte {
	if len(kubeconfig) == 0 {
		return nil
	}
	parsed, err := clientcmd.Load(kubeconfig)
	if err != nil {
		return nil
	}
	context := parsed.Contexts[parsed.CurrentContext]
	if context == nil || parsed.AuthInfos[context.AuthInfo] == nil {
		return nil
	}
	return parsed.AuthInfos[context.AuthInfo].ClientCertificateData
}
