package repository

import (
	"flag"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/fleet/ledger"
	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/git/gittest"
	"github.com/tenantry/tenantry/reconciler/core"
)

var update = flag.Bool("update", false, "write the golden files anew")

// statusOf is a tenant's status as the core writes it.
func statusOf(name, shard string, phase core.Phase, more string) (path, content string) {
	path = "status/" + shard + "/" + ledger.Dir(name) + "/" + name + ".yaml"
	if shard == "_unplaced" {
		path = "status/_unplaced/" + name + ".yaml"
	}
	return path, fmt.Sprintf("kind: TenantStatus\nname: %s\nsource: tenants/web/%s\nphase: %s\n%s", name, name, phase, more)
}

func put(files map[string]string, name, shard string, phase core.Phase, more string) {
	p, content := statusOf(name, shard, phase, more)
	files[p] = content
}

func because(kind, reason, message string) string {
	return fmt.Sprintf("conditions: [{type: %s, status: \"False\", reason: %s, message: %q}]\n", kind, reason, message)
}

func sampleStatus() map[string]string {
	files := map[string]string{
		"status/eu-1/_shard.yaml": "kind: ShardStatus\nname: eu-1\ntenants: 2\nconditions: [{type: Ready, status: \"True\", reason: Ready}]\n",
		"status/eu-2/_shard.yaml": "kind: ShardStatus\nname: eu-2\n" + because("Ready", "Unreachable", "dial tcp: refused"),
		"status/people/note.yaml": "kind: Note\nname: mine\n",
		"status/eu-1/torn.yaml":   "kind: [",
	}
	more := "dataStore: eu-1-a\nversion: v1.36.3\nendpoint: https://10.0.0.7:6443\n"
	put(files, "acme", "eu-1", core.Ready, more+"conditions: [{type: Ready, status: \"True\", reason: Ready}]\n")
	put(files, "zinc", "eu-1", core.Failed, because("Applied", "Foreign", "Deployment.apps/tenant-zinc/x is there | <b>and</b>\nsomebody's `own` [x](y)"))
	put(files, "coil", "eu-2", core.Unknown, because("Ready", "Unreachable", "dial tcp: refused"))
	put(files, "dome", "_unplaced", core.Pending, because("Placed", "Unplaceable", "shard eu-1: it is full"))
	return files
}

func TestOverview(t *testing.T) {
	b := newBench(t)
	b.fetch(core.Fetch{})
	pushed := only[core.StatusPushed](t, b.do(observation("", sampleStatus())))
	if pushed.Err != nil || !pushed.Renew.IsZero() {
		t.Fatalf("pushed %+v, want no further look", pushed)
	}
	got := b.MustFiles("tenantry-status")[overviewFile]
	golden := filepath.Join("testdata", "overview.golden.md")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("overview (-want +got):\n%s", diff)
	}
}

// A look is asked for whenever it might be time: it commits only when the page
// tells something else than the files, and at most every five minutes.
func TestOverviewIsQuiet(t *testing.T) {
	b := newBench(t)
	b.fetch(core.Fetch{})
	tip := only[core.StatusPushed](t, b.do(observation("", sampleStatus()))).Tip
	push := func(name string, at time.Time, files map[string]string) (page string, got core.StatusPushed) {
		t.Helper()
		f := observation(tip, files)
		f.When = at
		got = only[core.StatusPushed](t, b.do(f))
		if got.Err != nil || got.Tip != b.MustTip("tenantry-status") {
			t.Fatalf("%s: pushed %+v", name, got)
		}
		tip = got.Tip
		return b.MustFiles("tenantry-status")[overviewFile], got
	}
	first, before := b.MustFiles("tenantry-status")[overviewFile], tip

	page, got := push("nothing new", noon.Add(time.Hour), nil)
	if page != first || !got.Renew.IsZero() || tip != before {
		t.Errorf("a look at an unchanged fleet: %+v, and a commit: %v", got, tip != before)
	}
	p, content := statusOf("acme", "eu-1", core.Ready, "dataStore: eu-1-a\nversion: v1.36.3\nendpoint: https://10.0.0.7:6443\ndigest: 00ff\n")
	if page, got = push("not told", noon.Add(time.Hour), map[string]string{p: content}); page != first || !got.Renew.IsZero() {
		t.Errorf("what the page does not tell changed it: %+v", got)
	}
	files := map[string]string{}
	put(files, "dome", "eu-1", core.Ready, "")
	files["status/_unplaced/dome.yaml"] = ""
	page, got = push("too early", noon.Add(time.Minute), files)
	if want := noon.Add(overviewInterval); page != first || !got.Renew.Equal(want) {
		t.Errorf("a minute later: changed %v, next look %s, want %s", page != first, got.Renew, want)
	}
	second, got := push("due", noon.Add(overviewInterval), nil)
	if second == first || !got.Renew.IsZero() || strings.Contains(second, "not placed") || !strings.Contains(second, "As of 2026-03-01T12:05:00Z") {
		t.Errorf("when it was due: %+v\n%s", got, second)
	}
	// Another process sees the same, whoever wrote it.
	b.another()
	b.fetch(core.Fetch{})
	if page, got = push("another", noon.Add(2*time.Hour), nil); page != second || !got.Renew.IsZero() {
		t.Errorf("another process changed it: %+v", got)
	}
	// A clock that was wrong does not freeze the page.
	files = map[string]string{}
	put(files, "dome", "eu-1", core.Failed, "")
	if page, _ = push("earlier", noon.Add(-time.Hour), files); page == second {
		t.Error("a page from the future was never renewed")
	}
}

