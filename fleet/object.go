package fleet

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"

	"github.com/tenantry/tenantry/fleet/strict"
)

// object is a declaration as it is written.
type object[S any] struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Spec       S        `json:"spec"`
}

// decode reads a declaration's file. It gives nil when nothing can be made of
// it; otherwise what could be read, whose faults are reported already.
func decode[S any](l *loader, e *entry, file fs.DirEntry) (*object[S], []byte, error) {
	if !file.Type().IsRegular() {
		l.report(e, Finding{Message: describe(file), Hint: "commit an ordinary file"})
		return nil, nil, nil
	}
	data, problems, err := l.read(e.path, file)
	if err != nil {
		return nil, nil, err
	}
	if len(problems) == 0 {
		e.doc, problems = strict.Parse(data)
	}
	if len(problems) > 0 {
		l.problems(e, problems)
		return nil, nil, nil
	}
	if !l.checkHeader(e) {
		return nil, nil, nil
	}
	var o object[S]
	l.problems(e, e.doc.Decode(&o, defaults))
	e.raw = data
	return &o, data, nil
}

func (l *loader) problems(e *entry, problems []strict.Problem) {
	for _, p := range problems {
		if p.Message == strict.UnknownField && e.ref.Kind == KindClass {
			if message, hint := openAPI(p.Field); message != "" {
				p.Message, p.Hint = message, hint
			}
		}
		l.report(e, Finding{Line: p.Line, Column: p.Column, Field: p.Field, Message: p.Message, Hint: p.Hint})
		if p.Field != "" {
			e.unread = append(e.unread, p.Field)
		}
	}
}

// checkHeader looks at apiVersion and kind first: the fields of another kind
// would only be a list of unknown ones.
func (l *loader) checkHeader(e *entry) bool {
	apiVersion, kind := e.doc.Header()
	ok := true
	for _, f := range []struct{ field, got, want string }{
		{"apiVersion", apiVersion, APIVersion},
		{"kind", kind, e.ref.Kind},
	} {
		message := fmt.Sprintf("Invalid value: %q: want %s", f.got, f.want)
		switch {
		case f.got == f.want:
			continue
		case f.got == "":
			message = "Required value: want " + f.want
		}
		ok = false
		at := e.doc.Position(f.field)
		l.report(e, Finding{Line: at.Line, Column: at.Column, Field: f.field, Message: message})
	}
	return ok
}

func (l *loader) loadSettings(file fs.DirEntry) error {
	l.settings = &entry{ref: Ref{Kind: KindFleet}, path: settingsFile}
	o, _, err := decode[Settings](l, l.settings, file)
	if err != nil || o == nil {
		return err
	}
	l.fleet.Settings, l.fleet.Name = o.Spec, o.Metadata.Name
	c := check{l, l.settings}
	if o.Metadata.Name != "" {
		c.metadata(o.Metadata, o.Metadata.Name, maxLabel)
	}
	c.settings(o.Spec)
	return nil
}

func (l *loader) loadShard(file, name string, f fs.DirEntry) error {
	e := l.declare(KindShard, name, file)
	o, raw, err := decode[ShardSpec](l, e, f)
	if err != nil || o == nil {
		return err
	}
	e.value = &Shard{o.Metadata, o.Spec, Source{file, raw}}
	l.judge(e, o.Metadata, maxLabel, func(c check) { c.shard(o.Spec) })
	return nil
}

func (l *loader) loadDataStore(file, name string, f fs.DirEntry) error {
	e := l.declare(KindDataStore, name, file)
	o, raw, err := decode[DataStoreSpec](l, e, f)
	if err != nil || o == nil {
		return err
	}
	e.value = &DataStore{Metadata: o.Metadata, Spec: o.Spec, Source: Source{file, raw}}
	l.judge(e, o.Metadata, maxObjectName, func(c check) { c.dataStore(o.Spec) })
	return nil
}

func (l *loader) loadApproval(file, name string, f fs.DirEntry) error {
	e := l.declare(KindApproval, name, file)
	o, raw, err := decode[ApprovalSpec](l, e, f)
	if err != nil || o == nil {
		return err
	}
	a := &Approval{o.Metadata, o.Spec, Source{file, raw}}
	e.value = a
	check{l, e}.approval(a)
	e.doc = nil // see index
	return nil
}

func (l *loader) loadClass(dir, name string) error {
	content, err := l.walk(dir)
	if err != nil {
		return err
	}
	if len(content.files) == 0 && len(content.faults) == 0 {
		return nil // Git knows no empty folders, disks do
	}
	e := l.declare(KindClass, name, path.Join(dir, classFileName))
	for _, f := range content.faults {
		l.report(e, f)
	}
	files, err := l.filesBeside(e, dir, content, classFileName, limits{256, 4 << 20})
	if err != nil || files == nil {
		return err
	}
	f, ok := content.files[classFileName]
	if content.faulty(e.path) {
		return nil
	}
	if !ok {
		l.report(e, Finding{Message: "is missing", Hint: "every folder in classes/ is a class"})
		return nil
	}
	o, raw, err := decode[ClassSpec](l, e, f)
	if err != nil || o == nil {
		return err
	}
	files[classFileName] = raw
	c := &Class{Metadata: o.Metadata, Spec: o.Spec, Source: Source{e.path, raw}, Files: files}
	if h, ok := l.fsys.(treeHasher); ok {
		if c.Tree, err = h.TreeHash(l.inside(dir)); err != nil {
			return fmt.Errorf("hash folder %s: %w", dir, err)
		}
	}
	e.value = c
	l.judge(e, c.Metadata, maxLabel, func(check check) { check.class(c.Spec) })
	return nil
}

func (l *loader) loadTenant(dir, name, teamFault string) error {
	content, err := l.walk(dir)
	if err != nil {
		return err
	}
	if len(content.files) == 0 && len(content.faults) == 0 {
		return nil
	}
	e := l.declare(KindTenant, name, path.Join(dir, tenantFileName))
	l.fleet.Opaque = append(l.fleet.Opaque, content.hidden...)
	for _, f := range content.faults {
		l.report(e, f)
	}
	files, err := l.tenantFiles(e, dir, content)
	if err != nil {
		return err
	}
	if teamFault != "" {
		e.message = cmp.Or(e.message, "its folder is not a team's name: "+teamFault) // found once, at the team's folder
	}
	f, ok := content.files[tenantFileName]
	if content.faulty(e.path) {
		return nil
	}
	if !ok {
		l.report(e, Finding{Message: "is missing", Hint: "every folder in a team's folder is a tenant; remove the whole folder to remove the tenant"})
		return nil
	}
	o, raw, err := decode[TenantSpec](l, e, f)
	if err != nil || o == nil {
		return err
	}
	t := &Tenant{Metadata: o.Metadata, Spec: o.Spec, Source: Source{e.path, raw}, Files: files, Tree: hashFiles(files)}
	e.value = t
	l.judge(e, t.Metadata, maxObjectName, func(c check) { c.tenant(t) })
	return nil
}
