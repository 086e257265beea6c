package fleet

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/fleet/internal/strict"
)

// Load reads the fleet that fsys declares: fleet.yaml, shards/, datastores/,
// classes/ and tenants/; whatever else stands at the root is ignored.
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
func Load(fsys fs.FS) (*Fleet, Findings, error) { return load(fsys, nil) }

func load(fsys fs.FS, remembered *memory) (*Fleet, Findings, error) {
	l := &loader{fsys: fsys, memory: remembered, fleet: &Fleet{
		Settings:   DefaultSettings(),
		Shards:     map[string]*Shard{},
		DataStores: map[string]*DataStore{},
		Classes:    map[string]*Class{},
		Tenants:    map[string]*Tenant{},
		Broken:     map[Ref]Broken{},
	}}
	if err := l.root(); err != nil {
		return nil, nil, err
	}
	l.check()
	l.finish()
	l.findings.sort()
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
	for _, c := range l.classes {
		l.checkClass(c)
	}
	l.findings.sort()
	if len(l.findings) > 0 || len(l.classes) == 0 {
		return nil, l.findings, nil
	}
	return l.classes[0].value, nil, nil
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
	memory   *memory
	fleet    *Fleet
	findings Findings

	entries  []*entry
	settings *entry
	shards   []declared[Shard]
	stores   []declared[DataStore]
	classes  []declared[Class]
	tenants  []declared[Tenant]
}

// entry is one place where something is declared, or should be.
type entry struct {
	ref  Ref
	path string
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

type declared[T any] struct {
	*entry
	value *T
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
	f.Field = bounded(f.Field, maxFieldText)
	f.Message, f.Hint = bounded(f.Message, maxMessageText), bounded(f.Hint, maxMessageText)
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
	byRef := map[Ref][]*entry{}
	for _, e := range l.entries {
		byRef[e.ref] = append(byRef[e.ref], e)
	}
	for ref, all := range byRef {
		proper := slices.DeleteFunc(slices.Clone(all), func(e *entry) bool { return e.stray })
		if len(proper) > 0 {
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
			l.fleet.Broken[ref] = l.broken(all, message)
		}
	}
	if l.settings == nil || l.settings.message != "" {
		l.fleet.Settings, l.fleet.SettingsBroken = DefaultSettings(), true
	}
	keep(l, l.shards, l.fleet.Shards)
	keep(l, l.stores, l.fleet.DataStores)
	keep(l, l.classes, l.fleet.Classes)
	keep(l, l.tenants, l.fleet.Tenants)
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

func keep[T any](l *loader, from []declared[T], into map[string]*T) {
	for _, d := range from {
		if _, broken := l.fleet.Broken[d.ref]; !broken {
			into[d.ref.Name] = d.value
		}
	}
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
func (l *loader) broken(all []*entry, message string) Broken {
	b := Broken{Path: all[0].path, Message: message}
	for _, e := range all {
		b.Paths = append(b.Paths, e.path)
	}
	slices.Sort(b.Paths)
	b.Path = b.Paths[0]
	if len(all) == 1 {
		return b
	}
	for _, t := range l.tenants {
		if t.ref == all[0].ref && t.sound {
			b.Candidates = append(b.Candidates, t.value)
		}
	}
	slices.SortFunc(b.Candidates, func(a, b *Tenant) int { return cmp.Compare(a.Source.Path, b.Source.Path) })
	return b
}

func lowerKind(kind string) string {
	if kind == KindClass {
		return "class"
	}
	return strings.ToLower(kind)
}
