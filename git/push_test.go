package git_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
)

func draft(parent git.Hash, path, data string) git.Draft {
	return git.Draft{Branch: "ledger", Parent: parent, Message: "Set " + path, When: noon, Files: map[string][]byte{path: []byte(data)}}
}

// ledger serves a repository with a branch "ledger" and opens it.
func ledger(t *testing.T) (*gittest.Fixture, *git.Repository, git.Hash) {
	t.Helper()
	remote := gittest.New(t, gittest.Options{})
	remote.MustCommit("ledger", map[string]string{"README": "hello"})
	r := open(t, git.Options{URL: remote.URL, Timeout: 2 * time.Second})
	return remote, r, fetch(t, r, "ledger")["ledger"]
}

func log(t *testing.T, remote *gittest.Fixture) []string {
	t.Helper()
	subjects, err := remote.Log("ledger")
	if err != nil {
		t.Fatal(err)
	}
	return subjects
}

func TestPushBeginsABranchOnlyWhenAbsent(t *testing.T) {
	remote := gittest.New(t, gittest.Options{})
	r := open(t, git.Options{URL: remote.URL})
	if tips := fetch(t, r, "ledger"); len(tips) != 0 {
		t.Fatalf("an empty repository has branches: %v", tips)
	}
	h, err := r.Push(t.Context(), draft("", "a", "1"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Set a"}, log(t, remote)); diff != "" {
		t.Fatalf("log (-want +got):\n%s", diff)
	}
	if _, err := r.Push(t.Context(), draft("", "b", "2")); !errors.Is(err, git.ErrConflict) {
		t.Fatalf("begin a branch that exists: got %v, want ErrConflict", err)
	}
	if got := remote.MustTip("ledger"); got != string(h) {
		t.Fatalf("tip is %s, want %s still", got, h)
	}
}

func TestPushConflicts(t *testing.T) {
	remote, r, tip := ledger(t)
	remote.MustCommit("ledger", map[string]string{"person": "was here"})
	if _, err := r.Push(t.Context(), draft(tip, "a", "1")); !errors.Is(err, git.ErrConflict) {
		t.Fatalf("got %v, want ErrConflict", err)
	}
	if err := remote.SetBranch("ledger", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Push(t.Context(), draft(tip, "a", "1")); !errors.Is(err, git.ErrConflict) {
		t.Fatalf("on a deleted branch: got %v, want ErrConflict", err)
	}
	if remote.Requests()["push"] != 0 {
		t.Error("a push was sent although its branch had moved")
	}
}

// Somebody moves the branch after we looked and before our push arrives: then the
// server's own compare-and-swap has to refuse, and we have to see why.
func TestPushConflictsBehindTheLook(t *testing.T) {
	remote, r, tip := ledger(t)
	if err := remote.Hook("pre-receive", `
[ -e moved ] && exit 0
touch moved
unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
commit=$(git commit-tree -p refs/heads/ledger -m 'Overtake' 'refs/heads/ledger^{tree}') || exit 1
git update-ref refs/heads/ledger $commit
`); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Push(t.Context(), draft(tip, "a", "1")); !errors.Is(err, git.ErrConflict) {
		t.Fatalf("got %v, want ErrConflict", err)
	}
	if diff := cmp.Diff([]string{"Overtake", "Change files"}, log(t, remote)); diff != "" {
		t.Fatalf("log (-want +got):\n%s", diff)
	}
}

func TestPushMakesOneCommit(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		faults       gittest.Faults
	}{
		{"lost acknowledgement", "the push was carried out: only looking tells", gittest.Faults{LoseAcknowledgements: 1}},
		{"lost push", "nothing was done: the same commit has to be sent again", gittest.Faults{LosePushes: 1}},
		{"lost both", "one after the other", gittest.Faults{LosePushes: 1, LoseAcknowledgements: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			remote, r, tip := ledger(t)
			remote.Fail(c.faults)
			h, err := r.Push(t.Context(), draft(tip, "a", "1"))
			if err != nil {
				t.Fatalf("%s: %v", c.reason, err)
			}
			again, err := r.Push(t.Context(), draft(tip, "a", "1"))
			if err != nil || again != h {
				t.Fatalf("the same draft again gave %s, %v, want %s", again, err, h)
			}
			if diff := cmp.Diff([]string{"Set a", "Change files"}, log(t, remote)); diff != "" {
				t.Fatalf("log (-want +got):\n%s", diff)
			}
		})
	}
}

// The acknowledgement is lost, and before we look somebody builds on our commit.
func TestPushFindsItsCommitInTheHistory(t *testing.T) {
	remote, r, tip := ledger(t)
	remote.Fail(gittest.Faults{LoseAcknowledgements: 1, AfterPush: func() {
		remote.MustCommit("ledger", map[string]string{"person": "builds on it"})
	}})
	h, err := r.Push(t.Context(), draft(tip, "a", "1"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Change files", "Set a", "Change files"}, log(t, remote)); diff != "" {
		t.Fatalf("log (-want +got):\n%s", diff)
	}
	head := fetch(t, r, "ledger")["ledger"]
	for _, c := range []struct {
		older, newer git.Hash
		want         bool
	}{{h, head, true}, {head, h, false}, {tip, head, true}, {head, head, true}, {git.Hash(strings.Repeat("1", 40)), head, false}} {
		if got, err := r.IsAncestor(t.Context(), c.older, c.newer); err != nil || got != c.want {
			t.Errorf("is %s an ancestor of %s: got %t, %v, want %t", c.older, c.newer, got, err, c.want)
		}
	}
}

func TestPushOutcomeUnknown(t *testing.T) {
	remote, r, tip := ledger(t)
	stopped := make(chan struct{})
	remote.Fail(gittest.Faults{LoseAcknowledgements: 1, AfterPush: func() {
		go func() {
			defer close(stopped)
			remote.Server.Stop()
		}()
		remote.Fail(gittest.Faults{LoseLists: 1000})
	}})
	_, err := r.Push(t.Context(), draft(tip, "a", "1"))
	if !errors.Is(err, git.ErrUncertain) || errors.Is(err, git.ErrUnreachable) {
		t.Fatalf("got %v, want ErrUncertain alone", err)
	}
	<-stopped
	if _, err := r.Fetch(t.Context(), "ledger"); !errors.Is(err, git.ErrUnreachable) {
		t.Fatalf("fetch from a stopped server: got %v, want ErrUnreachable", err)
	}
	if _, err := r.Push(t.Context(), draft(tip, "b", "1")); !errors.Is(err, git.ErrUnreachable) || errors.Is(err, git.ErrUncertain) {
		t.Fatalf("push to a stopped server: got %v, want ErrUnreachable: nothing was sent", err)
	}
	remote.Fail(gittest.Faults{})
	if err := remote.Server.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Push(t.Context(), draft(tip, "a", "1")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Set a", "Change files"}, log(t, remote)); diff != "" {
		t.Fatalf("log (-want +got):\n%s", diff)
	}
}

func TestPushRefusedByHook(t *testing.T) {
	remote, r, tip := ledger(t)
	if err := remote.Refuse("this branch is protected: ask the platform team"); err != nil {
		t.Fatal(err)
	}
	_, err := r.Push(t.Context(), draft(tip, "a", "1"))
	if !errors.Is(err, git.ErrRejected) || !strings.Contains(err.Error(), "ask the platform team") {
		t.Fatalf("got %v, want ErrRejected with the remote's words", err)
	}
	if n := remote.Requests()["push"]; n != 1 {
		t.Errorf("a refused push was sent %d times", n)
	}
	if err := remote.Refuse(""); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Push(t.Context(), draft(tip, "a", "1")); err != nil {
		t.Fatal(err)
	}
}

func TestPushOfNothing(t *testing.T) {
	remote, r, tip := ledger(t)
	for name, d := range map[string]git.Draft{
		"no changes":        {Branch: "ledger", Parent: tip, Message: "Nothing", When: noon},
		"the same content":  draft(tip, "README", "hello"),
		"removing nothing":  {Branch: "ledger", Parent: tip, Message: "Nothing", When: noon, Files: map[string][]byte{"no/such": nil, "README/below": nil}},
		"no mount to unset": {Branch: "ledger", Parent: tip, Message: "Nothing", When: noon, Mounts: map[string]git.Hash{"no": ""}},
	} {
		if h, err := r.Push(t.Context(), d); err != nil || h != tip {
			t.Errorf("%s: got %s, %v, want the parent %s", name, h, err, tip)
		}
	}
	if n := remote.Requests()["push"] + remote.Requests()["list for push"]; n != 0 {
		t.Errorf("%d requests for nothing", n)
	}
}

func TestPushSendsOnlyWhatIsNew(t *testing.T) {
	remote, r, _ := ledger(t)
	files := map[string]string{}
	for i := range 500 {
		files[fmt.Sprintf("tenants/%02x/t%d.yaml", i%64, i)] = fmt.Sprint("tenant ", i)
	}
	tip := git.Hash(remote.MustCommit("ledger", files))
	fetch(t, r, "ledger")
	if err := remote.Hook("pre-receive", `
while read old new ref; do
	git rev-list --objects $new --not $old | wc -l > new-objects
	ls "$GIT_QUARANTINE_PATH"/pack/*.pack 2>/dev/null | wc -l > packs
	find "$GIT_QUARANTINE_PATH" -type f -name '??????????????????????????????????????' | wc -l > received
done
`); err != nil {
		t.Fatal(err)
	}
	d := draft(tip, "tenants/00/t0.yaml", "changed")
	d.Files["tenants/00/t64.yaml"] = []byte("changed, too")
	d.Files["tenants/01/t1.yaml"] = []byte("changed") // the same blob
	d.Files["tenants/02/t2.yaml"] = []byte("tenant 2")
	if _, err := r.Push(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	want := "7" // commit, root, tenants/, 00/, 01/, and two blobs
	if got := read(t, remote.Dir, "new-objects"); got != want {
		t.Errorf("the commit has %s new objects, want %s", got, want)
	}
	if got := read(t, remote.Dir, "received"); got != want {
		t.Errorf("%s objects were sent, want %s", got, want)
	}
	remote.MustGit("fsck", "--strict")
}

func TestMounts(t *testing.T) {
	remote, r, tip := ledger(t)
	remote.MustCommit("main", map[string]string{"tenants/web/acme/tenant.yaml": "acme", "fleet.yaml": "fleet"})
	declared := revision(t, r, fetch(t, r, "main")["main"])
	tree, err := declared.Hash("tenants/web/acme")
	if err != nil {
		t.Fatal(err)
	}
	mounted, err := r.Push(t.Context(), git.Draft{Branch: "ledger", Parent: tip, Message: "Keep acme", When: noon,
		Mounts: map[string]git.Hash{"sources/acme": tree, "sources/all": declared.Tree()}})
	if err != nil {
		t.Fatal(err)
	}
	if got := remote.MustFiles("ledger")["sources/acme/tenant.yaml"]; got != "acme" {
		t.Fatalf("the mounted file holds %q", got)
	}
	v, err := r.TreeRevision(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	if got := contents(t, v)["tenant.yaml"]; got != "acme" || v.Tree() != tree || v.Commit() != "" {
		t.Fatalf("tree revision: %q, tree %s, commit %q", got, v.Tree(), v.Commit())
	}
	if _, err := r.Push(t.Context(), git.Draft{Branch: "ledger", Parent: mounted, Message: "Let acme go", When: noon,
		Mounts: map[string]git.Hash{"sources/acme": "", "sources/all": ""}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"README": "hello"}, remote.MustFiles("ledger")); diff != "" {
		t.Fatalf("files (-want +got):\n%s", diff)
	}
	remote.MustGit("fsck", "--strict")
}

// Many writers, each deciding again after a conflict: nothing is lost or doubled.
func TestConcurrentPushes(t *testing.T) {
	remote, _, _ := ledger(t)
	const writers, each = 4, 5
	var group sync.WaitGroup
	for w := range writers {
		r := open(t, git.Options{URL: remote.URL})
		group.Go(func() {
			for i := range each {
				if err := pushUntilDone(t.Context(), r, fmt.Sprintf("w%d/%d", w, i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	if n := len(remote.MustFiles("ledger")); n != 1+writers*each {
		t.Errorf("%d files, want %d", n, 1+writers*each)
	}
	if n := len(log(t, remote)); n != 1+writers*each {
		t.Errorf("%d commits, want %d", n, 1+writers*each)
	}
	remote.MustGit("fsck", "--strict")
}

func pushUntilDone(ctx context.Context, r *git.Repository, path string) error {
	for {
		tips, err := r.Fetch(ctx, "ledger")
		if err != nil {
			return err
		}
		if _, err = r.Push(ctx, draft(tips["ledger"], path, path)); err == nil {
			return nil
		}
		if !errors.Is(err, git.ErrConflict) && !errors.Is(err, git.ErrRejected) {
			return err
		}
	}
}

func TestPushCancelled(t *testing.T) {
	remote, r, tip := ledger(t)
	ctx, cancel := context.WithCancel(t.Context())
	remote.Fail(gittest.Faults{Hang: true, OnHang: cancel})
	if _, err := r.Push(ctx, draft(tip, "a", "1")); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	if _, err := r.Fetch(ctx, "ledger"); !errors.Is(err, context.Canceled) {
		t.Fatalf("fetch: got %v, want context.Canceled", err)
	}
}
