package fleet

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/fleet/strict"
)

// Load reads the fleet that fsys declares: fleet.yaml, shards/, datastores/,
// providers/, classes/, tenants/ and approvals/; whatever else stands at the root is ignored.
//
// It does not fail as a whole: what is wrong becomes a Finding, and the
// declaration that it belongs to is in Fleet.Broken instead of the maps.
//
// An error means that something could not be read, although it is there. Nothing
// may be concluded from such a commit, so there is no Fleet: an unreadable
// file is never an absent one.
//
// When fsys has a method TreeHash(path string) (string, error) that gives a
// folder's content hash, Class.Tree is filled from it.
//
// Who loads one commit after the other uses a Loader.
func Load(fsys fs.FS) (*Fleet, Findings, error) { return load(fsys, nil, nil) }

func load(fsys fs.FS, remembered *memory, judge func(*Provider) Findings) (*Fleet, Findings, error) {
	l := &loader{fsys: fsys, memory: remembered, judgeProvider: judge, fleet: &Fleet{
		Settings:   DefaultSettings(),
		Shards:     map[string]*Shard{},
		DataStores: map[string]*DataStore{},
		Classes:    map[string]*Class{},
		Providers:  map[string]*Provider{},
		Approvals:  map[string]*Approval{},
		Approved:   map[ApprovalItem]bool{},
		Broken:     map[Ref]Broken{},
	}}
	l.entries = make([]*entry, 0, remembered.entries())
	if err := l.root(); err != nil {
		return nil, nil, err
	}
	l.linkProviders()
	l.check()
	l.fleet.Tenants = make(map[string]*Tenant, len(l.entries))
	l.finish()
	if remembered != nil {
		remembered.last = len(l.entries)
	}
	l.findings.Sort()
	slices.Sort(l.fleet.Opaque)
	return l.fleet, l.findings, nil
}

// LoadClass reads the class name out of its folder alone: fsys is the folder. An
// error means what it means for Load; with findings there is no Class.
func LoadClass(fsys fs.FS, name string) (*Class, Findings, error) {
	l := &loader{fsys: fsys, fleet: &Fleet{}, base: path.Join(classFolder, name)}
	if err := l.loadClass(l.base, name); err != nil {
		return nil, nil, err
	}
	l.findings.Sort()
	if len(l.findings) > 0 || len(l.entries) == 0 {
		return nil, l.findings, nil
	}
	return l.entries[0].value.(*Class), nil, nil //nolint:forcetypeassert // without findings it is one
}

// treeHasher is what a file system may know beside its files.
type treeHasher interface {
	TreeHash(path string) (string, error)
}

type loader struct {
	fsys fs.FS
	// base is the path in the repository that fsys is, empty for its root.
	base string
	// memory is what a Loader knows from before; it may be nil.
	memory *memory
	// judgeProvider is Loader.Judge; it may be nil.
	judgeProvider func(*Provider) Findings
	fleet         *Fleet
	findings      Findings

	entries  []*entry
	settings *entry
}

// entry is one place where something is declared, or should be.
type entry struct {
	ref  Ref
	path string
	// value is the *Shard, *DataStore, *Class, *Provider, *Tenant or *Approval that was read, or nil.
	value any
	// doc knows where fields stand; index makes it out of raw when it is needed again.
	doc *strict.Document
	raw []byte
	// stray is a file in a place where declarations are not read from. It counts
	// only when nothing else declares its name: what was moved there is not absent.
	stray bool
	// message is the first finding's; the entry is broken when it is set.
	message string
	// sound is set when nothing is wrong with the entry but that its name is taken twice.
	sound bool
	// unread are the fields that are written and could not be read.
	unread []string
}

// unreadable says whether the field, or one around it, could not be read.
func (e *entry) unreadable(field string) bool {
	return slices.ContainsFunc(e.unread, func(f string) bool {
		return f == field || strings.HasPrefix(field, f+".") || strings.HasPrefix(field, f+"[")
	})
}

// each visits what was read of one kind.
func each[T any](l *loader, visit func(*entry, *T)) {
	for _, e := range l.entries {
		if v, ok := e.value.(*T); ok {
			visit(e, v)
		}
	}
}

// declare notes that ref is declared at path.
func (l *loader) declare(kind, name, path string) *entry {
	e := &entry{ref: Ref{kind, name}, path: path}
	l.entries = append(l.entries, e)
	return e
}

// report adds a finding about a declaration, which breaks it.
func (l *loader) report(e *entry, f Finding) {
	f.File = cmp.Or(f.File, e.path)
	f = f.Fit()
	l.findings = append(l.findings, f)
	f.Hint = "" // one line, with its place: that is what a status says
	e.message = cmp.Or(e.message, f.String())
}

