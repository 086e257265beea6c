package watch

import (
	"context"
	"errors"
	"os"
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
		l := &loop{opts: Options{Interval: time.Hour, Jitter: -1, Settle: 20 * time.Millisecond}.withDefaults(), signals: signals, changes: changes}
		go l.run(ctx)
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

// Nothing to watch yet, then a source, then it dies: each time one look is due
// because changes may have been missed.
func TestSourcesAreAttachedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		signals := make(chan struct{}, 1)
		var first, second chan struct{}
		attempts, stopped := 0, 0
		l := &loop{opts: Options{Interval: time.Hour, Jitter: -1, Settle: time.Millisecond}.withDefaults(), signals: signals}
		l.attach = func() (*source, error) {
			attempts++
			changes := make(chan struct{})
			switch attempts {
			case 1, 2:
				return nil, errors.New("out of watches")
			case 3:
				first = changes
			default:
				second = changes
			}
			return &source{changes, func() { stopped++ }}, nil
		}
		l.reattach()
		start := time.Now()
		go l.run(ctx)
		<-signals
		if waited := time.Since(start); waited != 2*retryAttach || attempts != 3 {
			t.Errorf("attached after %s and %d attempts, want %s and 3", waited, attempts, 2*retryAttach)
		}
		first <- struct{}{}
		<-signals
		close(first)
		<-signals
		second <- struct{}{}
		<-signals
		cancel()
		synctest.Wait()
		if attempts != 4 || stopped != 2 {
			t.Errorf("%d attempts, %d stopped, want 4 and 2", attempts, stopped)
		}
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
	if err := os.RemoveAll(repo.Dir); err != nil {
		t.Fatal(err)
	}
	expect("the repository's removal")
	if _, err := gittest.Init(repo.Dir); err != nil {
		t.Fatal(err)
	}
	expect("the repository's return")
}
