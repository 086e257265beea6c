package cluster_test

import (
	"os"
	"path/filepath"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/tenantry/tenantry/reconciler/core"
)

// A shard whose kubeconfig gets its credential from a program, as those of cloud
// providers do. A program that fails stops its shard until it succeeds.
func TestExecCredential(t *testing.T) {
	config, err := clientcmd.LoadFromFile(fixture.Start(t).Admit(t, "eu-1"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	user := config.AuthInfos[config.Contexts[config.CurrentContext].AuthInfo]
	token := user.Token
	*user = clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{
		APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.NeverExecInteractiveMode, Command: "./credential.sh",
	}}
	content, err := clientcmd.Write(*config)
	if err != nil {
		t.Fatal(err)
	}
	write("eu-1.kubeconfig", string(content))
	write("credential.sh", "#!/bin/sh\nexit 1\n")
	d := begin(t, "replica-exec", filepath.Join(dir, "eu-1.kubeconfig"))
	next(d, func(l core.Lease) bool { return l.Err != nil })

	write("token", token)
	write("credential.sh", "#!/bin/sh\n"+
		`echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "'$(cat `+dir+`/token)'"}}'`)
	next(d, held)
	d.shard.Handle(core.Watch{Shard: "eu-1", Kinds: []string{"v1/Namespace"}})
	next(d, func(core.Synced) bool { return true })
	owner, object := namespace("exec")
	if f := d.do(core.Work{Owner: owner, Epoch: 1, RaiseAnchor: true, Apply: []core.Apply{{Object: object}}}); len(f) > 0 {
		t.Errorf("failures are %+v", f)
	}
}
