package repository

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/tenantry/tenantry/git"
	"github.com/tenantry/tenantry/reconciler/core"
)

// overviewFile is the fleet as a page for a person in a browser.
const overviewFile = "README.md"

// overviewInterval is the least time between two commits that change it,
// whoever makes them.
const overviewInterval = 5 * time.Minute

// line is what the overview says of one status file.
type line struct {
	// File links to the whole story; Shard is the folder that it stands in, empty
	// for what has no place yet.
	File, Shard string
	// Name is empty in a shard's own line.
	Name, Team, DataStore string
	Phase                 core.Phase
	Version, Endpoint     string
	Reason, Message       string
}

// overview makes the page from what stands on the branch. It remembers what it
// read: between two looks most files stay as they were.
type overview struct {
	lines map[git.Hash]*line // nil for what is no status
}

// renew adds the overview to a draft as far as it is time for that. It gives the
// time of the next look; zero is when the status changes.
func (o *overview) renew(ctx context.Context, repo *git.Repository, d *git.Draft) (time.Time, error) {
	lines, old, err := o.read(ctx, repo, d)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the status branch: %w", err)
	}
	if len(lines) == 0 && old == nil {
		return time.Time{}, nil
	}
	was := headOf(old)
	if old != nil && was.made == "" {
		return time.Time{}, nil // a person's own
	}
	made := digest(lines)
	if made == was.made && (len(d.Files) == 0 || string(old) == string(page(lines, made, was.asOf))) {
		return time.Time{}, nil // words alone are worth no commit
	}
	if age := d.When.Sub(was.asOf); age >= 0 && age < overviewInterval {
		return was.asOf.Add(overviewInterval), nil
	}
	if d.Files == nil {
		d.Files = map[string][]byte{}
	}
	d.Files[overviewFile] = page(lines, made, d.When.UTC().Truncate(time.Second))
	return time.Time{}, nil
}

// read gives a line for each status file as the draft leaves them, and the
// overview that stands there.
func (o *overview) read(ctx context.Context, repo *git.Repository, d *git.Draft) (lines []*line, old []byte, err error) {
	known := map[git.Hash]*line{}
	if d.Parent != "" {
		rev, err := repo.Revision(ctx, d.Parent)
		if err != nil {
			return nil, nil, err
		}
		if old, err = fs.ReadFile(rev, overviewFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			if !errors.Is(err, fs.ErrInvalid) {
				return nil, nil, err
			}
			old = []byte{} // no file: a person's own too
		}
		err = fs.WalkDir(rev, "status", func(p string, entry fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist) && p == "status":
				return fs.SkipAll
			case !fs.ValidPath(p):
				if entry.IsDir() {
					return fs.SkipDir
				}
				return nil
			case err != nil || !entry.Type().IsRegular():
				return err
			}
			if _, drafted := d.Files[p]; drafted {
				return nil
			}
			l, err := o.line(rev, p, entry)
			if l != nil {
				lines = append(lines, l)
			}
			if h, ok := hashOf(entry); ok && err == nil {
				known[h] = l
			}
			return err
		})
		if err != nil {
			return nil, nil, err
		}
	}
	o.lines = known
	for p, content := range d.Files {
		if l := parseLine(p, content); l != nil {
			lines = append(lines, l)
		}
	}
	slices.SortFunc(lines, func(a, b *line) int { return strings.Compare(a.File, b.File) })
	return lines, old, nil
}

func hashOf(entry fs.DirEntry) (git.Hash, bool) {
	h, ok := entry.(interface{ Hash() git.Hash })
	if !ok {
		return "", false
	}
	return h.Hash(), true
}

func (o *overview) line(rev fs.FS, p string, entry fs.DirEntry) (*line, error) {
	if h, ok := hashOf(entry); ok {
		// The same content may stand in two places while a tenant moves.
		if l, there := o.lines[h]; there && (l == nil || l.File == p) {
			return l, nil
		}
	}
	content, err := fs.ReadFile(rev, p)
	if err != nil {
		return nil, err
	}
	return parseLine(p, content), nil
}

// parseLine reads a status file; nil is what is none.
func parseLine(p string, content []byte) *line {
	parts := strings.Split(p, "/")
	if content == nil || len(parts) < 3 || parts[0] != "status" || path.Ext(p) != ".yaml" {
		return nil
	}
	l := &line{File: p, Shard: strings.TrimPrefix(parts[1], "_unplaced")}
	var st core.TenantStatus // of a shard: its conditions
	if yaml.Unmarshal(content, &st) != nil || st.Name == "" {
		return nil
	}
	why := st.Why()
	l.Reason, l.Message = why.Reason, why.Message
	switch st.Kind {
	case "TenantStatus":
		l.Name, l.DataStore, l.Phase, l.Version, l.Endpoint = st.Name, st.DataStore, st.Phase, st.Version, st.Endpoint
		if st.Source != "" {
			l.Team = path.Base(path.Dir(st.Source))
		}
	case "ShardStatus":
	default:
		return nil
	}
	return l
}

// digest names what an overview tells, apart from how.
func digest(lines []*line) string {
	raw, err := json.Marshal(lines)
	if err != nil {
		panic(fmt.Sprintf("encode the overview: %v", err)) // plain structs always encode
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16])
}

// head is what the first lines of an overview say of it.
type head struct {
	made string // of what; empty when it is not ours
	asOf time.Time
}

var headForm = regexp.MustCompile(`^<!-- tenantry:([0-9a-f]{32}) .*\n(?:.*\n){0,4}As of ([0-9TZ:-]+),`)

func headOf(old []byte) head {
	m := headForm.FindSubmatch(old)
	if m == nil {
		return head{}
	}
	asOf, err := time.Parse(time.RFC3339, string(m[2]))
	if err != nil {
		return head{}
	}
	return head{made: string(m[1]), asOf: asOf}
}
