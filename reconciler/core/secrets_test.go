package core

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// seeSecrets plays a look at Secrets.
func (w *world) seeSecrets(e SeeSecrets) {
	s := w.shards[e.Shard]
	s.looks = append(s.looks, e)
	answer := SecretsSeen{Shard: e.Shard, Owner: e.Owner}
	for _, k := range e.Keys {
		found := SecretSeen{Namespace: k.Namespace, Name: k.Name, Written: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
		if slices.ContainsFunc(answer.Secrets, func(s SecretSeen) bool { return s.Namespace == k.Namespace && s.Name == k.Name }) {
			continue
		}
		if s.there != nil {
			found = s.there(found)
		}
		answer.Secrets = append(answer.Secrets, found)
	}
	if !s.mute {
		w.queue = append(w.queue, answer)
	}
}

// store is what is said of the only datastore.
func (w *world) store() DataStoreStatus {
	w.t.Helper()
	all := w.core.Shards()
	if len(all) != 1 || len(all[0].DataStores) != 1 {
		w.t.Fatalf("shards are %+v", all)
	}
	return all[0].DataStores[0]
}

func gone(s SecretSeen) SecretSeen {
	s.Missing, s.Written = true, time.Time{}
	return s
}

func TestSecretsThatAreThere(t *testing.T) {
	w := onKamaji(t, nil)
	s := w.shards["eu-1"]
	w.wantPhase("acme", Ready)
	ds := w.store()
	if ds.Conditions[0].Status != "True" || len(ds.Secrets) != 1 || ds.Secrets[0].Name != "data/db" || ds.Secrets[0].Written.Year() != 2026 {
		t.Errorf("said is %+v", ds)
	}
	if len(s.looks) != 1 || len(s.looks[0].Keys) != 2 || s.looks[0].Owner.Name != "sql" {
		t.Fatalf("looked at %+v", s.looks)
	}
	before := w.statuses
	w.pass(time.Hour)
	if n := len(s.looks); n < 10 || n > 14 {
		t.Errorf("within an hour they were looked at %d times, want every five minutes", n)
	}
	if w.statuses != before {
		t.Errorf("at rest %d statuses were written", w.statuses-before)
	}
}

func TestSecretThatIsMissing(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		there      func(SecretSeen) SecretSeen
	}{
		{"Missing", "Secret data/db, which spec.basicAuth.username names, is not there", gone},
		{"Key", "Secret data/db has nothing under p, which spec.basicAuth.password names", func(s SecretSeen) SecretSeen { s.Lacks = []string{"p"}; return s }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := onKamaji(t, func(w *world) { w.shards["eu-1"].there = tt.there })
			st := w.wantPhase("acme", Pending)
			if why := st.Why(); why.Reason != "WaitingForDataStore" || !strings.Contains(why.Message, tt.want) {
				t.Errorf("the tenant says %+v", why)
			}
			if c := w.store().Conditions[0]; c.Status != "False" || c.Reason != "SecretMissing" || c.Message != tt.want {
				t.Errorf("the datastore says %+v", c)
			}
			w.shards["eu-1"].there = nil
			w.pass(time.Minute)
			w.wantPhase("acme", Ready)
		})
	}
}

// Who lives on a datastore goes on when its Secret goes: they have what they need.
func TestSecretThatGoesAwayStopsNobody(t *testing.T) {
	w := onKamaji(t, nil)
	s := w.shards["eu-1"]
	s.there = gone
	w.pass(10 * time.Minute)
	w.wantPhase("acme", Ready)
	if c := w.store().Conditions[0]; c.Status != "False" || c.Reason != "SecretMissing" {
		t.Errorf("the datastore says %+v", c)
	}
	works := len(s.works)
	w.commit(map[string]string{"tenants/web/bee/tenant.yaml": strings.ReplaceAll(string(w.head.files["tenants/web/acme/tenant.yaml"].Data), "acme", "bee")})
	w.settle()
	if w.wantPhase("bee", Pending); len(s.works) != works {
		t.Errorf("done was %+v", s.works[works:])
	}
	s.there = nil
	w.pass(time.Minute)
	w.wantPhase("bee", Ready)
}

func TestSecretThatChanges(t *testing.T) {
	w := onKamaji(t, nil)
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	w.shards["eu-1"].there = func(s SecretSeen) SecretSeen { s.Written = at; return s }
	w.pass(10 * time.Minute)
	if ds := w.store(); ds.Secrets[0].Written == nil || !ds.Secrets[0].Written.Equal(at) || ds.Conditions[0].Status != "True" {
		t.Errorf("the datastore says %+v", ds)
	}
}

// Failing to look says nothing of what is there.
func TestSecretThatCannotBeSeen(t *testing.T) {
	w := onKamaji(t, nil)
	s := w.shards["eu-1"]
	s.there = func(s SecretSeen) SecretSeen {
		return SecretSeen{Namespace: s.Namespace, Name: s.Name, Failure: &Failure{Reason: "Forbidden", Message: "the shard does not let us"}}
	}
	w.pass(10 * time.Minute)
	if ds := w.store(); ds.Conditions[0].Status != "True" || ds.Conditions[0].Message != "Secret data/db cannot be looked at: the shard does not let us" || ds.Secrets[0].Written == nil {
		t.Errorf("the datastore says %+v", ds)
	}
	s.looks = nil
	w.pass(10 * time.Minute)
	if n := len(s.looks); n < 4 || n > 7 {
		t.Errorf("within ten minutes they were looked at %d times, want every other minute", n)
	}
}

// What a daemon before has said stands until this one has looked.
func TestSecretsAfterARestart(t *testing.T) {
	w := onKamaji(t, func(w *world) { w.shards["eu-1"].there = gone })
	w.wantPhase("acme", Pending)
	before := w.statuses
	w.shards["eu-1"].mute = true
	w.restart()
	w.settle()
	w.wantPhase("acme", Pending)
	if w.statuses != before {
		t.Errorf("%d statuses were written", w.statuses-before)
	}
}
