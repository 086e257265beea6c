package simulation

import (
	"encoding/base64"
	"strings"
	"testing"
)

// A secret is found wherever it stands in what is encoded, twice over as well.
func TestLeaks(t *testing.T) {
	encode := base64.StdEncoding.EncodeToString
	for _, secret := range []string{"-----BEGIN EC PRIVATE KEY-----", "password: " + canary} {
		for outer := range 3 {
			for inner := range 3 {
				key := encode([]byte(strings.Repeat("x", inner) + secret + "\n"))
				kubeconfig := encode([]byte(strings.Repeat("x", outer) + "client-key-data: " + key + "\n"))
				for _, text := range []string{secret, "a " + key, `{"value":"` + kubeconfig + `"}`} {
					if !leaks(text) {
						t.Errorf("%q is not found after %d and %d bytes in %s", secret, outer, inner, text)
					}
				}
			}
		}
	}
	for _, text := range []string{"", "PUBLIC KEY", "canary", encode([]byte("client-key-data: none"))} {
		if leaks(text) {
			t.Errorf("%q is taken for a secret", text)
		}
	}
}
