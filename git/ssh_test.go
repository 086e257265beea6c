package git_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
)

func overSSH(remote *gittest.SSHFixture) git.Options {
	return git.Options{URL: remote.URL, Read: git.Credentials{KeyFile: remote.KeyFile}, KnownHostsFile: remote.KnownHostsFile}
}

func TestFetchAndPushOverSSH(t *testing.T) {
	remote := gittest.NewSSH(t)
	r := open(t, overSSH(remote))
	if tips := fetch(t, r, "ledger"); len(tips) != 0 {
		t.Fatalf("an empty repository has branches: %v", tips)
	}
	tip, err := r.Push(t.Context(), draft("", "a", "1"))
	if err != nil {
		t.Fatal(err)
	}
	theirs := git.Hash(remote.MustCommit("ledger", map[string]string{"dir/b": "2"}))
	if _, err := r.Push(t.Context(), draft(tip, "c", "3")); !errors.Is(err, git.ErrConflict) {
		t.Fatalf("on an old tip: got %v, want ErrConflict", err)
	}
	if got := fetch(t, r, "ledger")["ledger"]; got != theirs {
		t.Fatalf("tip %s, want %s", got, theirs)
	}
	tip, err = r.Push(t.Context(), draft(theirs, "c", "3"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": "1", "dir/b": "2", "c": "3"}
	if diff := cmp.Diff(want, remote.MustFiles("ledger")); diff != "" {
		t.Errorf("remote's files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, contents(t, revision(t, r, tip))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	remote.MustGit("fsck", "--strict")
	if err := remote.Refuse("it's frozen"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Push(t.Context(), draft(tip, "d", "4")); !errors.Is(err, git.ErrRejected) || !strings.Contains(err.Error(), "it's frozen") {
		t.Errorf("refused push: got %v, want the hook's words", err)
	}
}

// A large history crosses a channel's window many times, in both directions.
func TestLargeTransfersOverSSH(t *testing.T) {
	remote := gittest.NewSSH(t)
	files := map[string]string{}
	for i := range 40 {
		files[string(rune('a'+i%26))+strings.Repeat("x", i)] = noise(i, 200_000)
	}
	tip := git.Hash(remote.MustCommit("ledger", files))
	r := open(t, overSSH(remote))
	fetch(t, r, "ledger")
	if diff := cmp.Diff(files, contents(t, revision(t, r, tip))); diff != "" {
		t.Fatal("what was fetched differs")
	}
	d := draft(tip, "one", "1")
	for i := range 40 {
		d.Files["new/"+string(rune('a'+i%26))+strings.Repeat("x", i)] = []byte(noise(100+i, 200_000))
	}
	if _, err := r.Push(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	remote.MustGit("fsck", "--strict")
}

// noise is text that does not compress well, the same for the same seed.
func noise(seed, size int) string {
	state := uint32(seed)*2654435761 + 1
	out := make([]byte, size)
	for i := range out {
		state ^= state << 13
		state ^= state >> 17
		state ^= state << 5
		out[i] = byte(state)
	}
	return string(out)
}

func TestPushOverSSHMakesOneCommit(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		faults       gittest.Faults
	}{
		{"lost acknowledgement", "the push was carried out: only looking tells", gittest.Faults{LoseAcknowledgements: 1}},
		{"lost push", "nothing was done: the same commit has to be sent again", gittest.Faults{LosePushes: 1}},
		{"lost both", "one after the other", gittest.Faults{LosePushes: 1, LoseAcknowledgements: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			remote := gittest.NewSSH(t)
			tip := git.Hash(remote.MustCommit("ledger", map[string]string{"README": "hello"}))
			r := open(t, overSSH(remote))
			fetch(t, r, "ledger")
			remote.Fail(c.faults)
			h, err := r.Push(t.Context(), draft(tip, "a", "1"))
			if err != nil {
				t.Fatalf("%s: %v", c.reason, err)
			}
			if again, err := r.Push(t.Context(), draft(tip, "a", "1")); err != nil || again != h {
				t.Fatalf("the same draft again gave %s, %v, want %s", again, err, h)
			}
			if subjects, err := remote.Log("ledger"); err != nil || !cmp.Equal(subjects, []string{"Set a", "Change files"}) {
				t.Errorf("log %q, %v", subjects, err)
			}
		})
	}
}

func TestHostsThatAreNotTrusted(t *testing.T) {
	remote := gittest.NewSSH(t)
	remote.MustCommit("main", map[string]string{"a": "1"})
	known := read(t, remote.KnownHostsFile)
	fields := strings.Fields(known)
	for _, c := range []struct {
		name, reason string
		hosts        string
		changed      bool
		says         []string
	}{
		{"unknown", "the first contact is the one that an attacker waits for", "", false, []string{"is unknown", "SHA256:", "compare", known}},
		{"another host's", "a key is good for its host only", "git.example.com " + strings.Join(fields[1:], " "), false, []string{"is unknown", "SHA256:"}},
		{"another kind", "which kinds are known decides what is asked for", fields[0] + " " + rsaLine, false, []string{"no common algorithm", "of another kind"}},
		{"revoked", "", known + "\n@revoked * " + strings.Join(fields[1:], " "), false, []string{"revokes"}},
		{"changed", "somebody may be in between", known, true, []string{"(line 1)", "SHA256:", "ask its operators"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts := overSSH(remote)
			opts.KnownHostsFile = filepath.Join(t.TempDir(), "known_hosts")
			write(t, opts.KnownHostsFile, c.hosts+"\n")
			if c.changed {
				if err := remote.ChangeHostKey(); err != nil {
					t.Fatal(err)
				}
			}
			r := open(t, opts)
			before := remote.Requests()["list"]
			_, err := r.Fetch(t.Context(), "main")
			if !errors.Is(err, git.ErrUnreachable) || remote.Requests()["list"] != before {
				t.Fatalf("%s: got %v, want ErrUnreachable and nothing asked", c.reason, err)
			}
			for _, says := range c.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("%s: %q does not say %q", c.reason, err, says)
				}
			}
			write(t, opts.KnownHostsFile, remote.KnownHosts()) // a person corrects it while we run
			fetch(t, r, "main")
		})
	}
}

// rsaLine is somebody's RSA key.
const rsaLine = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCqNBfHy9PXsJn7x9OQ/c2AnFNEl5NgZYsUvdxE08+4EVJsH/t7NUecpeKGaUobsqNTmg1CalNNs/xFVV3JNbCKXi8Ou/JKr8iSDKja3HcmcMk08adevsZ12CJ5NyGyC4r3z92LrxPD5gTqflwfSzyQ9kfU4u7d/+9sX+0FTfx8E5aYTpmea+bWEMx3yImHBnJV6Z83FkAzek3KHbWhlMy8pYip9SzELuxe8vCdHrPhbN/Ahm+gziiFPDBFAM0Uz26czOavzmeuEG6HyQcXIzXRmk3CqAiIoRDwN/3DCR0GjEg3nfLO9IuZrmwsmzVyuJ5USnIHqWl4/mE0IVZ336zd"

func TestKeysOverSSH(t *testing.T) {
	remote := gittest.NewSSH(t)
	tip := git.Hash(remote.MustCommit("ledger", map[string]string{"a": "1"}))
	dir := t.TempDir()
	stranger, locked := filepath.Join(dir, "stranger"), filepath.Join(dir, "locked")
	strange, err := gittest.NewKey(stranger, "")
	if err != nil {
		t.Fatal(err)
	}
	writer, err := gittest.NewKey(locked, canary)
	if err != nil {
		t.Fatal(err)
	}
	opts := overSSH(remote)

	opts.Read.KeyFile = locked
	if _, err := git.Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "is locked") {
		t.Errorf("a locked key: got %v, want a refusal", err)
	}
	opts.Read.PassphraseFile = filepath.Join(dir, "passphrase")
	write(t, opts.Read.PassphraseFile, "wrong\n")
	if _, err := git.Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "not unlocked") {
		t.Errorf("a wrong passphrase: got %v, want a refusal", err)
	}
	write(t, opts.Read.PassphraseFile, canary+"\n")
	r := open(t, opts)
	if _, err := r.Fetch(t.Context(), "ledger"); !errors.Is(err, git.ErrAuth) || !strings.Contains(err.Error(), "does not accept the key SHA256:") {
		t.Errorf("a key that is not admitted: got %v, want ErrAuth and the key", err)
	}

	// One key reads, another one writes.
	remote.Admit(strange, false)
	remote.Admit(writer, true)
	both := overSSH(remote)
	both.Read.KeyFile = stranger
	reader := open(t, both)
	fetch(t, reader, "ledger")
	if _, err := reader.Push(t.Context(), draft(tip, "b", "2")); !errors.Is(err, git.ErrUnreachable) || !strings.Contains(err.Error(), "marked as read only") {
		t.Errorf("push with the key for reading: got %v, want the host's words", err)
	}
	both.Write = opts.Read
	r = open(t, both)
	fetch(t, r, "ledger")
	if _, err := r.Push(t.Context(), draft(tip, "b", "2")); err != nil {
		t.Error(err)
	}

	// The key is rotated while we run.
	remote.Expel(strange)
	if _, err := r.Fetch(t.Context(), "ledger"); !errors.Is(err, git.ErrAuth) {
		t.Errorf("an expelled key: got %v, want ErrAuth", err)
	}
	strange, err = gittest.NewKey(stranger, "")
	if err != nil {
		t.Fatal(err)
	}
	remote.Admit(strange, false)
	fetch(t, r, "ledger")

	// It is rotated just when it is shown: it is read again, and once only.
	remote.Expel(strange)
	refused := 0
	remote.Fail(gittest.Faults{OnRefuse: func() {
		refused++
		if strange, err = gittest.NewKey(stranger, ""); err != nil {
			t.Error(err)
		}
		if refused == 1 {
			remote.Admit(strange, false)
		}
	}})
	fetch(t, r, "ledger")
	remote.Expel(strange)
	if _, err := r.Fetch(t.Context(), "ledger"); !errors.Is(err, git.ErrAuth) || refused != 3 {
		t.Errorf("keys that are never admitted: got %v after %d refusals, want ErrAuth after 3", err, refused)
	}
}

func TestSSHIsGivenUp(t *testing.T) {
	remote := gittest.NewSSH(t)
	remote.MustCommit("main", map[string]string{"a": noise(1, 100_000), "b": "2"})
	opts := overSSH(remote)
	opts.Timeout = 300 * time.Millisecond
	r := open(t, opts)
	remote.Fail(gittest.Faults{Hang: true})
	if _, err := r.Fetch(t.Context(), "main"); !errors.Is(err, git.ErrUnreachable) || !strings.Contains(err.Error(), "silent for 300ms") {
		t.Errorf("silence: got %v, want ErrUnreachable that says so", err)
	}
	opts.Timeout = time.Minute
	patient := open(t, opts)
	remote.Fail(gittest.Faults{LoseLists: 1})
	if tips, err := patient.Fetch(t.Context(), "main"); !errors.Is(err, git.ErrUnreachable) {
		t.Errorf("a lost list: got %v, %v, want ErrUnreachable", tips, err)
	}
	for cut := 1; cut < 3000; cut += 777 {
		remote.Fail(gittest.Faults{CutFetches: cut})
		if tips, err := patient.Fetch(t.Context(), "main"); !errors.Is(err, git.ErrUnreachable) {
			t.Errorf("cut after %d bytes: got %v, %v, want ErrUnreachable", cut, tips, err)
		}
	}
	remote.Fail(gittest.Faults{})
	if got := contents(t, revision(t, patient, fetch(t, patient, "main")["main"])); got["b"] != "2" {
		t.Errorf("files: %v", got)
	}
	if s := patient.Stats(); s.Rebuilds != 0 || s.Transfers != 1 {
		t.Errorf("stats %+v, want no rebuild", s)
	}
}

func TestSSHEndsWithItsContext(t *testing.T) {
	remote := gittest.NewSSH(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := open(t, overSSH(remote))
	remote.Fail(gittest.Faults{Hang: true, OnHang: cancel})
	if _, err := r.Fetch(ctx, "main"); !errors.Is(err, ctx.Err()) || ctx.Err() == nil {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestNoSuchRepositoryOverSSH(t *testing.T) {
	remote := gittest.NewSSH(t)
	for _, c := range []struct{ name, path, says string }{
		{"absent", "absent.git", "Repository not found"},
		{"quoted", "it's!here;touch canary.git", "Repository not found"},
	} {
		opts := overSSH(remote)
		opts.URL = remote.SSHServer.URL(c.path)
		if _, err := open(t, opts).Fetch(t.Context(), "main"); !errors.Is(err, git.ErrUnreachable) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want the host's words", c.name, err)
		}
	}
	sha256 := gittest.NewSSH(t, "--object-format=sha256")
	sha256.MustCommit("main", map[string]string{"a": "1"})
	if _, err := open(t, overSSH(sha256)).Fetch(t.Context(), "main"); err == nil || !strings.Contains(err.Error(), "--object-format=sha1") {
		t.Errorf("SHA-256: got %v, want a refusal that says what to do", err)
	}
}

func TestDamagedCacheIsRebuiltOverSSH(t *testing.T) {
	remote := gittest.NewSSH(t)
	tip := git.Hash(remote.MustCommit("main", map[string]string{"a": "1"}))
	opts := overSSH(remote)
	opts.CacheDir = t.TempDir()
	r := open(t, opts)
	fetch(t, r, "main")
	for _, f := range files(t, opts.CacheDir, "objects/pack/*") {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	r.ForgetCaches()
	fetch(t, r, "main")
	if got := contents(t, revision(t, r, tip)); got["a"] != "1" || r.Stats().Rebuilds != 1 {
		t.Errorf("files %v, stats %+v, want one rebuild", got, r.Stats())
	}
}

// A renewal asks twice after one list of references, and one conversation takes one
// request.
func TestCacheIsRenewedOverSSH(t *testing.T) {
	remote := gittest.NewSSH(t)
	remote.MustCommit("main", map[string]string{"a": "1"})
	r := open(t, overSSH(remote))
	r.SetMaxPacks(1)
	fetch(t, r, "main")
	tip := git.Hash(remote.MustCommit("main", map[string]string{"b": noise(1, 20_000)})) // a pack of its own
	fetch(t, r, "main")
	if got := contents(t, revision(t, r, tip)); len(got) != 2 || r.Stats().Renewals != 1 {
		t.Errorf("files %v, stats %+v, want one renewal", got, r.Stats())
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
