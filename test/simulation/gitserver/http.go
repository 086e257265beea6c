package gitserver

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
)

const (
	uploadPack  = "git-upload-pack"
	receivePack = "git-receive-pack"
)

// ServeHTTP answers a Git client: GET /info/refs, POST /git-upload-pack and
// /git-receive-pack, below any path.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	service := r.URL.Query().Get("service")
	switch {
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/info/refs") && (service == uploadPack || service == receivePack):
		answer(w, "application/x-"+service+"-advertisement", s.advertise(service))
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/info/refs"):
		http.Error(w, "this host speaks the smart protocol only", http.StatusForbidden)
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/"+uploadPack):
		s.serve(w, r, uploadPack, s.upload)
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/"+receivePack):
		s.serve(w, r, receivePack, s.receive)
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, service string, do func(request []byte) []byte) {
	request, err := body(r)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case r.Header.Get("Content-Type") != "application/x-"+service+"-request":
		http.Error(w, "unsupported media type", http.StatusUnsupportedMediaType)
	default:
		answer(w, "application/x-"+service+"-result", do(request))
	}
}

func answer(w http.ResponseWriter, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache, max-age=0, must-revalidate")
	_, _ = w.Write(body) // whoever does not listen any more asks again
}

func body(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	plain, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(plain)
}

// What a host of today can do, as far as it is played here.
const (
	agent            = "agent=git/2.47.0"
	uploadPackCaps   = "multi_ack thin-pack side-band side-band-64k ofs-delta no-progress include-tag multi_ack_detailed"
	receivePackCaps  = "report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta"
	everyServiceCaps = "object-format=sha1 " + agent
)

// advertise lists the branches, sorted by name, and says what a service can do.
func (s *Server) advertise(service string) []byte {
	var out bytes.Buffer
	writeLine(&out, "# service=%s\n", service)
	out.WriteString(flush)
	caps := receivePackCaps
	var refs []string
	if service == uploadPack {
		caps = uploadPackCaps
		if tip, found := s.branches["main"]; found {
			caps += " symref=HEAD:" + ref("main")
			refs = append(refs, tip.String()+" HEAD")
		}
	}
	for _, name := range s.Branches() {
		refs = append(refs, s.branches[name].String()+" "+ref(name))
	}
	if len(refs) == 0 {
		refs = append(refs, strings.Repeat("0", 40)+" capabilities^{}")
	}
	refs[0] += fmt.Sprintf("\x00%s %s", caps, everyServiceCaps)
	for _, line := range refs {
		writeLine(&out, "%s\n", line)
	}
	out.WriteString(flush)
	return out.Bytes()
}

const branchPrefix = "refs/heads/"

func ref(branch string) string { return branchPrefix + branch }
