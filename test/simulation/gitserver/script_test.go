package gitserver_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantry/tenantry/git"
)

// The same random history at a real host and at the simulated one: everybody sees the
// same commits, files and kinds of errors after each step.
func TestRandomHistoriesAgree(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			h := newGenuine(t)
			var times []time.Time
			want := newScript(t, h, seed, func(tip string) {
				seconds, err := strconv.ParseInt(strings.TrimSpace(h.MustGit("log", "-1", "--format=%ct", tip)), 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				times = append(times, time.Unix(seconds, 0))
			}).play(steps)
			h.MustGit("fsck", "--strict")
			synctest.Test(t, func(t *testing.T) {
				same(t, "what was seen at the simulated host", want, simulate(t, seed, times, nil))
			})
		})
	}
}

// What a simulated host is asked and answers is a function of the history alone.
func TestTheSameHistoryIsTheSameBytes(t *testing.T) {
	run := func() (sum string) {
		synctest.Test(t, func(t *testing.T) {
			said := sha256.New()
			simulate(t, 3, nil, said)
			sum = fmt.Sprintf("%x", said.Sum(nil))
		})
		return sum
	}
	first := run()
	for range 3 {
		same(t, "all that was said", first, run())
	}
}

// A client that knows more than it tells tells the same each time.
func TestWhatAClientHasIsAlwaysTheSame(t *testing.T) {
	h := newSimulated(t)
	for i := range 100 {
		tip := h.commit("main", fmt.Sprint("Change ", i), map[string]string{"a": fmt.Sprint(i)})
		if i == 80 {
			h.move("status", tip)
		}
	}
	var clients []*git.Repository
	var said []*strings.Builder
	for range 8 {
		r, w := client(t, h)
		tips(t, r, "main", "status")
		heard := &strings.Builder{}
		w.to = &overheard{w.to, heard}
		clients, said = append(clients, r), append(said, heard)
	}
	h.commit("main", "Change again", map[string]string{"a": "again"})
	for i, r := range clients {
		tips(t, r, "main", "status")
		same(t, fmt.Sprint("what client ", i, " said and heard"), said[0].String(), said[i].String())
	}
}

// simulate plays a script at a simulated host whose people commit at the given times.
func simulate(t *testing.T, seed uint64, times []time.Time, said io.Writer) []string {
	t.Helper()
	h := newSimulated(t)
	next := func() {
		if len(times) > 0 {
			h.now, times = times[0], times[1:]
		}
	}
	next()
	s := newScript(t, h, seed, func(string) { next() })
	if said != nil {
		for _, w := range s.wires {
			w.to = &overheard{w.to, said}
		}
	}
	return s.play(steps)
}

// overheard writes down what passes.
type overheard struct {
	to   http.RoundTripper
	said io.Writer
}

func (o *overheard) RoundTrip(r *http.Request) (*http.Response, error) {
	content := []byte{}
	if r.Body != nil {
		var err error
		if content, err = swap(&r.Body); err != nil {
			return nil, err
		}
	}
	res, err := o.to.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer, err := swap(&res.Body)
	fmt.Fprintf(o.said, "%s %s\n%s\n%d\n%s\n", r.Method, r.URL, content, res.StatusCode, answer)
	return res, err
}

// script is a random history of people, who commit, move and delete branches and make
// rules, and of two clients, who fetch and push while messages are lost.
type script struct {
	t *testing.T
	host
	random  *rand.Rand
	clients []*git.Repository
	wires   []*wire
	views   []map[string]git.Hash // where a client last saw branches
	commits []string              // all tips ever
	// committed is told of every commit that people make.
	committed func(tip string)
	refusing  bool
	log       []string
}

const steps = 150

var branches = []string{"ledger", "main", "status"}

func newScript(t *testing.T, h host, seed uint64, committed func(string)) *script {
	t.Helper()
	s := &script{t: t, host: h, random: rand.New(rand.NewPCG(seed, 0)), committed: committed}
	for range 2 {
		r, w := client(t, h)
		s.clients, s.wires, s.views = append(s.clients, r), append(s.wires, w), append(s.views, map[string]git.Hash{})
	}
	return s
}

