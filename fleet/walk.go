package fleet

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/fleet/strict"
)

// maxFolderDepth bounds how deep folders are looked into.
const maxFolderDepth = 8

// root reads the repository's top level.
func (l *loader) root() error {
	entries, err := l.readDir(".")
	if err != nil {
		return err
	}
	folders := map[string]func() error{
		shardFolder:    func() error { return l.once(shardFolder, func() error { return l.flat(shardFolder, l.loadShard) }) },
		storeFolder:    func() error { return l.once(storeFolder, func() error { return l.flat(storeFolder, l.loadDataStore) }) },
		providerFolder: l.providerFolders,
		classFolder:    l.classFolders,
		tenantFolder:   l.teams,
		approvalFolder: func() error {
			return l.once(approvalFolder, func() error { return l.flat(approvalFolder, l.loadApproval) })
		},
	}
	for _, e := range entries {
		name := e.Name()
		if name == settingsFile {
			if err := l.loadSettings(e); err != nil {
				return err
			}
			continue
		}
		read, known := folders[name]
		switch {
		case known && e.IsDir():
			if err := read(); err != nil {
				return err
			}
		case known:
			l.opaque(name, "is not a folder: "+describe(e), "declarations are files in this folder")
		case folders[strings.ToLower(name)] != nil, strings.ToLower(name) == settingsFile, name == "fleet.yml":
			want := strings.TrimSuffix(strings.ToLower(name), ".yml")
			if want == "fleet" {
				want = settingsFile
			}
			l.remark(name, "is not read", fmt.Sprintf("did you mean %s?", want))
		}
	}
	if l.settings == nil {
		l.remark(settingsFile, "is missing", "every fleet has one; the shortest has the lines apiVersion: "+APIVersion+" and kind: Fleet")
	}
	return nil
}

// flat reads a folder of files, one declaration each.
func (l *loader) flat(folder string, load func(file, name string, e fs.DirEntry) error) error {
	kind := map[string]string{shardFolder: KindShard, storeFolder: KindDataStore, approvalFolder: KindApproval}[folder]
	entries, err := l.readDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		file := path.Join(folder, e.Name())
		name, isYAML := strings.CutSuffix(e.Name(), ".yaml")
		switch {
		case ignored(e):
		case e.IsDir():
			l.opaque(file, "is a folder", fmt.Sprintf("%s/ holds files only, one %s each", folder, lowerKind(kind)))
		case isYAML:
			if err := load(file, name, e); err != nil {
				return err
			}
		case !e.Type().IsRegular():
			l.opaque(file, describe(e), "commit an ordinary file")
		default:
			l.unknownFile(kind, folder, e, fmt.Sprintf("%s stands in %s/<name>.yaml", aKind(kind), folder))
		}
	}
	return nil
}

// classFolders reads classes/<name>/.
func (l *loader) classFolders() error {
	entries, err := l.readDir(classFolder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		dir := path.Join(classFolder, e.Name())
		switch {
		case ignored(e):
		case e.IsDir():
			if err := l.once(dir, func() error { return l.loadClass(dir, e.Name()) }); err != nil {
				return err
			}
		case !e.Type().IsRegular():
			l.opaque(dir, describe(e), "commit an ordinary folder")
		default:
			l.unknownFile(KindClass, classFolder, e, "a class stands in classes/<name>/class.yaml")
		}
	}
	return nil
}

// teams reads tenants/<team>/.
func (l *loader) teams() error {
	entries, err := l.readDir(tenantFolder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		dir := path.Join(tenantFolder, e.Name())
		switch {
		case ignored(e):
		case e.IsDir():
			if err := l.once(dir, func() error { return l.team(dir, e.Name()) }); err != nil {
				return err
			}
		case !e.Type().IsRegular():
			l.opaque(dir, describe(e), "commit an ordinary folder")
		default:
			l.unknownFile(KindTenant, tenantFolder, e, tenantPlace)
		}
	}
	return nil
}

const tenantPlace = "a tenant stands in tenants/<team>/<name>/tenant.yaml"

// team reads tenants/<team>/<name>/.
func (l *loader) team(dir, team string) error {
	entries, err := l.readDir(dir)
	if err != nil {
		return err
	}
	teamFault := nameFault(team, maxLabel)
	if teamFault != "" {
		l.remark(dir, "is not a team's name: "+teamFault, "rename the folder")
	}
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		switch {
		case ignored(e):
		case e.IsDir():
			if err := l.once(p, func() error { return l.loadTenant(p, e.Name(), teamFault) }); err != nil {
				return err
			}
		case e.Name() == tenantFileName:
			l.stray(KindTenant, team, p, "stands in a team's folder", tenantPlace)
		case !e.Type().IsRegular():
			l.opaque(p, describe(e), "commit an ordinary folder")
		default:
			l.unknownFile(KindTenant, dir, e, tenantPlace)
		}
	}
	return nil
}