// Other words alone, such as a newer version has, wait for a commit that is made anyway.
func TestOverviewIsNotRewordedByItself(t *testing.T) {
	b := newBench(t)
	b.fetch(core.Fetch{})
	only[core.StatusPushed](t, b.do(observation("", sampleStatus())))
	ours := b.MustFiles("tenantry-status")[overviewFile]
	b.MustCommit("tenantry-status", map[string]string{overviewFile: strings.Replace(ours, "# The fleet", "# Older words", 1)})
	tip := b.MustTip("tenantry-status")
	b.fetch(core.Fetch{})
	for _, files := range []map[string]string{nil, {"status/eu-1/_shard.yaml": "kind: ShardStatus\nname: eu-1\ncommit: 00ff\nconditions: [{type: Ready, status: \"True\", reason: Ready}]\n"}} {
		f := observation(tip, files)
		f.When = noon.Add(time.Hour)
		pushed := only[core.StatusPushed](t, b.do(f))
		if pushed.Err != nil || !pushed.Renew.IsZero() {
			t.Fatalf("pushed %+v", pushed)
		}
		got := b.MustFiles("tenantry-status")[overviewFile]
		if reworded := strings.Contains(got, "# The fleet"); reworded != (files != nil) {
			t.Errorf("with %d files: it was reworded: %v", len(files), reworded)
		}
	}
}

// There is nothing to look at before the branch has begun.
func TestOverviewBeginsNoBranch(t *testing.T) {
	b := newBench(t)
	b.fetch(core.Fetch{})
	if pushed := only[core.StatusPushed](t, b.do(observation("", nil))); pushed.Err != nil || pushed.Tip != "" || !pushed.Renew.IsZero() {
		t.Errorf("pushed %+v", pushed)
	}
	if tip := b.MustTip("tenantry-status"); tip != "" {
		t.Errorf("the branch was begun with %s", tip)
	}
}

// A file that stands in two places, while a shard is renamed, is told of twice.
func TestOverviewOfEqualFiles(t *testing.T) {
	b := newBench(t)
	b.fetch(core.Fetch{})
	files := map[string]string{}
	put(files, "twin", "eu-1", core.Ready, "")
	put(files, "twin", "eu-2", core.Ready, "")
	tip := only[core.StatusPushed](t, b.do(observation("", files))).Tip
	for i := range 3 {
		more := map[string]string{}
		put(more, fmt.Sprintf("t%d", i), "eu-3", core.Ready, "")
		f := observation(tip, more)
		f.When = noon.Add(time.Duration(i+1) * time.Hour)
		tip = only[core.StatusPushed](t, b.do(f)).Tip
	}
	got := b.MustFiles("tenantry-status")[overviewFile]
	for _, want := range []string{"| eu-1 | 1 |", "| eu-2 | 1 |", "| eu-3 | 3 |", "| **all** | 5 |"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page does not say %q:\n%s", want, got)
		}
	}
}

func TestOverviewOfPeopleIsLeftAlone(t *testing.T) {
	for name, readme := range map[string]string{"Text": "# hands off\n", "NoTime": "<!-- tenantry:00000000000000000000000000000000 -->\n# mine\n"} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.MustCommit("tenantry-status", map[string]string{"status/keep": "x", overviewFile: readme})
			b.fetch(core.Fetch{})
			pushed := only[core.StatusPushed](t, b.do(observation(b.MustTip("tenantry-status"), sampleStatus())))
			if pushed.Err != nil || !pushed.Renew.IsZero() {
				t.Fatalf("pushed %+v", pushed)
			}
			if got := b.MustFiles("tenantry-status")[overviewFile]; got != readme {
				t.Errorf("it became %q", got)
			}
		})
	}
}

