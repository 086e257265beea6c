package watch

import (
	"context"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/git/gittest"
)

func TestJitter(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		part, random float64
		want         time.Duration
	}{
		{"lowest", "random numbers begin at zero", 0.1, 0, 54 * time.Second},
		{"middle", "half way is the interval itself", 0.1, 0.5, time.Minute},
		{"none", "a negative part turns jitter off", -1, 0.9, time.Minute},
		{"too much", "a part above one would give negative pauses", 3, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Jitter(time.Minute, c.part, c.random); got != c.want {
				t.Errorf("%s: got %s, want %s", c.reason, got, c.want)
			}
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "d"))
		got := Jitter(d, rapid.Float64Range(0, 1).Draw(t, "part"), rapid.Float64Range(0, 1).Draw(t, "random"))
		if got < 0 || got > 2*d {
			t.Fatalf("%s became %s", d, got)
		}
	})
}

func TestSignalsComeAtOnceAndThenEveryInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		signals := Watch(ctx, Options{Interval: time.Minute})
		start := time.Now()
		<-signals
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the first signal came after %s", waited)
		}
		for range 100 {
			last := time.Now()
			<-signals
			if waited := time.Since(last); waited < 54*time.Second || waited > 66*time.Second {
				t.Errorf("a signal came after %s, want a minute, a tenth more or less", waited)
			}
		}
		cancel()
		synctest.Wait()
		if _, open := <-signals; open {
			t.Error("a signal came after the end")
		}
	})
}

func TestSignalsAreCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		changes, signals := make(chan struct{}), make(chan struct{}, 1)
		go loop(ctx, Options{Interval: time.Hour, Jitter: -1, Settle: 20 * time.Millisecond}, changes, signals)
		for range 50 {
			changes <- struct{}{}
		}
		<-time.After(time.Second) // of the bubble's clock
		<-signals
		synctest.Wait()
		select {
		case <-signals:
			t.Error("50 changes at once gave two signals, want one")
		default:
		}

		start := time.Now()
		go func() {
			for range 1000 {
				changes <- struct{}{}
				<-time.After(10 * time.Millisecond)
			}
		}()
		<-signals
		if waited := time.Since(start); waited > 30*time.Millisecond {
			t.Errorf("changes without end delayed the signal by %s", waited)
		}
		cancel()
		for range 1000 { // let the writer end
			select {
			case <-changes:
			case <-time.After(time.Second):
			}
		}
		synctest.Wait()
	})
}

func TestLocalChangesAreSeen(t *testing.T) {
	repo, err := gittest.Init(filepath.Join(t.TempDir(), "fleet.git"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	signals := Watch(ctx, Options{Path: repo.Dir, Interval: time.Hour})
	defer func() {
		cancel()
		for range signals {
		}
	}()
	<-signals
	expect := func(what string) {
		t.Helper()
		select {
		case <-signals:
		case <-time.After(20 * time.Second):
			t.Fatalf("no signal after %s", what)
		}
	}
	if _, err := repo.Commit("main", "First", map[string]string{"a": "1"}); err != nil {
		t.Fatal(err)
	}
	expect("a commit")
	if _, err := repo.Commit("team/one", "Second", map[string]string{"a": "2"}); err != nil {
		t.Fatal(err)
	}
	expect("a commit on a branch in a folder of its own")
	if _, err := repo.Git("pack-refs", "--all"); err != nil {
		t.Fatal(err)
	}
	expect("packing references")
	if err := repo.SetBranch("team/one", ""); err != nil {
		t.Fatal(err)
	}
	expect("a deletion")
}