// unknownFile is a file where only declarations stand. One that looks like a
// declaration keeps its name from being taken for absent.
func (l *loader) unknownFile(kind, folder string, e fs.DirEntry, hint string) {
	file := path.Join(folder, e.Name())
	switch ext := path.Ext(e.Name()); strings.ToLower(ext) {
	case ".yaml", ".yml", ".json":
		l.stray(kind, strings.TrimSuffix(e.Name(), ext), file, "is not read", hint)
	default:
		l.remark(file, "is not read", hint+"; README.md and names that begin with a dot are let be")
	}
}

// ignored says whether an entry may stand anywhere without being read.
func ignored(e fs.DirEntry) bool {
	return strings.HasPrefix(e.Name(), ".") || e.Name() == "README.md" && e.Type().IsRegular()
}

// describe says why an entry is not an ordinary file.
func describe(e fs.DirEntry) string {
	switch {
	case e.Type()&fs.ModeSymlink != 0:
		return "is a symbolic link"
	case e.IsDir():
		return "is a folder"
	case e.Type().IsRegular():
		return "is a file"
	}
	return "is neither a file nor a folder (a submodule?)"
}

// folder is the content of one declaration's folder.
type folder struct {
	// files are the ordinary files by path relative to the folder.
	files map[string]fs.DirEntry
	order []string
	// faults are what cannot be read, by path relative to the folder.
	faults []Finding
	// hidden are subfolders that were not looked into.
	hidden []string
}

// faulty says whether the file itself has a fault, so that it is not missing.
func (f folder) faulty(file string) bool {
	return slices.ContainsFunc(f.faults, func(fault Finding) bool { return fault.File == file })
}

// walk lists a folder with all its subfolders.
func (l *loader) walk(dir string) (folder, error) {
	out := folder{files: map[string]fs.DirEntry{}}
	err := l.walkInto(&out, dir, "", 0)
	return out, err
}

func (l *loader) walkInto(out *folder, dir, prefix string, depth int) error {
	entries, err := l.readDir(path.Join(dir, prefix))
	if err != nil {
		return err
	}
	folded := map[string]string{}
	for _, e := range entries {
		rel := path.Join(prefix, e.Name())
		file := path.Join(dir, rel)
		fault := func(message, hint string) {
			out.faults = append(out.faults, Finding{File: file, Message: message, Hint: hint})
		}
		lower := strings.ToLower(e.Name())
		if twin, ok := folded[lower]; ok {
			fault(fmt.Sprintf("differs from %s only in case", twin), "rename one: some file systems hold only one of them")
		}
		folded[lower] = e.Name()
		switch {
		case e.IsDir() && depth >= maxFolderDepth:
			fault(fmt.Sprintf("is nested more than %d folders deep", maxFolderDepth), "")
			out.hidden = append(out.hidden, file)
		case e.IsDir():
			if err := l.walkInto(out, dir, rel, depth+1); err != nil {
				return err
			}
		case !e.Type().IsRegular():
			fault(describe(e), "commit an ordinary file")
		default:
			out.files[rel] = e
			out.order = append(out.order, rel)
		}
	}
	return nil
}

// inside gives the path in fsys of a path in the repository.
func (l *loader) inside(p string) string {
	switch {
	case l.base == "":
		return p
	case p == l.base:
		return "."
	}
	return strings.TrimPrefix(p, l.base+"/")
}

func (l *loader) readDir(dir string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(l.fsys, l.inside(dir))
	if err != nil {
		return nil, fmt.Errorf("read folder %s: %w", dir, err)
	}
	return entries, nil
}

// maxFileSize bounds every file of a fleet; declarations are far smaller.
const maxFileSize = 1 << 20

// read gives a file's content. A file that is too large gives a problem instead
// and is not read at all.
func (l *loader) read(file string, e fs.DirEntry) ([]byte, []strict.Problem, error) {
	info, err := e.Info()
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", file, err)
	}
	tooLarge := []strict.Problem{{
		Message: fmt.Sprintf("is larger than 1 MiB (%d bytes)", info.Size()), Hint: "no file of a fleet may be larger"}}
	if info.Size() > maxFileSize {
		return nil, tooLarge, nil
	}
	data, err := fs.ReadFile(l.fsys, l.inside(file))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("read %s: %w", file, err)
	case len(data) > maxFileSize:
		return nil, tooLarge, nil
	}
	return data, nil, nil
}
