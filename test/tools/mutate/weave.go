package main

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantry/tenantry/test/tools/overlay"
)

const (
	// variable names the mutant that a process runs; none is the code as it is.
	variable = "TENANTRY_MUTANT"
	// switchFile is what every package with mutants gets beside its own files.
	switchFile = "mutant_at_work.go"
	// lines begin the mutants' own lines: a compiler's error names the mutant by them.
	lines = "mutant-"
)

// weave gives the file with those of its mutants that are kept.
func (s *source) weave(kept func(Mutant) bool) (string, error) {
	var out, more strings.Builder
	at := 0
	for _, f := range s.functions() {
		name := nameOf(f)
		calls := ""
		for _, m := range s.mutants {
			if m.function != name || !kept(m) {
				continue
			}
			call, err := call(f, m)
			if err != nil {
				return "", fmt.Errorf("weave %s: %w", s.file, err)
			}
			calls += fmt.Sprintf(" case %d: %s;", m.ID, call)
			fmt.Fprintf(&more, "\n//line %s%d.go:1\n%s%s%s%s%s\n", lines, m.ID,
				s.text[s.at(f.Pos()):s.at(f.Name.Pos())], other(f, m), s.text[s.at(f.Name.End()):m.from], m.text, s.text[m.to:s.at(f.End())])
		}
		if calls != "" {
			body := s.at(f.Body.Lbrace) + 1
			out.WriteString(s.text[at:body] + " switch mutantAtWork {" + calls + " };")
			at = body
		}
	}
	return out.String() + s.text[at:] + more.String(), nil
}

func other(f *ast.FuncDecl, m Mutant) string { return f.Name.Name + "_mutant" + strconv.Itoa(m.ID) }

// call calls a mutant with what its function was called with.
func call(f *ast.FuncDecl, m Mutant) (string, error) {
	callee := other(f, m)
	if f.Recv != nil {
		if len(f.Recv.List[0].Names) == 0 {
			return "", fmt.Errorf("the receiver of %s has no name", f.Name.Name)
		}
		callee = f.Recv.List[0].Names[0].Name + "." + callee
	}
	if f.Type.TypeParams != nil {
		callee += "[" + strings.Join(names(f.Type.TypeParams), ", ") + "]"
	}
	args := names(f.Type.Params)
	if slices.Contains(args, "_") || len(args) != f.Type.Params.NumFields() {
		return "", fmt.Errorf("a parameter of %s has no name", f.Name.Name)
	}
	dots := ""
	if n := len(f.Type.Params.List); n > 0 {
		if _, variadic := f.Type.Params.List[n-1].Type.(*ast.Ellipsis); variadic {
			dots = "..."
		}
	}
	callee += "(" + strings.Join(args, ", ") + dots + ")"
	if f.Type.Results == nil {
		return callee + "; return", nil
	}
	return "return " + callee, nil
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

// write writes the files with their mutants, and what go build -overlay reads, into dir.
// It gives the path of the latter.
func write(root, dir string, sources []*source, kept func(Mutant) bool) (string, error) {
	woven := map[string][]byte{}
	for _, s := range sources {
		text, err := s.weave(kept)
		if err != nil {
			return "", err
		}
		woven[s.file] = []byte(text)
		woven[path.Join(path.Dir(s.file), switchFile)] = fmt.Appendf(nil, `package %s

import (
	"os"
	"strconv"
)

var mutantAtWork = func() int {
	n, err := strconv.Atoi(os.Getenv(%q))
	if err != nil {
		return -1
	}
	return n
}()
`, s.tree.Name.Name, variable)
	}
	return overlay.Write(root, dir, woven)
}
