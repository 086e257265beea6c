package render

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/fleet/strict"
)

// Bounds of a provider's folder. The largest that the binary carries has 25 files and
// 40 KiB. How large a file may be is the same as for overlays.
const (
	maxProviderFiles = 200
	maxProviderBytes = 4 << 20
	maxProviderDepth = 8
)

// descriptionFile is where a provider is described; testFolder holds its inputs, goldens
// and cases, which are no part of it.
const (
	descriptionFile = "provider.yaml"
	testFolder      = "testdata"
)

// Source is a provider as it stands in a folder, with nothing wrong in it. It never
// changes.
type Source struct {
	base *base
	dir  string
	// places know where the fields of the description stand.
	places *reading
}

// ReadProvider reads the provider in folder dir of fsys, providers/acme for example, and
// says all that is wrong with it, each with its place; with findings there is no Source.
// The folder may be anybody's: nothing of it is fetched, followed or run.
//
// An error means that something could not be read, although it is there.
//
// What a base makes of a tenant is not judged here: see Source.Check.
func ReadProvider(fsys fs.FS, dir string) (*Source, fleet.Findings, error) {
	f := &folder{fsys: fsys, dir: dir, files: map[string][]byte{}}
	if err := f.walk("", 0); err != nil {
		return nil, nil, fmt.Errorf("read provider %s: %w", dir, err)
	}
	if f.full() {
		f.fault("", fmt.Sprintf("has more than %d files, or more than %d MiB", maxProviderFiles, maxProviderBytes>>20), "a provider is a base and what tells of it")
	}
	r := &reading{file: path.Join(dir, descriptionFile), findings: f.findings}
	b := r.read(path.Base(dir), f.files)
	r.findings.Sort()
	if len(r.findings) > 0 {
		return nil, r.findings, nil
	}
	return &Source{base: b, dir: dir, places: r}, nil, nil
}

// folder is a provider's folder while it is read.
type folder struct {
	fsys     fs.FS
	dir      string
	files    map[string][]byte
	bytes    int
	findings fleet.Findings
}

func (f *folder) fault(rel, message, hint string) {
	f.findings = append(f.findings, fleet.Finding{File: path.Join(f.dir, rel), Message: message, Hint: hint}.Fit())
}

// full tells that there is more than a provider has.
func (f *folder) full() bool {
	return len(f.files) > maxProviderFiles || f.bytes > maxProviderBytes || len(f.findings) > maxProviderFiles
}

// walk reads the files of a folder and of those below it. It goes on until there is too
// much: who mends one file wants to know of the next.
func (f *folder) walk(rel string, depth int) error {
	entries, err := fs.ReadDir(f.fsys, path.Join(f.dir, rel))
	if err != nil {
		return err
	}
	for _, e := range entries {
		file := path.Join(rel, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."), file == testFolder && e.IsDir(), e.Name() == "README.md" && e.Type().IsRegular():
		case e.IsDir() && depth >= maxProviderDepth:
			f.fault(file, fmt.Sprintf("is nested more than %d folders deep", maxProviderDepth), "")
		case e.IsDir():
			if err := f.walk(file, depth+1); err != nil {
				return err
			}
		case e.Type()&fs.ModeSymlink != 0:
			f.fault(file, "is a symbolic link", "commit an ordinary file: links are not followed")
		case !e.Type().IsRegular():
			f.fault(file, "is neither a file nor a folder", "commit an ordinary file")
		default:
			if err := f.read(file, e); err != nil {
				return err
			}
		}
		if f.full() {
			return nil
		}
	}
	return nil
}

func (f *folder) read(file string, e fs.DirEntry) error {
	info, err := e.Info()
	if err != nil {
		return err
	}
	if info.Size() > maxFileBytes {
		f.fault(file, fmt.Sprintf("has %d bytes: want %d at most", info.Size(), maxFileBytes), "")
		return nil
	}
	data, err := fs.ReadFile(f.fsys, path.Join(f.dir, file))
	if err != nil {
		return err
	}
	f.files[file] = data
	f.bytes += len(data)
	if ext := path.Ext(file); ext == ".yaml" || ext == ".yml" {
		f.scan(file, data)
	}
	return nil
}

// scan looks through YAML for what is fatal to who resolves it.
func (f *folder) scan(file string, data []byte) {
	if file == descriptionFile {
		return // it is read more strictly
	}
	problems := strict.Scan(data)
	for _, p := range problems {
		f.findings = append(f.findings, fleet.Finding{
			File: path.Join(f.dir, file), Line: p.Line, Column: p.Column, Field: p.Field, Message: p.Message, Hint: p.Hint,
		}.Fit())
	}
	if len(problems) > 0 {
		return
	}
	if _, err := documents(data); err != nil {
		f.fault(file, err.Error(), "")
	}
}
