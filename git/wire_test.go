package git

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// What a server sends is anybody's: nothing of it may panic, and a list of
// references without its end is an error.
func FuzzAdvertisement(f *testing.F) {
	one := strings.Repeat("1", 40)
	f.Add("001e# service=git-upload-pack\n0000004f" + one + " refs/heads/main\x00side-band-64k ofs-delta\n0000")
	f.Add("001e# service=git-upload-pack\n00000000")
	f.Add("001e# service=git-upload-pack\n0000003b" + one + " refs/heads/main\n0000")
	f.Add("001e# service=git-upload-pack\n0000ffff")
	f.Add("zzzz")
	f.Fuzz(func(t *testing.T, text string) {
		list := strings.NewReader(text)
		if readService(list, uploadPack) != nil {
			return
		}
		adv, err := readAdvertisement(list)
		if err != nil {
			return
		}
		if !strings.Contains(text, "0000") {
			t.Error("accepted without an end")
		}
		for name, h := range adv.refs {
			if !h.valid() || h == zeroHash {
				t.Errorf("%s is at %q", name, h)
			}
		}
	})
}

// A server that does not say what names it uses shows it.
func TestLongNamesAreRefused(t *testing.T) {
	var list bytes.Buffer
	writeLine(&list, "%s refs/heads/main\x00side-band-64k\n", strings.Repeat("1", 64))
	writeFlush(&list)
	if _, err := readAdvertisement(&list); !errors.Is(err, errUnsupported) || !strings.Contains(err.Error(), "SHA256") {
		t.Errorf("got %v, want a refusal", err)
	}
}

func FuzzReport(f *testing.F) {
	f.Add("000eunpack ok\n0019ok refs/heads/ledger\n0000")
	f.Add("000eunpack ok\n002ang refs/heads/ledger hook declined it\n0000")
	f.Add("000eunpack ok\n0000")
	f.Add("0013unpack disk full")
	f.Fuzz(func(t *testing.T, text string) {
		err := readReport(strings.NewReader(text), "refs/heads/ledger")
		if err == nil && !strings.Contains(text, "ok refs/heads/ledger") {
			t.Error("accepted without the server saying so")
		}
		if errors.Is(err, ErrConflict) || errors.Is(err, ErrUnreachable) {
			t.Errorf("a report decides about refusal only: %v", err)
		}
	})
}

func TestReport(t *testing.T) {
	for _, c := range []struct {
		name, reason, text string
		want               error
		known              bool
	}{
		{"accepted", "", "000eunpack ok\n0019ok refs/heads/ledger\n0000", nil, true},
		{"refused", "", "000eunpack ok\n002ang refs/heads/ledger hook declined it\n0000", ErrRejected, true},
		{"locked", "another push may be over soon", "000eunpack ok\n002dng refs/heads/ledger failed to update ref0000", errBusy, true},
		{"not unpacked", "", "0013unpack disk full", ErrRejected, true},
		{"another branch", "ours is not mentioned", "000eunpack ok\n0019ok refs/heads/legder\n0000", nil, false},
		{"nothing", "the connection broke", "", nil, false},
		{"cut", "the same in the middle", "000eunpack ok\n0019ok refs/he", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := readReport(strings.NewReader(c.text), "refs/heads/ledger")
			if c.known && !errors.Is(err, c.want) {
				t.Errorf("%s: got %v, want %v", c.reason, err, c.want)
			}
			if !c.known && (err == nil || errors.Is(err, ErrRejected)) {
				t.Errorf("%s: got %v, want an error that decides nothing", c.reason, err)
			}
		})
	}
}

func FuzzTree(f *testing.F) {
	f.Add([]byte("100644 a\x00" + strings.Repeat("\x01", 20) + "40000 b\x00" + strings.Repeat("\x02", 20)))
	f.Add([]byte("100644 ..\x00" + strings.Repeat("\x01", 20)))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := decodeTree(data)
		if err != nil {
			return
		}
		again, err := decodeTree(encodeTree(slices.Clone(entries)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(entries, again, cmp.AllowUnexported(entry{})); diff != "" {
			t.Errorf("decoded, encoded and decoded (-first +second):\n%s", diff)
		}
	})
}

func FuzzCommit(f *testing.F) {
	f.Add(encodeCommit(Hash(strings.Repeat("a", 40)), Hash(strings.Repeat("b", 40)), "n", "e", time.Unix(1, 0), "m"))
	f.Add([]byte("tree x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := decodeCommit(data)
		if err != nil {
			return
		}
		for _, p := range append(c.parents, c.tree) {
			if !p.valid() || !bytes.Contains(data, []byte(p)) {
				t.Errorf("hash %q", p)
			}
		}
	})
}

func TestMalformedCommits(t *testing.T) {
	a, tail := strings.Repeat("a", 40), "author A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nm\n"
	for _, c := range []struct{ name, reason, data string }{
		{"no tree", "", "parent " + a + "\n" + tail},
		{"tree later", "Git takes the first line", tail[:21] + "tree " + a + "\n" + tail[21:]},
		{"short hash", "", "tree aaaa\n" + tail},
		{"short parent", "", "tree " + a + "\nparent aaaa\n" + tail},
		{"no author", "", "tree " + a + "\ncommitter A <a> 1 +0000\n\nm\n"},
		{"empty", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := decodeCommit([]byte(c.data)); err == nil {
				t.Errorf("%s: decoded %+v", c.reason, got)
			}
		})
	}
	late := "tree " + a + "\nauthor A <a> 1 +0000\ncommitter A <a> 7 +0000\nparent " + a + "\n\nm\n"
	if c, err := decodeCommit([]byte(late)); err != nil || len(c.parents) != 0 || c.when.Unix() != 7 {
		t.Errorf("a parent after the author is none: %+v, %v", c, err)
	}
}

// However the transport cuts a multiplexed answer, its data comes out whole.
func TestSideband(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var in bytes.Buffer
		want, said := "", ""
		for range rapid.IntRange(0, 8).Draw(t, "packets") {
			text := rapid.StringMatching(`[a-z]{1,9}`).Draw(t, "text")
			if rapid.Bool().Draw(t, "progress") {
				writeLine(&in, "\x02%s", text)
				said += text
			} else {
				writeLine(&in, "\x01%s", text)
				want += text
			}
		}
		writeFlush(&in)
		heard := &words{}
		got, err := io.ReadAll(&sideband{r: &in, words: heard})
		if err != nil || string(got) != want || heard.String() != said {
			t.Fatalf("got %q, said %q, %v, want %q and %q", got, heard, err, want, said)
		}
	})
	for _, broken := range []string{"", "0006\x01", "0005\x09", "0004", "0009\x03fail"} {
		if got, err := io.ReadAll(&sideband{r: strings.NewReader(broken), words: &words{}}); err == nil {
			t.Errorf("%q: read %q without an error", broken, got)
		}
	}
}

func TestBranchNames(t *testing.T) {
	for _, good := range []string{"main", "tenantry-ledger", "a/b", "é", "v1.2", "x@y"} {
		if err := checkBranch(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "/a", "a/", "a//b", ".a", "a/.b", "a..b", "a.lock", "a.lock/b", "a.", "-a", "@", "a@{1}", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[", `a\b`, "a\x7f", "a\tb"} {
		if checkBranch(bad) == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
