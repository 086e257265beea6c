package gitserver

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// asked is what a client that fetches says.
type asked struct {
	wants []plumbing.Hash
	caps  map[string]bool
	// common are those of its haves that are here, in its order; stranger tells that
	// there were others.
	common []plumbing.Hash
	done   bool
}

// upload answers a fetch: which of what the client has is known here and, once it is
// done telling, the pack that it lacks. Over HTTP each request says everything anew.
func (s *Server) upload(request []byte) []byte {
	var out bytes.Buffer
	a, rest, err := s.readWants(request)
	if err == nil && len(a.wants) > 0 {
		err = s.negotiate(a, rest, &out)
	}
	if err == nil && a.done {
		err = s.sendPack(a, &out)
	}
	if err != nil {
		out.Reset()
		writeLine(&out, "ERR upload-pack: %s", err)
	}
	return out.Bytes()
}

func (s *Server) readWants(request []byte) (*asked, []byte, error) {
	a := &asked{caps: map[string]bool{}}
	for {
		line, rest, err := takeLine(request)
		if err != nil || line == nil {
			return a, rest, err
		}
		request = rest
		words := strings.Fields(string(line))
		if len(words) < 2 || words[0] != "want" || !plumbing.IsHash(words[1]) {
			return nil, nil, fmt.Errorf("protocol error, expected to get object ID, not '%s'", line)
		}
		for _, c := range words[2:] {
			a.caps[c] = true
		}
		want := plumbing.NewHash(words[1])
		if !s.offered(want) {
			return nil, nil, fmt.Errorf("not our ref %s", want)
		}
		if !slices.Contains(a.wants, want) {
			a.wants = append(a.wants, want)
		}
	}
}

// offered tells whether a commit may be had: over HTTP, where the branches may have
// moved since they were listed, what they still reach.
func (s *Server) offered(h plumbing.Hash) bool {
	var tips []plumbing.Hash
	for _, name := range s.Branches() {
		if s.branches[name] == h {
			return true
		}
		tips = append(tips, s.branches[name])
	}
	return s.objects.reaches(tips, h)
}

// negotiate answers the client's haves: each that is here is acknowledged, and that
// enough is known once every want reaches one of them.
func (s *Server) negotiate(a *asked, request []byte, out *bytes.Buffer) error {
	detailed, multi := a.caps["multi_ack_detailed"], a.caps["multi_ack"]
	acknowledge := func(h plumbing.Hash, how string) {
		switch {
		case detailed:
			writeLine(out, "ACK %s %s\n", h, how)
		case multi:
			writeLine(out, "ACK %s continue\n", h)
		case how == "common" && len(a.common) == 1:
			writeLine(out, "ACK %s\n", h)
		}
	}
	found, strange := false, false
	for len(request) > 0 {
		line, rest, err := takeLine(request)
		if err != nil {
			return err
		}
		request = rest
		if line == nil {
			if found && !strange && detailed && s.enough(a) {
				acknowledge(a.common[len(a.common)-1], "ready")
			}
			if len(a.common) == 0 || detailed || multi {
				writeLine(out, "NAK\n")
			}
			return nil // over HTTP that is all for one request
		}
		if string(line) == "done" {
			a.done = true
			break
		}
		have, isHave := strings.CutPrefix(string(line), "have ")
		if !isHave || !plumbing.IsHash(have) {
			return fmt.Errorf("expected SHA1 list, got '%s'", line)
		}
		h := plumbing.NewHash(have)
		if _, err := s.objects.commit(h); err != nil {
			if strange = true; (detailed || multi) && s.enough(a) {
				acknowledge(h, "ready")
			}
			continue
		}
		found = true
		a.common = append(a.common, h)
		acknowledge(h, "common")
	}
	switch {
	case !a.done:
	case len(a.common) == 0:
		writeLine(out, "NAK\n")
	case detailed || multi:
		writeLine(out, "ACK %s\n", a.common[len(a.common)-1])
	}
	return nil
}

// enough tells whether every want reaches something that the client has.
func (s *Server) enough(a *asked) bool {
	if len(a.common) == 0 {
		return false
	}
	for _, want := range a.wants {
		if !slices.ContainsFunc(a.common, func(h plumbing.Hash) bool {
			return s.objects.reaches([]plumbing.Hash{want}, h)
		}) {
			return false
		}
	}
	return true
}

func (s *Server) sendPack(a *asked, out *bytes.Buffer) error {
	list, err := s.objects.lacking(a.wants, a.common)
	if err != nil {
		return err
	}
	pack, err := s.packer.pack(list)
	if err != nil {
		return err
	}
	switch {
	case a.caps["side-band-64k"]:
		multiplex(out, channelData, pack, 65515)
	case a.caps["side-band"]:
		multiplex(out, channelData, pack, 995)
	default:
		out.Write(pack)
		return nil
	}
	out.WriteString(flush)
	return nil
}
