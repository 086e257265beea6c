package observe

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// user is whom the daemon is known as on shards.
const user = "system:serviceaccount:tenantry-system:tenantry"

// policy has the API servers note every request of the daemon, and nobody else's.
const policy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, users: ["` + user + `"]}
- {level: None}
`

// Audit follows what the API servers of all shards write into one file.
type Audit struct {
	path string
	at   int64
	seen map[string]bool
}

// Request is one request as an API server has seen it.
type Request struct {
	AuditID   string
	Verb      string
	ObjectRef struct{ Resource, Namespace, Name, APIGroup, Subresource string }
	// ResponseStatus is what it was answered; StageTimestamp when.
	ResponseStatus struct{ Code int }
	StageTimestamp time.Time
}

// NewAudit gives the log and the arguments that have an API server write it.
func NewAudit(dir string) (*Audit, []string, error) {
	policyFile, log := filepath.Join(dir, "audit-policy.yaml"), filepath.Join(dir, "audit.log")
	if err := os.WriteFile(policyFile, []byte(policy), 0o600); err != nil {
		return nil, nil, err
	}
	// It is there before the servers are: so all of them append to it.
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		return nil, nil, err
	}
	return &Audit{path: log, seen: map[string]bool{}}, []string{
		"--audit-policy-file=" + policyFile, "--audit-log-path=" + log, "--audit-log-maxsize=4096",
	}, nil
}

// Next gives the requests since it was called last.
func (l *Audit) Next() ([]Request, error) {
	f, err := os.Open(l.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.Seek(l.at, io.SeekStart); err != nil {
		return nil, err
	}
	var all []Request
	for in := bufio.NewReader(f); ; {
		line, err := in.ReadString('\n')
		if err != nil { // a line that is being written is for the next time
			return all, nil
		}
		l.at += int64(len(line))
		var r Request
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			return nil, fmt.Errorf("read audit log: %w", err)
		}
		if !l.seen[r.AuditID] { // of a watch there are two stages
			l.seen[r.AuditID] = true
			all = append(all, r)
		}
	}
}

// Lease tells whether a request is about a Lease, which is renewed all the time.
func (r Request) Lease() bool { return r.ObjectRef.Resource == "leases" }

// Writes tells whether a request would change something.
func (r Request) Writes() bool {
	return !r.Lease() && strings.Contains("create update patch delete deletecollection", r.Verb)
}

// Object names what a request is about.
func (r Request) Object() string {
	o := r.ObjectRef
	return fmt.Sprintf("%s.%s %s/%s %s", o.Resource, o.APIGroup, o.Namespace, o.Name, o.Subresource)
}

// Count counts requests for which which says so, by what they are about.
func Count(requests []Request, which func(Request) bool) (n int, objects map[string]int) {
	objects = map[string]int{}
	for _, r := range requests {
		if which(r) {
			n++
			objects[r.Object()]++
		}
	}
	return n, objects
}

// Again follows the same log from its beginning.
func (l *Audit) Again() *Audit { return &Audit{path: l.path, seen: map[string]bool{}} }
