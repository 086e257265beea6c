package controllers

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"hash/fnv"
	"math/big"
	"sync"
	"time"

	"github.com/tenantry/tenantry/test/simulation/apiserver"
)

// keys is how many private keys there are, and certificates how many of each key.
const keys, certificates = 32, 3

// pair is a private key and one certificate of it.
type pair struct{ key, certificate int }

// material is a pair as Secrets have it: PEM in base64.
type material struct {
	key, certificate    string
	notBefore, notAfter time.Time
}

// store is every pair there is.
type store struct {
	material [keys][certificates]material
	// pairs finds a pair by its certificate.
	pairs map[string]pair
}

// pairs makes them, the same ones in every process.
var pairs = sync.OnceValue(func() *store {
	s := &store{pairs: map[string]pair{}}
	for k := range keys {
		private := privateKey(k)
		for n := range certificates {
			m := newMaterial(private, k, n)
			s.material[k][n] = m
			s.pairs[m.certificate] = pair{k, n}
		}
	}
	return s
})

func privateKey(k int) ed25519.PrivateKey {
	seed := sha256.Sum256(fmt.Appendf(nil, "a key that opens nothing: %d", k))
	return ed25519.NewKeyFromSeed(seed[:])
}

// newMaterial makes a certificate that signs itself.
func newMaterial(private ed25519.PrivateKey, k, n int) material {
	// Simulated time may begin anywhere in this century.
	begin := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(1 + k*certificates + n)), Subject: pkix.Name{CommonName: fmt.Sprintf("key %d", k)},
		NotBefore: begin, NotAfter: begin.AddDate(90+n, 0, 0), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(nil, template, template, private.Public(), private) // nothing in it is random
	if err != nil {
		panic(fmt.Sprintf("make certificate: %v", err)) // nothing of it comes from outside
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		panic(fmt.Sprintf("encode key: %v", err)) // as above
	}
	encode := func(kind string, der []byte) string {
		return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return material{
		key: encode("PRIVATE KEY", pkcs8), certificate: encode("CERTIFICATE", der),
		notBefore: template.NotBefore, notAfter: template.NotAfter,
	}
}

func (p pair) material() material { return pairs().material[p.key][p.certificate] }

// found is the pair that a Secret holds; ok is false when it holds none that is whole.
func found(secret apiserver.Object) (p pair, ok bool) {
	p, ok = pairs().pairs[text(secret, "data", "tls.crt")]
	return p, ok && text(secret, "data", "tls.key") == p.material().key
}

// another is the next pair of an object: another key each time. That something was
// issued is counted.
func (c *Controllers) another(key apiserver.Key) pair {
	n := int(hash(key)) + c.issued[key]
	c.issued[key]++
	return pair{n % keys, n / keys % certificates}
}

// hash spreads objects by their names.
func hash(key apiserver.Key) uint32 { return sum(key.Kind + "/" + key.Namespace + "/" + key.Name) }

func sum(text string) uint32 {
	s := fnv.New32a()
	_, _ = s.Write([]byte(text))
	return s.Sum32()
}