func (s *script) say(format string, args ...any) { s.log = append(s.log, fmt.Sprintf(format, args...)) }

func (s *script) branch() string { return branches[s.random.IntN(len(branches))] }

func (s *script) play(steps int) []string {
	s.t.Helper()
	for range steps {
		s.step()
		for _, b := range branches {
			if tip := s.tip(b); tip != "" {
				s.say("  %s at %s", b, tip)
				s.commits = append(s.commits, tip)
			}
		}
	}
	for _, b := range branches {
		if s.tip(b) != "" {
			s.say("%s: %v %q", b, s.files(b), s.subjects(b))
		}
	}
	return s.log
}

func (s *script) step() {
	who := s.random.IntN(len(s.clients))
	switch p := s.random.IntN(100); {
	case p < 27:
		s.people()
	case p < 31:
		s.refusing = !s.refusing
		s.say("refuse pushes: %t", s.refusing)
		s.refuse(map[bool]string{true: "declined", false: ""}[s.refusing])
	case p < 55:
		s.fetch(who, nil)
	case p < 59:
		s.fetch(who, s.people)
	case p < 88:
		s.push(who, s.branch(), nil)
	case p < 94:
		s.push(who, s.branch(), s.people)
	case p < 97:
		s.wires[who].loseAnswers = 1
		s.push(who, s.branch(), nil)
	default:
		s.wires[who].losePushes = 1
		s.push(who, s.branch(), nil)
	}
	s.wires[who].loseAnswers, s.wires[who].losePushes = 0, 0
	s.wires[who].beforePush, s.wires[who].beforeFetch = nil, nil
}

// some are paths and contents; empty removes.
func (s *script) some() map[string]string {
	files := map[string]string{}
	for range 1 + s.random.IntN(4) {
		path := fmt.Sprintf("%c/%c", 'a'+s.random.IntN(4), 'a'+s.random.IntN(4))
		files[path] = ""
		if s.random.IntN(4) > 0 {
			files[path] = fmt.Sprint(s.random.IntN(10))
		}
	}
	return files
}

// people commit to a branch, mostly; or move it by force, or delete it.
func (s *script) people() {
	b := s.branch()
	switch p := s.random.IntN(10); {
	case p == 0 && s.tip(b) != "":
		s.say("people delete %s", b)
		s.move(b, "")
	case p < 3 && len(s.commits) > 0:
		to := s.commits[s.random.IntN(len(s.commits))]
		s.say("people move %s to %s", b, to)
		s.move(b, to)
	default:
		s.say("people commit to %s", b)
		s.committed(s.commit(b, fmt.Sprint("Change ", s.random.IntN(100)), s.some()))
	}
}

func (s *script) fetch(who int, meanwhile func()) {
	s.wires[who].beforeFetch = meanwhile
	at, err := s.clients[who].Fetch(s.t.Context(), branches...)
	s.say("%d fetches: %s", who, class(err))
	if err != nil {
		return
	}
	s.views[who] = at
	for _, b := range branches {
		if at[b] != "" {
			s.say("  sees %s at %s: %v", b, at[b], seen(s.t, s.clients[who], at[b]))
		}
	}
}

func (s *script) push(who int, branch string, meanwhile func()) {
	d := git.Draft{Branch: branch, Parent: s.views[who][branch], Message: "Decide", When: noon, Files: map[string][]byte{}}
	for path, data := range s.some() {
		if d.Files[path] = nil; data != "" {
			d.Files[path] = []byte(data)
		}
	}
	s.wires[who].beforePush = meanwhile
	tip, err := s.clients[who].Push(s.t.Context(), d)
	s.say("%d pushes to %s: %s %s", who, branch, tip, class(err))
	if err == nil {
		s.views[who][branch] = tip
	}
}

// class is the kind of an error.
func class(err error) string {
	var kinds []string
	for _, kind := range []error{git.ErrConflict, git.ErrAuth, git.ErrUnreachable, git.ErrUncertain, git.ErrRejected, git.ErrUnreadable} {
		if errors.Is(err, kind) {
			kinds = append(kinds, kind.Error())
		}
	}
	if err != nil && kinds == nil {
		return err.Error()
	}
	return strings.Join(kinds, ", ")
}