// Several replicas write side by side: the page tells of all files on the tip.
func TestOverviewTellsOfOthers(t *testing.T) {
	b := newBench(t)
	b.fetch(core.Fetch{})
	theirs := map[string]string{}
	put(theirs, "theirs", "eu-2", core.Held, "")
	b.MustCommit("tenantry-status", theirs)
	ours := map[string]string{}
	put(ours, "ours", "eu-1", core.Ready, "")
	if pushed := only[core.StatusPushed](t, b.do(observation("", ours))); pushed.Err != nil {
		t.Fatal(pushed.Err)
	}
	files := b.MustFiles("tenantry-status")
	for _, name := range []string{"ours", "theirs"} {
		if !strings.Contains(files[overviewFile], "["+name+"]") {
			t.Errorf("%s is not told of:\n%s", name, files[overviewFile])
		}
	}
}

// A page has an end; the counts tell of all.
func TestOverviewIsBounded(t *testing.T) {
	files := map[string][]byte{}
	var lines []*line
	for i := range pageLimit + 7 {
		p, content := statusOf(fmt.Sprintf("t%04d", i), "eu-1", core.Failed, because("Ready", "Long", strings.Repeat("ö", 400)))
		files[p] = []byte(content)
		lines = append(lines, parseLine(p, files[p]))
	}
	got := string(page(lines, digest(lines), noon))
	for _, want := range []string{"| eu-1 | 507 | 507 |", "… and 7 more", "## Tenants: 507", "More than the 500 that a page shows"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page does not say %q:\n%.2000s", want, got)
		}
	}
	if long := strings.Repeat("ö", messageLimit); !strings.Contains(got, long+"… |") || strings.Contains(got, long+"ö") {
		t.Error("a long message is not cut")
	}
	if h := headOf([]byte(got)); h.made != digest(lines) || !h.asOf.Equal(noon) {
		t.Errorf("its head reads as %+v", h)
	}
}

// What people and machines write is shown as it reads, whatever Markdown thinks of it.
func TestText(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"Cell", "a|b", "a&#124;b"},
		{"Lines", "a\n\n  b\t", "a b"},
		{"Code", "`x` *y* _z_", "&#96;x&#96; &#42;y&#42; &#95;z&#95;"},
		{"HTML", "<img src=x>&amp;", "&#60;img src=x&#62;&#38;amp;"},
		{"Link", "[a](b)", "&#91;a&#93;(b)"},
		{"Control", "a\x00b", "ab"},
		{"Other", "Größe ≥ 3", "Größe ≥ 3"},
	}
	for _, tt := range tests {
		if got := text(tt.in); got != tt.want {
			t.Errorf("%s: text(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestTextIsOneCell(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		got := text(s)
		if strings.ContainsAny(got, "|<>`*_[]\\\r\n\t\x00") {
			t.Fatalf("%q became %q", s, got)
		}
		plain := html.UnescapeString(got)
		for _, r := range strings.Join(strings.Fields(s), " ") {
			if r >= ' ' && r != 127 && !strings.ContainsRune(plain, r) {
				t.Fatalf("%q lost %q: %q", s, r, got)
			}
		}
	})
}

// What a look at a large fleet costs: the first one reads all, the others what changed.
func BenchmarkOverview(b *testing.B) {
	files := map[string]string{}
	for i := range 10000 {
		put(files, fmt.Sprintf("t%05d", i), fmt.Sprintf("s%d", i%4), core.Ready, because("Applied", "Applying", "objects are being written"))
	}
	f := gittest.New(b, gittest.Options{})
	tip := git.Hash(f.MustCommit("tenantry-status", files))
	repo, err := git.Open(b.Context(), git.Options{URL: f.URL})
	if err == nil {
		_, err = repo.Fetch(b.Context(), "tenantry-status")
	}
	if err != nil {
		b.Fatal(err)
	}
	look := func(o *overview) {
		draft := git.Draft{Parent: tip, When: noon, Files: map[string][]byte{"status/s0/new.yaml": []byte("kind: TenantStatus\nname: new\n")}}
		if _, err := o.renew(b.Context(), repo, &draft); err != nil || draft.Files[overviewFile] == nil {
			b.Fatal(err)
		}
	}
	b.Run("First", func(b *testing.B) {
		for b.Loop() {
			look(&overview{})
		}
	})
	b.Run("Next", func(b *testing.B) {
		o := &overview{}
		look(o)
		for b.Loop() {
			look(o)
		}
	})
}
