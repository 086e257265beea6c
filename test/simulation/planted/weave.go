package planted

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/test/tools/overlay"
)

// switchFile is what every package with a bug gets beside its own files.
const switchFile = "planted_bug.go"

// Weave gives those files of the product at root, by path, that have to be otherwise so
// that it carries all the bugs.
func Weave(root string, bugs []Bug) (map[string][]byte, error) {
	woven := map[string][]byte{}
	for _, file := range files(bugs) {
		src, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return nil, fmt.Errorf("plant bugs: %w", err)
		}
		w, err := newWeaving(file, string(src))
		if err != nil {
			return nil, fmt.Errorf("plant bugs: %w", err)
		}
		for _, b := range bugs {
			if err := w.add(b); err != nil {
				return nil, fmt.Errorf("plant bug %s: %w", b.Name, err)
			}
		}
		woven[file] = w.source()
		woven[path.Join(path.Dir(file), switchFile)] = fmt.Appendf(nil,
			"package %s\n\nimport \"os\"\n\nvar plantedBug = os.Getenv(%q)\n", w.was.tree.Name.Name, Variable)
	}
	return woven, nil
}

// Packages are the folders of the files that bugs change.
func Packages(bugs []Bug) []string {
	var dirs []string
	for _, file := range files(bugs) {
		dirs = append(dirs, path.Dir(file))
	}
	return slices.Compact(dirs)
}

func files(bugs []Bug) []string {
	var all []string
	for _, b := range bugs {
		for _, e := range b.Edits {
			all = append(all, e.File)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Write weaves the bugs and writes what go build -overlay reads into dir. It gives the
// path of that file.
func Write(root, dir string, bugs []Bug) (string, error) {
	woven, err := Weave(root, bugs)
	if err != nil {
		return "", err
	}
	return overlay.Write(root, dir, woven)
}

// weaving is one file that gets several bugs.
type weaving struct {
	file string
	was  *source
	// calls stand at the beginnings of functions, by function: they go to the bugs' own.
	calls map[string][]string
	// more are declarations and imports that the bugs bring.
	more    []string
	imports []string
}

func newWeaving(file, text string) (*weaving, error) {
	was, err := read(file, text)
	return &weaving{file: file, was: was, calls: map[string][]string{}}, err
}

// add takes in what one bug changes.
func (w *weaving) add(b Bug) error {
	text, err := b.apply(w.file, w.was.text)
	if err != nil || text == w.was.text {
		return err
	}
	is, err := read(w.file, text)
	if err != nil {
		return err
	}
	for _, i := range is.tree.Imports {
		if spec := is.of(i); !slices.ContainsFunc(w.was.tree.Imports, func(old *ast.ImportSpec) bool { return w.was.of(old) == spec }) &&
			!slices.Contains(w.imports, spec) {
			w.imports = append(w.imports, spec)
		}
	}
	changed := false
	for name, f := range is.functions {
		switch old := w.was.functions[name]; {
		case old == nil:
			w.more = append(w.more, is.of(f))
		case w.was.of(old) != is.of(f):
			changed = true
			if err := w.function(b, is, f); err != nil {
				return err
			}
		}
	}
	if !changed {
		return fmt.Errorf("%s: it changes no function: constants, types and variables are the same for all bugs", w.file)
	}
	return nil
}

// function brings a function as a bug has it, and calls it from the one that is there.
func (w *weaving) function(b Bug, is *source, f *ast.FuncDecl) error {
	other := f.Name.Name + "_" + strings.ReplaceAll(b.Name, "-", "_")
	begin, name := is.at(f.Pos()), is.at(f.Name.Pos())
	w.more = append(w.more, is.text[begin:name]+other+is.text[name+len(f.Name.Name):is.at(f.End())])

	call := other
	if f.Recv != nil {
		if len(f.Recv.List[0].Names) == 0 {
			return fmt.Errorf("%s: the receiver of %s has no name", w.file, f.Name.Name)
		}
		call = f.Recv.List[0].Names[0].Name + "." + other
	}
	if f.Type.TypeParams != nil {
		call += "[" + strings.Join(names(f.Type.TypeParams), ", ") + "]"
	}
	args := names(f.Type.Params)
	if slices.Contains(args, "_") || len(args) != f.Type.Params.NumFields() {
		return fmt.Errorf("%s: a parameter of %s has no name", w.file, f.Name.Name)
	}
	call += "(" + strings.Join(args, ", ")
	if n := len(f.Type.Params.List); n > 0 {
		if _, variadic := f.Type.Params.List[n-1].Type.(*ast.Ellipsis); variadic {
			call += "..."
		}
	}
	call += ")"
	if f.Type.Results != nil {
		call = "return " + call
	} else {
		call += "; return"
	}
	key := keyOf(f)
	w.calls[key] = append(w.calls[key], fmt.Sprintf(" if plantedBug == %q { %s };", b.Name, call))
	return nil
}

func names(list *ast.FieldList) []string {
	var all []string
	for _, field := range list.List {
		for _, name := range field.Names {
			all = append(all, name.Name)
		}
	}
	return all
}

// source is the file with all bugs.
func (w *weaving) source() []byte {
	var out bytes.Buffer
	at := w.was.at(w.was.tree.Name.End())
	out.WriteString(w.was.text[:at])
	for _, spec := range w.imports {
		out.WriteString("; import " + spec)
	}
	for _, d := range w.was.tree.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || len(w.calls[keyOf(f)]) == 0 {
			continue
		}
		body := w.was.at(f.Body.Lbrace) + 1
		out.WriteString(w.was.text[at:body])
		out.WriteString(strings.Join(w.calls[keyOf(f)], ""))
		at = body
	}
	out.WriteString(w.was.text[at:])
	for _, more := range w.more {
		out.WriteString("\n" + more + "\n")
	}
	return out.Bytes()
}

// source is a file of Go, taken apart.
type source struct {
	text      string
	set       *token.FileSet
	tree      *ast.File
	functions map[string]*ast.FuncDecl
}

func read(file, text string) (*source, error) {
	s := &source{text: text, set: token.NewFileSet(), functions: map[string]*ast.FuncDecl{}}
	var err error
	if s.tree, err = parser.ParseFile(s.set, file, text, parser.SkipObjectResolution); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	for _, d := range s.tree.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			s.functions[keyOf(f)] = f
		}
	}
	return s, nil
}

func (s *source) at(p token.Pos) int { return s.set.Position(p).Offset }

func (s *source) of(n ast.Node) string { return s.text[s.at(n.Pos()):s.at(n.End())] }

// keyOf tells functions and methods of one file apart.
func keyOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	t := f.Recv.List[0].Type
	if p, ok := t.(*ast.StarExpr); ok {
		t = p.X
	}
	if i, ok := t.(*ast.IndexExpr); ok {
		t = i.X
	}
	return fmt.Sprint(t) + "." + f.Name.Name
}
