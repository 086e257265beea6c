package e2e

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// make has a controller write the kubeconfig's Secret, or one without the key that holds it.
func (c *conformity) make(whole bool) {
	c.t.Helper()
	data := map[string]any{"other": "of no use"}
	if whole {
		data = map[string]any{c.Kubeconfig.Key: string(c.confs[0])}
	}
	c.put("tenant-"+c.tenant, c.say(c.Kubeconfig.Secret), data)
}

// lack wants to be told that the Secret lacks the key.
func (c *conformity) lack(what string) {
	c.t.Helper()
	missing := "/" + c.say(c.Kubeconfig.Secret) + " has no " + c.Kubeconfig.Key
	c.eventually(what+": it is told that the Secret lacks the key", func() error {
		st, err := c.status(c.tenant)
		if ready := st.because("Ready"); err == nil && (st.Phase != "Provisioning" || !strings.HasSuffix(ready, missing)) {
			err = fmt.Errorf("it is %s (%s), want %q", st.Phase, ready, missing)
		}
		return err
	})
	if out, errs, code := c.ask(); code != 1 || out != "" || !strings.Contains(errs, "there is none yet") {
		c.t.Errorf("%s: without a kubeconfig tenantry kubeconfig ended with %d and said\n%s%s", what, code, out, errs)
	}
}

// ask has the program follow the committed reference to the kubeconfig.
func (c *conformity) ask() (stdout, stderr string, code int) {
	c.t.Helper()
	return c.command("kubeconfig", c.tenant, "--repository", c.URL, "--kubeconfigs", c.kubeconfigs)
}

// fetch follows the reference: it leads to the kubeconfig that a controller made, or
// that was derived. Where the provider says of none, that is told.
func (c *conformity) fetch(what string, there bool) {
	c.t.Helper()
	out, errs, code := c.ask()
	if !there {
		if code != 1 || out != "" || !strings.Contains(errs, "does not say where one is") {
			c.t.Errorf("%s: without a kubeconfig tenantry kubeconfig ended with %d and said\n%s%s", what, code, out, errs)
		}
		return
	}
	if code != 0 || errs != "" {
		c.t.Errorf("%s: tenantry kubeconfig ended with %d and said %s", what, code, errs)
		return
	}
	st, err := c.status(c.tenant)
	if err != nil {
		c.t.Fatal(err)
	}
	if got := fingerprint(c.t, []byte(out)); got != st.Kubeconfig.Fingerprint {
		c.t.Errorf("%s: tenantry kubeconfig prints one of certificate %s, the status names %s", what, got, st.Kubeconfig.Fingerprint)
	}
	if c.Kubeconfig != nil {
		if diff := cmp.Diff(load(c.t, c.confs[0]), load(c.t, []byte(out))); diff != "" {
			c.t.Errorf("%s: tenantry kubeconfig prints another than the Secret's (-want +got):\n%s", what, diff)
		}
	}
}

// load reads a kubeconfig.
func load(t *testing.T, conf []byte) *clientcmdapi.Config {
	t.Helper()
	parsed, err := clientcmd.Load(conf)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// fingerprint is that of a kubeconfig's only client certificate.
func fingerprint(t *testing.T, conf []byte) string {
	t.Helper()
	for _, user := range load(t, conf).AuthInfos {
		block, _ := pem.Decode(user.ClientCertificateData)
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
		return hex.EncodeToString(sum[:])
	}
	t.Fatal("the kubeconfig has no user")
	return ""
}
