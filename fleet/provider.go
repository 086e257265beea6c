package fleet

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"strings"
)

// Provider is a provider of the fleet's own (providers/<name>/). What its files mean is
// for who renders to say; here they are read, bounded, and named by their content. It
// never changes.
type Provider struct {
	// Name is the folder's.
	Name string
	// Files are the folder's, relative path to content; its tests' data and README.md
	// are left out.
	Files map[string][]byte
	// Tree is the content hash of the folder, as Git names it; empty when the fs.FS that
	// was loaded knows no hashes.
	Tree string
}

const (
	providerFolder   = "providers"
	providerFileName = "provider.yaml"
	// providerTests holds what a provider is tried with, which is no part of it.
	providerTests = "testdata"
)

// providerFolders reads providers/<name>/.
func (l *loader) providerFolders() error {
	entries, err := l.readDir(providerFolder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		dir := path.Join(providerFolder, e.Name())
		switch {
		case ignored(e):
		case e.IsDir():
			if err := l.once(dir, func() error { return l.loadProvider(dir, e.Name()) }); err != nil {
				return err
			}
		case !e.Type().IsRegular(): // those who name it are held, with this reason
			l.report(l.declare(KindProvider, e.Name(), dir), Finding{Message: describe(e), Hint: "commit an ordinary folder"})
		default:
			l.remark(dir, "is not read", "a provider stands in providers/<name>/provider.yaml")
		}
	}
	return nil
}

func (l *loader) loadProvider(dir, name string) error {
	content, err := l.walk(dir)
	if err != nil {
		return err
	}
	content = content.untested(dir)
	if len(content.files) == 0 && len(content.faults) == 0 {
		return nil
	}
	e := l.declare(KindProvider, name, path.Join(dir, providerFileName))
	if fault := nameFault(name, maxLabel); fault != "" {
		l.report(e, Finding{File: dir, Message: "is not a provider's name: " + fault, Hint: "rename the folder"})
	}
	for _, f := range content.faults {
		l.report(e, f)
	}
	files, err := l.filesBeside(e, dir, content, "", limits{200, 4 << 20})
	if err != nil || files == nil {
		return err
	}
	if _, ok := content.files[providerFileName]; !ok && !content.faulty(e.path) {
		l.report(e, Finding{Message: "is missing", Hint: "every folder in providers/ is a provider"})
	}
	p := &Provider{Name: name, Files: files}
	if h, ok := l.fsys.(treeHasher); ok {
		if p.Tree, err = h.TreeHash(l.inside(dir)); err != nil {
			return fmt.Errorf("hash folder %s: %w", dir, err)
		}
	}
	if l.judgeProvider != nil && e.message == "" {
		for _, f := range l.judgeProvider(p) {
			l.report(e, f)
		}
	}
	e.value = p
	return nil
}

// untested is a provider's folder without what it is tried with, and what people read.
func (f folder) untested(dir string) folder {
	apart := func(rel string) bool {
		return rel == providerTests || strings.HasPrefix(rel, providerTests+"/") || path.Base(rel) == "README.md" ||
			strings.HasPrefix(rel, ".") || strings.Contains(rel, "/.")
	}
	out := folder{files: maps.Clone(f.files), hidden: f.hidden}
	maps.DeleteFunc(out.files, func(rel string, _ fs.DirEntry) bool { return apart(rel) })
	for _, rel := range f.order {
		if !apart(rel) {
			out.order = append(out.order, rel)
		}
	}
	for _, fault := range f.faults {
		if !apart(strings.TrimPrefix(fault.File, dir+"/")) {
			out.faults = append(out.faults, fault)
		}
	}
	return out
}

// linkProviders gives classes the provider of the fleet's own that they name, and breaks
// those whose provider is broken: they are held as they were. So are datastores that name
// one: it has none. What is remembered of a folder is shared between fleets, so the link
// is made in a copy.
func (l *loader) linkProviders() {
	own := map[string]*entry{}
	for _, e := range l.entries {
		if e.ref.Kind == KindProvider {
			own[e.ref.Name] = e
		}
	}
	if len(own) == 0 {
		return
	}
	find := func(e *entry, name string) *Provider {
		from := own[name]
		if from == nil {
			return nil
		}
		if from.message != "" {
			e.message = cmp.Or(e.message, fmt.Sprintf("provider %s is broken: %s", name, from.message)) // found once, at the provider
		}
		p, _ := from.value.(*Provider)
		return p
	}
	each(l, func(e *entry, c *Class) {
		if p := find(e, c.Spec.Provider); p != nil {
			linked := *c
			linked.Own, e.value = p, &linked
		}
	})
	each(l, func(e *entry, d *DataStore) {
		if find(e, d.Spec.Provider) != nil {
			l.report(e, Finding{
				Field: "spec.provider", Message: fmt.Sprintf("provider %s is the fleet's own, and has no datastores", d.Spec.Provider),
				Hint: "a provider of the fleet's own keeps the state of its tenants itself",
			})
		}
	})
}

// LoadProvider reads the provider name out of its folder alone, as a ledger keeps it. An
// error means what it means for Load; with findings there is no Provider. What its files
// mean is not judged: it was, before it was put in force.
func LoadProvider(fsys fs.FS, name string) (*Provider, Findings, error) {
	l := &loader{fsys: fsys, fleet: &Fleet{}, base: path.Join(providerFolder, name)}
	if err := l.loadProvider(l.base, name); err != nil {
		return nil, nil, err
	}
	l.findings.Sort()
	if len(l.findings) > 0 || len(l.entries) == 0 {
		return nil, l.findings, nil
	}
	return l.entries[0].value.(*Provider), nil, nil //nolint:forcetypeassert // without findings it is one
}

// ProviderTree is the content hash of the provider of the fleet's own that the class
// names; empty when it names none.
func (c *Class) ProviderTree() string {
	if c.Own == nil {
		return ""
	}
	return c.Own.Tree
}
