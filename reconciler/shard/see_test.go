package shard_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tenantry/tenantry/reconciler/core"
	"github.com/tenantry/tenantry/render"
)

// see has Secrets looked at, and gives the answer.
func (e *edge) see(owner render.Owner, keys ...render.SecretKey) core.SecretsSeen {
	e.t.Helper()
	from := e.count()
	e.shard.Handle(core.SeeSecrets{Shard: "eu-1", Owner: owner, Keys: keys})
	var answer core.SecretsSeen
	e.until("SecretsSeen", func() bool {
		for _, event := range e.events[from:] {
			if s, ok := event.(core.SecretsSeen); ok && s.Owner == owner {
				answer = s
				return true
			}
		}
		return false
	})
	return answer
}

func TestSeeSecrets(t *testing.T) {
	e := begin(t, config(t))
	e.watch([]string{"v1/Secret"})
	owner, ns := e.tenant("sql")
	key := func(name, key string) render.SecretKey { return render.SecretKey{Namespace: ns, Name: name, Key: key} }
	secrets := e.client.CoreV1().Secrets(ns)
	keys := []render.SecretKey{key("db", "user"), key("db", "password"), key("db", "empty"), key("ca", "ca.crt")}

	got := e.see(owner, keys...)
	if len(got.Secrets) != 2 || got.Failure != nil || !got.Secrets[0].Missing || !got.Secrets[1].Missing || got.Secrets[1].Name != "ca" {
		t.Fatalf("of what is not there: %+v", got)
	}
	made, err := secrets.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "db"}, Data: map[string][]byte{"user": []byte("sesame"), "empty": {}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	db := e.see(owner, keys...).Secrets[0]
	if db.Missing || !slices.Equal(db.Lacks, []string{"password", "empty"}) || !db.Written.Equal(made.CreationTimestamp.Time) {
		t.Errorf("without a password: %+v, made %v", db, made.CreationTimestamp)
	}

	// The clock of managedFields has whole seconds.
	written := func(change func(*corev1.Secret)) time.Time {
		t.Helper()
		for begun := time.Now(); ; {
			s, err := secrets.Get(t.Context(), "db", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			change(s)
			if s, err = secrets.Update(t.Context(), s, metav1.UpdateOptions{FieldManager: "rotation"}); err != nil {
				t.Fatal(err)
			}
			for _, m := range s.ManagedFields {
				if m.Manager == "rotation" && m.Time.After(db.Written) {
					return e.see(owner, keys...).Secrets[0].Written
				}
			}
			if time.Since(begun) > time.Minute {
				t.Fatal("managedFields never tell a later time")
			}
		}
	}
	n := 0
	labelled := written(func(s *corev1.Secret) {
		n++
		s.Labels = map[string]string{"turn": strings.Repeat("x", n%50+1)}
	})
	if !labelled.Equal(db.Written) {
		t.Errorf("a label counts as data: written %v, before %v", labelled, db.Written)
	}
	if rotated := written(func(s *corev1.Secret) {
		n++
		s.Data["password"] = []byte(strings.Repeat("x", n%50+1))
	}); !rotated.After(db.Written) {
		t.Errorf("a new password was written %v, the Secret %v", rotated, db.Written)
	}
	if e.seen(render.ObjectID{Version: "v1", Kind: "Secret", Namespace: ns, Name: "db"}) != nil {
		t.Error("a Secret that is not ours is reported as an object")
	}

	e.keeper.set(core.Lease{Shard: "eu-1", Identity: "this-cluster", Holder: "somebody"})
	e.until("the lease's end", func() bool { return !last[core.Lease](e).Held })
	if got := e.see(owner, keys...); got.Failure == nil || got.Failure.Reason != "NoLease" || got.Secrets != nil {
		t.Errorf("without the lease: %+v", got)
	}
}
