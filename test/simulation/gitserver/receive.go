package gitserver

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// command asks for one reference to be moved from old to tip; zero is absent.
type command struct {
	old, tip plumbing.Hash
	ref      string
	refusal  string // why it was not carried out; empty: it was
}

func (c *command) push() Push {
	return Push{Branch: strings.TrimPrefix(c.ref, branchPrefix), Old: text(c.old), New: text(c.tip)}
}

// receive answers a push: objects first, apart from ours; then every rule; then each
// branch by compare-and-swap on the value that the client names.
func (s *Server) receive(request []byte) []byte {
	commands, caps, pack, err := readCommands(request)
	if err != nil {
		var out bytes.Buffer
		writeLine(&out, "ERR receive-pack: %s", err)
		return out.Bytes()
	}
	if len(commands) == 0 { // a client that asks whether it may speak
		return nil
	}
	unpacked := s.carryOut(commands, pack, caps["atomic"])
	if !caps["report-status"] && !caps["report-status-v2"] {
		return nil
	}
	var report, out bytes.Buffer
	writeLine(&report, "unpack %s\n", unpacked)
	for _, c := range commands {
		if c.refusal == "" {
			writeLine(&report, "ok %s\n", c.ref)
		} else {
			writeLine(&report, "ng %s %s\n", c.ref, c.refusal)
		}
	}
	report.WriteString(flush)
	if !caps["side-band-64k"] {
		return report.Bytes()
	}
	multiplex(&out, channelData, report.Bytes(), 65515)
	out.WriteString(flush)
	return out.Bytes()
}

func readCommands(request []byte) (commands []*command, caps map[string]bool, pack []byte, err error) {
	caps = map[string]bool{}
	for {
		line, rest, err := takeLine(request)
		if err != nil || line == nil {
			return commands, caps, rest, err
		}
		request = rest
		asked, words, _ := strings.Cut(string(line), "\x00")
		for c := range strings.FieldsSeq(words) {
			caps[c] = true
		}
		fields := strings.Fields(asked)
		if len(fields) != 3 || !plumbing.IsHash(fields[0]) || !plumbing.IsHash(fields[1]) {
			return nil, nil, nil, fmt.Errorf("protocol error: expected old/new/ref, got '%s'", asked)
		}
		commands = append(commands, &command{old: plumbing.NewHash(fields[0]), tip: plumbing.NewHash(fields[1]), ref: fields[2]})
	}
}

// carryOut does what commands ask for, leaves in each what became of it, and says what
// became of the objects.
func (s *Server) carryOut(commands []*command, pack []byte, atomic bool) (unpacked string) {
	received := objects{}
	if len(pack) > 0 {
		var err error
		if received, err = s.objects.unpack(pack); err != nil {
			for _, c := range commands {
				c.refusal = "unpacker error"
			}
			return err.Error()
		}
	}
	incomplete := s.gap(received)
	failed := false
	for _, c := range commands {
		c.refusal = s.judge(c, received, incomplete)
		failed = failed || c.refusal != ""
	}
	if failed && atomic {
		for _, c := range commands {
			if c.refusal == "" {
				c.refusal = "atomic push failure"
			}
		}
		return "ok"
	}
	for _, c := range commands {
		if c.refusal != "" {
			continue
		}
		for _, o := range received {
			s.objects.add(o)
		}
		if c.tip.IsZero() {
			delete(s.branches, c.push().Branch)
		} else {
			s.branches[c.push().Branch] = c.tip
		}
		if s.Pushed != nil {
			s.Pushed(c.push())
		}
	}
	return "ok"
}

// judge gives the reason to refuse a command, in the words of Git's own server.
func (s *Server) judge(c *command, received objects, incomplete bool) string {
	branch, isBranch := strings.CutPrefix(c.ref, branchPrefix)
	if !isBranch || plumbing.ReferenceName(c.ref).Validate() != nil {
		return "funny refname"
	}
	if !c.tip.IsZero() {
		o := received[c.tip]
		if o == nil {
			o = s.objects[c.tip]
		}
		if o == nil || incomplete {
			return "missing necessary objects"
		}
		if o.kind != plumbing.CommitObject {
			return "cannot be updated to a non-commit object"
		}
	}
	if s.Refuse != nil {
		if err := s.Refuse(c.push()); err != nil {
			return strings.ReplaceAll(err.Error(), "\n", " ")
		}
	}
	if s.branches[branch] != c.old || s.free(branch) != nil {
		return "failed to update ref"
	}
	return ""
}

// gap tells whether something is missing that the received objects name. What was
// accepted before lacks nothing, so that one step is enough.
func (s *Server) gap(received objects) bool {
	missing := func(h plumbing.Hash) bool { return received[h] == nil && s.objects[h] == nil }
	for _, o := range received {
		switch o.kind {
		case plumbing.CommitObject:
			c, err := decodeCommit(o.data)
			if err != nil || missing(c.tree) || slices.ContainsFunc(c.parents, missing) {
				return true
			}
		case plumbing.TreeObject:
			entries, err := decodeTree(o.data)
			if err != nil {
				return true
			}
			for _, e := range entries {
				if e.mode != modeSubmodule && missing(e.hash) {
					return true
				}
			}
		default:
		}
	}
	return false
}