// remark adds a finding that belongs to no declaration.
func (l *loader) remark(file, message, hint string) {
	l.findings = append(l.findings, Finding{File: file, Message: message, Hint: hint})
}

// opaque adds a finding about a path that hides declarations.
func (l *loader) opaque(file, message, hint string) {
	l.remark(file, message, hint)
	l.fleet.Opaque = append(l.fleet.Opaque, file)
}

// stray adds a finding about a misplaced file that may declare name.
func (l *loader) stray(kind, name, file, message, hint string) {
	e := l.declare(kind, name, file)
	e.stray = true
	l.report(e, Finding{Message: message, Hint: hint})
}

// finish sorts declarations into the maps and Broken.
func (l *loader) finish() {
	first, twins := make(map[Ref]*entry, len(l.entries)), map[Ref][]*entry{}
	for _, e := range l.entries {
		if other, again := first[e.ref]; !again {
			first[e.ref] = e
		} else if twins[e.ref] == nil {
			twins[e.ref] = []*entry{other, e}
		} else {
			twins[e.ref] = append(twins[e.ref], e)
		}
	}
	for ref, e := range first {
		if all := twins[ref]; all != nil {
			e = l.finishTwins(all)
		} else if e.message != "" {
			l.fleet.Broken[ref] = broken([]*entry{e}, e.message)
		}
		if _, isBroken := l.fleet.Broken[ref]; !isBroken {
			l.keep(ref.Name, e.value)
		}
	}
	if l.settings == nil || l.settings.message != "" {
		l.fleet.Settings, l.fleet.SettingsBroken = DefaultSettings(), true
	}
}

// finishTwins judges entries of one name, and gives the one that counts.
func (l *loader) finishTwins(all []*entry) *entry {
	if proper := slices.DeleteFunc(slices.Clone(all), func(e *entry) bool { return e.stray }); len(proper) > 0 {
		all = proper
	}
	for _, e := range all {
		e.sound = e.message == ""
	}
	if len(all) > 1 {
		for i, e := range all {
			l.reportTwin(e, all[(i+1)%len(all)])
		}
	}
	if message := firstMessage(all); message != "" {
		l.fleet.Broken[all[0].ref] = broken(all, message)
	}
	return all[0]
}

// keep puts what is valid into its map.
func (l *loader) keep(name string, value any) {
	switch v := value.(type) {
	case *Shard:
		l.fleet.Shards[name] = v
	case *DataStore:
		l.fleet.DataStores[name] = v
	case *Class:
		l.fleet.Classes[name] = v
	case *Provider:
		l.fleet.Providers[name] = v
	case *Tenant:
		l.fleet.Tenants[name] = v
	case *Approval:
		l.fleet.Approvals[name] = v
		for _, item := range v.Spec.Items {
			l.fleet.Approved[item] = true
		}
	}
}

// reportTwin tells an entry of another one of its name.
func (l *loader) reportTwin(e, other *entry) {
	f := Finding{
		Message: fmt.Sprintf("%s %s is also declared in %s", lowerKind(e.ref.Kind), e.ref.Name, other.path),
		Hint:    "names are unique in a fleet: keep one; a move is one commit and names the old folder in spec.movedFrom",
	}
	if doc := e.index(); doc != nil {
		at := doc.Position("metadata.name")
		f.Line, f.Column, f.Field = at.Line, at.Column, "metadata.name"
	}
	l.report(e, f)
}

func firstMessage(entries []*entry) string {
	for _, e := range entries {
		if e.message != "" {
			return e.message
		}
	}
	return ""
}

// broken describes a name that cannot be used. With several places, the tenants
// that have no fault but their name are kept as candidates.
func broken(all []*entry, message string) Broken {
	b := Broken{Path: all[0].path, Message: message}
	for _, e := range all {
		b.Paths = append(b.Paths, e.path)
	}
	slices.Sort(b.Paths)
	b.Path = b.Paths[0]
	if len(all) == 1 {
		return b
	}
	for _, e := range all {
		if t, ok := e.value.(*Tenant); ok && e.sound {
			b.Candidates = append(b.Candidates, t)
		}
	}
	slices.SortFunc(b.Candidates, func(a, b *Tenant) int { return cmp.Compare(a.Source.Path, b.Source.Path) })
	return b
}

// aKind is one of a kind, in words.
func aKind(kind string) string {
	if kind == KindApproval {
		return "an approval"
	}
	return "a " + lowerKind(kind)
}

func lowerKind(kind string) string {
	if kind == KindClass {
		return "class"
	}
	return strings.ToLower(kind)
}
