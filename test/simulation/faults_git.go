package simulation

import (
	"errors"
	"fmt"

	"github.com/tenantry/tenantry/test/simulation/gitserver"
)

// branchOf is the branch that an act is about.
func branchOf(a Act) string {
	return map[string]string{"ledger": ledgerBranch, "status": statusBranch}[a.Args["branch"]]
}

// rewind [branch=ledger|status] [commits=] [how=gone|rewritten|squashed] for=: a branch goes
// back, is lost, gets another end, or is one commit all of a sudden; later it is put back.
func (w *world) rewound(a Act) {
	branch := branchOf(a)
	if branch == "" {
		branch = declaredBranch
	}
	log, n := w.git.Log(branch), a.number("commits", 1)
	if len(log) <= n {
		return
	}
	to, files := log[n], map[string][]byte{"NOTES": []byte(a.String())}
	switch a.Args["how"] {
	case "gone":
		to = ""
	case "squashed":
		to = ""
		var err error
		if files, err = w.git.Files(log[0]); err != nil {
			w.t.Fatal(err)
		}
	}
	w.moveBranch(branch, to)
	if how := a.Args["how"]; how == "rewritten" || how == "squashed" {
		var err error
		if to, err = w.git.Commit(branch, files, "another end"); err != nil {
			w.t.Fatal(err)
		}
		w.judge.look()
	}
	if branch == statusBranch {
		w.faults++
		return // it is made anew
	}
	w.lasts(a, func() {
		if w.git.Tip(branch) == to { // unless somebody went on from there
			w.moveBranch(branch, log[0])
		}
	})
}

func (w *world) moveBranch(branch, to string) {
	if err := w.git.Move(branch, to); err != nil {
		w.t.Fatal(err)
	}
	w.judge.look()
}

// refuse [branch=] for=: the branch is protected.
func (w *world) refused(a Act) {
	branch := branchOf(a)
	w.git.Refuse = func(p gitserver.Push) error {
		if p.Branch == branch || branch == "" {
			w.faults++
			return errors.New("protected branch hook declined")
		}
		return nil
	}
	w.lasts(a, func() { w.git.Refuse = nil })
}

// githost for=: it answers nobody.
func (w *world) gitHostDown(a Act) {
	w.gitDown = true
	w.lasts(a, func() { w.gitDown = false })
}

// scribble [branch=ledger|status] for=: people leave a file on a branch of ours, and change
// one of ours on the status branch. From the ledger, where nothing else may be, they take
// it away again.
func (w *world) scribbled(a Act) {
	branch := branchOf(a)
	if branch == "" {
		branch = statusBranch
	}
	tip := w.git.Tip(branch)
	if tip == "" {
		return
	}
	w.faults++
	note := "people/" + fmt.Sprint(w.faults) + ".txt"
	if branch == statusBranch { // amid ours
		note = "status/" + fmt.Sprint("people-", w.faults) + "/notes.yaml"
	}
	files := map[string][]byte{note: []byte("remember the milk\n")}
	if have, err := w.git.Files(tip); err == nil && branch == statusBranch {
		for _, file := range sortedKeys(have) {
			if len(file) > 7 && file[:7] == "status/" {
				files[file] = []byte("phase: Wonderful\n")
				break
			}
		}
	}
	if _, err := w.git.Commit(branch, files, a.String()); err != nil {
		w.t.Fatal(err)
	}
	if branch == ledgerBranch {
		w.lasts(a, func() {
			if have, err := w.git.Files(w.git.Tip(branch)); err == nil && have[note] != nil {
				if _, err := w.git.Commit(branch, map[string][]byte{note: nil}, "take the note away"); err != nil {
					w.t.Fatal(err)
				}
			}
		})
	}
}

var gitFaults = []chance{
	{3, func(g *generator, h *History) Act {
		return do("rewind", "commits", g.one("1", "2", "3"), "how", g.one("", "gone", "rewritten", "squashed"), "for", g.length(h))
	}},
	{2, func(g *generator, h *History) Act {
		return do("rewind", "branch", "ledger", "commits", g.one("1", "2", "3"), "how", g.one("", "gone", "rewritten", "squashed"), "for", g.length(h))
	}},
	{2, func(g *generator, _ *History) Act {
		return do("rewind", "branch", "status", "commits", g.one("1", "3"), "how", g.one("", "gone", "rewritten", "squashed"))
	}},
	{2, func(g *generator, h *History) Act {
		return do("refuse", "branch", g.one("ledger", "status", ""), "for", g.length(h))
	}},
	{2, func(g *generator, h *History) Act { return do("githost", "for", g.length(h)) }},
	{2, func(g *generator, h *History) Act {
		return do("scribble", "branch", g.one("ledger", "status"), "for", g.length(h))
	}},
}
