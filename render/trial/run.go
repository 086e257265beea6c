package trial

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/tenantry/tenantry/fleet"
	"github.com/tenantry/tenantry/render"
)

// Options of a trial.
type Options struct {
	// Image is our own image, as goldens have it.
	Image string
	// Update takes what is rendered for right: it is in Report.Goldens, and no case fails
	// for being another.
	Update bool
}

// Image is what goldens name for our own image.
const Image = "ghcr.io/tenantry/tenantry:v0.1.0"

// Endings of the files in testdata/.
const (
	folder = "testdata"
	input  = ".input.yaml"
	golden = ".golden.yaml"
	health = ".health.yaml"
)

// Run tries the provider in folder dir of fsys, which may be anybody's.
//
// An error means that something could not be read, although it is there.
func Run(fsys fs.FS, dir string, o Options) (*Report, error) {
	t := &trial{fsys: fsys, dir: dir, options: o, report: &Report{Goldens: map[string][]byte{}}, seen: map[string]map[render.State]bool{}, refused: map[string]bool{}}
	source, findings, err := render.ReadProvider(fsys, dir)
	if err != nil {
		return nil, err
	}
	if len(findings) > 0 {
		t.add(Case{Name: "provider.yaml", Problems: findings})
		return t.report, nil
	}
	t.source = source
	t.report.Provider, t.report.BaseVersion = source.Name(), source.BaseVersion()
	t.report.Notes = words(source.Capabilities())
	if findings := source.Check(); len(findings) > 0 {
		t.add(Case{Name: "provider.yaml", Problems: findings})
		return t.report, nil
	}
	t.add(Case{Name: "provider.yaml"})
	t.cost()
	if err := t.files(); err != nil {
		return nil, err
	}
	t.coverage()
	return t.report, nil
}

type trial struct {
	fsys    fs.FS
	dir     string
	options Options
	source  *render.Source
	report  *Report
	// seen are the states that cases saw of each rule, by its field.
	seen map[string]map[render.State]bool
	// refused are files of testdata/ that are not read.
	refused map[string]bool
}

func (t *trial) add(c Case) {
	for _, findings := range []fleet.Findings{c.Problems, c.Warnings} {
		for i := range findings {
			// Everything is below the folder that is tried.
			findings[i].File = strings.TrimPrefix(findings[i].File, t.dir+"/")
		}
	}
	t.report.Cases = append(t.report.Cases, c)
}

// Bounds of testdata/: the largest that is known has 40 files.
const (
	maxFiles = 500
	maxBytes = 1 << 20
)

// files tries every file of testdata/.
func (t *trial) files() error {
	dir := path.Join(t.dir, folder)
	entries, err := fs.ReadDir(t.fsys, dir)
	if err != nil && !missing(t.fsys, dir) {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	if len(entries) > maxFiles {
		t.add(Case{Name: folder, Problems: fleet.Findings{{File: folder, Message: fmt.Sprintf("has %d files: want %d at most", len(entries), maxFiles)}}})
		return nil
	}
	files := map[string][]byte{}
	for _, e := range entries {
		name := path.Join(folder, e.Name())
		if strings.HasPrefix(e.Name(), ".") || e.Name() == "README.md" {
			continue
		}
		message, err := t.fault(e)
		if err != nil {
			return err
		}
		if message != "" {
			t.refused[name] = true
			t.add(Case{Name: name, Problems: fleet.Findings{{File: name, Message: message}}})
			continue
		}
		if files[name], err = fs.ReadFile(t.fsys, path.Join(t.dir, name)); err != nil {
			return err
		}
	}
	t.strays(files)
	inputs := 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if stem, ok := strings.CutSuffix(name, input); ok {
			inputs++
			t.try(stem, files)
		}
	}
	if inputs == 0 {
		t.add(Case{Name: folder, Problems: fleet.Findings{{File: folder, Message: "has no *" + input, Hint: "nothing was rendered: docs/providers.md shows one"}}})
	}
	return nil
}

// missing tells whether there is no such folder: then it is empty.
func missing(fsys fs.FS, dir string) bool {
	entries, err := fs.ReadDir(fsys, path.Dir(dir))
	return err == nil && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == path.Base(dir) })
}

