package repository

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/reconciler/core"
)

const theirs, ours, other = "status/people/note.yaml", "status/main/a.yaml", "status/main/b.yaml"

func observation(parent string, files map[string]string) core.PushStatus {
	f := core.PushStatus{Parent: parent, Files: map[string][]byte{}, Message: "Observe", When: noon}
	for p, content := range files {
		f.Files[p] = nil
		if content != "" {
			f.Files[p] = []byte(content)
		}
	}
	return f
}

func texts(files map[string][]byte) map[string]string {
	out := map[string]string{}
	for p, content := range files {
		out[p] = string(content)
	}
	return out
}

func TestStatusIsLaidOnWhatPeopleMoved(t *testing.T) {
	b := newBench(t)
	b.fetch(core.Fetch{})
	first := only[core.StatusPushed](t, b.do(observation("", map[string]string{ours: "1", other: "1"})))
	if first.Err != nil || first.Tip != b.MustTip("tenantry-status") {
		t.Fatalf("pushed %+v", first)
	}
	expect(t, "our own push is no news", b.fetch(core.Fetch{}), "Fetched")

	b.MustCommit("tenantry-status", map[string]string{theirs: "mine", "README.md": "# hands off"})
	second := only[core.StatusPushed](t, b.do(observation(first.Tip, map[string]string{ours: "2", other: ""})))
	if second.Err != nil {
		t.Fatal(second.Err)
	}
	want := map[string]string{ours: "2", theirs: "mine", "README.md": "# hands off"}
	if diff := cmp.Diff(want, b.MustFiles("tenantry-status")); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	events := b.fetch(core.Fetch{})
	expect(t, "what people did is news", events, "StatusRead", "Fetched")
	read := only[core.StatusRead](t, events)
	if diff := cmp.Diff(map[string]string{ours: "2", theirs: "mine"}, texts(read.Files)); diff != "" || read.Tip != second.Tip {
		t.Errorf("read at %s (-want +got):\n%s", read.Tip, diff)
	}

	b.MustCommit("tenantry-status", map[string]string{theirs: "mine, still"})
	for _, content := range []string{"3", "4"} {
		pushed := only[core.StatusPushed](t, b.do(observation(second.Tip, map[string]string{ours: content})))
		if pushed.Err != nil {
			t.Fatal(pushed.Err)
		}
		second = pushed // the next one stands on it, and knows as little of what is below
	}
	if read := only[core.StatusRead](t, b.fetch(core.Fetch{})); texts(read.Files)[theirs] != "mine, still" {
		t.Errorf("read %v, want what another push had covered", texts(read.Files))
	}

	if err := b.SetBranch("tenantry-status", ""); err != nil {
		t.Fatal(err)
	}
	third := only[core.StatusPushed](t, b.do(observation(second.Tip, map[string]string{ours: "3"})))
	if third.Err != nil {
		t.Fatal(third.Err)
	}
	if read := only[core.StatusRead](t, b.fetch(core.Fetch{})); !cmp.Equal(texts(read.Files), map[string]string{ours: "3"}) {
		t.Errorf("read %v, want what is there, so that the rest is written again", texts(read.Files))
	}
}

func TestStatusBranchIsReadWhateverItHolds(t *testing.T) {
	b := newBench(t)
	stream := "commit refs/heads/tenantry-status\ncommitter A Person <person@example.org> 1 +0000\ndata 4\nMess\n"
	for _, p := range []string{"outside.yaml", "caf\xe9/outside.yaml", ours, "status/main/caf\xe9.yaml", "status/caf\xe9/main/odd.yaml"} {
		stream += "M 100644 inline " + p + "\ndata 3\nyes\n"
	}
	stream += "M 120000 inline status/main/link\ndata 6\na.yaml\ndone\n"
	if _, err := b.Pipe([]byte(stream), "fast-import", "--quiet", "--done"); err != nil {
		t.Fatal(err)
	}
	read := only[core.StatusRead](t, b.fetch(core.Fetch{}))
	if diff := cmp.Diff(map[string]string{ours: "yes"}, texts(read.Files)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestUnreadableStatusStopsNothingElse(t *testing.T) {
	b := inPlace(t)
	b.MustCommit("tenantry-status", map[string]string{ours: "1"})
	blob := strings.TrimSpace(b.MustGit("rev-parse", "tenantry-status:"+ours))
	b.damage(blob)
	events := b.fetch(core.Fetch{})
	expect(t, "an unreadable status is not an empty one, and observations never stop decisions", events, "Declared", "LedgerRead", "Fetched")
	if log := b.log.String(); !strings.Contains(log, "cannot read the status branch") || !strings.Contains(log, ours) {
		t.Errorf("log %q does not say which file", log)
	}
	b.MustGit("update-ref", "-d", "refs/heads/tenantry-status")
	if read := only[core.StatusRead](t, b.fetch(core.Fetch{})); read.Tip != "" || len(read.Files) > 0 {
		t.Errorf("read %+v, want the way free for a new branch", read)
	}
}

func TestRefusedStatusIsReadAgain(t *testing.T) {
	b := newBench(t)
	b.fetch(core.Fetch{})
	if err := b.Refuse("frozen"); err != nil {
		t.Fatal(err)
	}
	pushed := only[core.StatusPushed](t, b.do(observation("", map[string]string{ours: "1"})))
	if !errors.Is(pushed.Err, git.ErrRejected) {
		t.Fatalf("pushed %+v, want ErrRejected", pushed)
	}
	expect(t, "it is not known what the core thinks of it", b.fetch(core.Fetch{}), "StatusRead", "Fetched")
	if err := b.Refuse(""); err != nil {
		t.Fatal(err)
	}
	if pushed := only[core.StatusPushed](t, b.do(observation("", map[string]string{ours: "1"}))); pushed.Err != nil {
		t.Fatal(pushed.Err)
	}
}
