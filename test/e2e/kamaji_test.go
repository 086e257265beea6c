package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/tenantry/tenantry/test/kamaji"
)

// playKamaji has the shard's API server serve Kamaji's kinds, and plays the operator
// there until the test ends.
func (s *shard) playKamaji(t *testing.T, opts kamaji.Options) {
	t.Helper()
	if err := kamaji.Install(t.Context(), s.config); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := kamaji.Run(ctx, s.config, opts); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
}

// hosted declares a class of Kamaji's, and a datastore that runs elsewhere.
func (f *fleet) hosted(s *shard, store string) {
	f.t.Helper()
	f.MustCommit(declared, map[string]string{
		"classes/hosted/class.yaml": "apiVersion: tenantry.io/v1alpha1\nkind: ControlPlaneClass\nmetadata: {name: hosted}\n" +
			"spec: {provider: kamaji, version: v1.36.3, replicas: 2}\n",
		"datastores/" + store + ".yaml": fmt.Sprintf("apiVersion: tenantry.io/v1alpha1\nkind: DataStore\nmetadata: {name: %s}\n"+
			"spec:\n  provider: kamaji\n  driver: MySQL\n  shards: [%[2]s]\n  endpoints: [%[1]s.data.svc:3306]\n  basicAuth:\n"+
			"    username: {namespace: default, name: %[1]s, key: username}\n    password: {namespace: default, name: %[1]s, key: password}\n", store, s.name),
	})
}

// plane reads a TenantControlPlane.
func (s *shard) plane(name string) (*unstructured.Unstructured, error) {
	return s.there("TenantControlPlane", "tenant-"+name+"/"+name)
}

// The life of a tenant that Kamaji runs: it waits for its datastore's Secret, becomes
// ready, sleeps when it is removed, comes back as the same one, and goes.
func TestKamaji(t *testing.T) {
	t.Parallel()
	s := take(t)
	s.playKamaji(t, kamaji.Options{Pause: 200 * time.Millisecond})
	f := newFleet(t, "hosted", s)
	store := s.name + "-sql"
	f.hosted(s, store)
	path, content := tenant("hosted-one", "replicas: 1")
	f.MustCommit(declared, map[string]string{path: strings.Replace(content, "class: standard", "class: hosted", 1)})
	f.start()

	f.reach("Pending", "hosted-one")
	tells := func(what string) {
		f.eventually("it is told that "+what, func() error {
			shard, err := f.Git("cat-file", "blob", observed+":status/"+s.name+"/_shard.yaml")
			if err != nil {
				return err
			}
			st, err := f.status("hosted-one")
			if err == nil && (!strings.Contains(shard, what) || !strings.Contains(fmt.Sprintf("%+v", st), what)) {
				err = fmt.Errorf("%s\n%+v", shard, st)
			}
			return err
		})
	}
	secret := "Secret default/" + store
	tells(secret + ", which spec.basicAuth.username names, is not there")
	credentials := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": store}, "stringData": map[string]any{"username": "kamaji"},
	}}
	secrets := s.client.Resource(resource("Secret")).Namespace("default")
	if _, err := secrets.Create(t.Context(), credentials, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.delete(t, "Secret", "default/"+store) })
	// Kamaji is content with that.
	tells(secret + " has nothing under password, which spec.basicAuth.password names")
	if err := s.absent("TenantControlPlane", "tenant-hosted-one/hosted-one"); err != nil {
		t.Error(err)
	}
	credentials.Object["stringData"] = map[string]any{"username": "kamaji", "password": "sesame"}
	if _, err := secrets.Update(t.Context(), credentials, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}

	f.reach("Ready", "hosted-one")
	was := f.mustEntry("hosted-one")
	st, err := f.status("hosted-one")
	switch {
	case err != nil:
		t.Fatal(err)
	case st.Version != "v1.36.3" || st.Endpoint != "https://"+was.Placement.Address+":6443" || st.DataStore != store:
		t.Errorf("its status is %+v", st)
	case st.Kubeconfig == nil || st.Kubeconfig.Secret != "hosted-one-admin-kubeconfig" || st.Kubeconfig.Key != "admin.conf" || st.Kubeconfig.Fingerprint == "":
		t.Errorf("its kubeconfig is %+v", st.Kubeconfig)
	}
	out, errs, code := f.command("kubeconfig", "hosted-one", "--repository", f.URL, "--kubeconfigs", f.kubeconfigs)
	if conf, err := clientcmd.Load([]byte(out)); code != 0 || err != nil || len(conf.AuthInfos) != 1 {
		t.Errorf("kubeconfig ended with %d and said %s (%v)", code, errs, err)
	}
	plane, err := s.plane("hosted-one")
	if err != nil {
		t.Fatal(err)
	}
	schema, _, _ := unstructured.NestedString(plane.Object, "spec", "dataStoreSchema")
	if schema == "" || len(schema) > 32 || strings.Contains(schema, "hosted") {
		t.Errorf("its schema is %q, want one of its uid, of 32 letters at most", schema)
	}

	// A person who scales it is put right; the operator's own fields are left alone.
	generation := plane.GetGeneration()
	f.eventually("replicas are as declared again", func() error {
		plane, err := s.plane("hosted-one")
		if err != nil {
			return err
		}
		replicas, _, _ := unstructured.NestedInt64(plane.Object, "spec", "controlPlane", "deployment", "replicas")
		if replicas != 1 {
			return fmt.Errorf("there are %d", replicas)
		}
		if plane.GetGeneration() > generation {
			return nil
		}
		if err := unstructured.SetNestedField(plane.Object, int64(5), "spec", "controlPlane", "deployment", "replicas"); err != nil {
			return err
		}
		if _, err = s.client.Resource(resource("TenantControlPlane")).Namespace(plane.GetNamespace()).Update(t.Context(), plane, metav1.UpdateOptions{FieldManager: "person"}); err == nil {
			err = errors.New("scaled by hand just now")
		}
		return err
	})

	f.deletion("retention: 1h, allowLast: true")
	f.withdraw("hosted-one")
	f.reach("Removed", "hosted-one")
	f.eventually("it sleeps", func() error {
		plane, err := s.plane("hosted-one")
		if err != nil {
			return err
		}
		if word, _, _ := unstructured.NestedString(plane.Object, "status", "kubernetesResources", "version", "status"); word != "Sleeping" {
			return errors.New("it is " + word)
		}
		return nil
	})
	f.revert()
	f.reach("Ready", "hosted-one")
	if back := f.mustEntry("hosted-one"); back.UID != was.UID {
		t.Errorf("the revert brought %s back, want %s", back.UID, was.UID)
	}
	if again, err := s.plane("hosted-one"); err != nil || again.GetUID() != plane.GetUID() {
		t.Errorf("its TenantControlPlane was made anew (%v)", err)
	}

	f.deletion("retention: 1s, allowLast: true")
	f.withdraw("hosted-one")
	f.eventually("the ledger says that it is purged", func() error { return f.lifecycle("hosted-one", "Purged") })
	if err := errors.Join(s.absent("Namespace", "tenant-hosted-one"), s.absent("TenantControlPlane", "tenant-hosted-one/hosted-one")); err != nil {
		t.Error(err)
	}
	if _, err := s.there("DataStore", store); err != nil {
		t.Error(err)
	}
}