// fault says why an entry of testdata/ is not read.
func (t *trial) fault(e fs.DirEntry) (string, error) {
	if e.Type()&fs.ModeSymlink != 0 {
		return "is a symbolic link: links are not followed", nil
	}
	if !e.Type().IsRegular() {
		return "is not a file", nil
	}
	info, err := e.Info()
	if err != nil {
		return "", err
	}
	if info.Size() > maxBytes {
		return fmt.Sprintf("has %d bytes: want %d at most", info.Size(), maxBytes), nil
	}
	return "", nil
}

// strays tells of files that nothing tries.
func (t *trial) strays(files map[string][]byte) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		stem, ok := name, false
		for _, end := range []string{golden, health} {
			if s, has := strings.CutSuffix(name, end); has {
				stem, ok = s, true
			}
		}
		switch {
		case strings.HasSuffix(name, input):
		case !ok:
			t.add(Case{Name: name, Problems: fleet.Findings{{File: name, Message: "is not read", Hint: "want <name>" + input + ", <name>" + golden + " or <name>" + health}}})
		case files[stem+input] == nil:
			t.add(Case{Name: name, Problems: fleet.Findings{{File: name, Message: "has no " + stem + input}}})
		}
	}
}

// try tries an input, with its golden and its cases of health.
func (t *trial) try(stem string, files map[string][]byte) {
	c := Case{Name: stem + input}
	example, findings := render.ReadExample(c.Name, files[c.Name])
	if len(findings) == 0 {
		findings = t.foreign(c.Name, example)
	}
	if len(findings) > 0 {
		c.Problems = findings
		t.add(c)
		return
	}
	unit, err := example.Unit(t.source.Renderer(t.options.Image))
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") { // all that is wrong is in one error
			c.Problems = append(c.Problems, fleet.Finding{File: c.Name, Message: line}.Fit())
		}
		t.add(c)
		return
	}
	c.Problems = t.again(c.Name, example, unit)
	t.compare(&c, stem+golden, files, unit)
	born := newborn(unit)
	if h := unit.Provider.Judge(born); h.State == render.Current && len(unit.Provider.Rules()) > 0 {
		c.Problems = append(c.Problems, fleet.Finding{File: c.Name, Message: "is current as soon as its objects are there, before anybody has looked at them",
			Hint: "a rule has to ask for something that only a controller writes into the status"})
	}
	t.add(c)
	if data, ok := files[stem+health]; ok {
		t.health(stem+health, data, unit)
	}
}

// foreign tells of an input that is not this provider's.
func (t *trial) foreign(file string, e *render.Example) fleet.Findings {
	if e.Provider() != t.source.Name() || e.BaseVersion() != t.source.BaseVersion() {
		return fleet.Findings{{File: file, Message: fmt.Sprintf("is of provider %q with base version %q", e.Provider(), e.BaseVersion()),
			Hint: fmt.Sprintf("want %s with %q", t.source.Name(), t.source.BaseVersion())}}
	}
	return nil
}

// again holds the unit against one that is rendered anew, by a renderer that knows nothing
// of the first.
func (t *trial) again(file string, e *render.Example, unit *render.Unit) fleet.Findings {
	second, err := e.Unit(t.source.Renderer(t.options.Image))
	switch {
	case err != nil:
		return fleet.Findings{fleet.Finding{File: file, Message: "cannot be rendered again: " + err.Error()}.Fit()}
	case second.Digest != unit.Digest:
		return fleet.Findings{{File: file, Message: "is not the same when it is rendered again"}}
	}
	return nil
}

// compare holds the unit against its golden file.
func (t *trial) compare(c *Case, name string, files map[string][]byte, unit *render.Unit) {
	got, err := unit.Golden()
	if err != nil {
		c.Problems = append(c.Problems, fleet.Finding{File: c.Name, Message: err.Error()}.Fit())
		return
	}
	want, ok := files[name]
	if ok && string(want) == got {
		return
	}
	if t.refused[name] {
		return // it is told what is wrong with it, and nothing is written there
	}
	t.report.Goldens[name] = []byte(got)
	switch {
	case t.options.Update:
	case !ok:
		c.Problems = append(c.Problems, fleet.Finding{File: name, Message: "is missing", Hint: "--update writes it; then read it, and commit it"})
	default:
		_, c.Diff, _ = strings.Cut(string(diff.Diff(name, want, "rendered", []byte(got))), "\n") // the first line repeats the next two
		c.Problems = append(c.Problems, fleet.Finding{File: name, Message: "is not what is rendered", Hint: "if it should be so, --update writes it anew"})
	}
}
