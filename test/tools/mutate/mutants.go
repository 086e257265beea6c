package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Mutant is one change of one function.
type Mutant struct {
	ID   int
	File string // from the root of the product, with slashes
	Line int
	// Key says what changes, and is the same wherever in the file the function stands.
	Key string

	function string
	from, to int // offsets in the file
	text     string
}

func (m Mutant) room() string { return path.Dir(m.File) }

func (m Mutant) String() string {
	return fmt.Sprintf("%s:%d %s", m.File, m.Line, strings.TrimPrefix(m.Key, m.File+" "))
}

// source is a file of Go, taken apart.
type source struct {
	file, text string
	set        *token.FileSet
	tree       *ast.File
	mutants    []Mutant
	keys       map[string]int
	function   string // the one that is looked at
}

// find gives a file with its mutants, in the order of the text.
func find(file, text string) (*source, error) {
	s := &source{file: file, text: text, set: token.NewFileSet(), keys: map[string]int{}}
	var err error
	if s.tree, err = parser.ParseFile(s.set, file, text, parser.SkipObjectResolution); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	for _, f := range s.functions() {
		s.function = nameOf(f)
		if one := only(f.Body); one == nil {
			s.add(f.Body.Lbrace+1, f.Body.Lbrace+1, " return "+zeros(s, f.Type)+";", "the function returns at once")
		}
		s.statements(f.Type, f.Body)
	}
	return s, nil
}

// functions are those that can have mutants.
func (s *source) functions() []*ast.FuncDecl {
	var all []*ast.FuncDecl
	for _, d := range s.tree.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil && len(f.Body.List) > 0 {
			all = append(all, f)
		}
	}
	return all
}

// statements finds what can be changed in a function, and in those within it.
func (s *source) statements(t *ast.FuncType, body *ast.BlockStmt) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			s.statements(n.Type, n.Body)
			return false
		case *ast.BlockStmt:
			s.removals(n.List)
		case *ast.SwitchStmt:
			s.cases(n)
		case *ast.CaseClause:
			s.removals(n.Body)
		case *ast.IfStmt:
			s.negate(n.Cond)
		case *ast.ForStmt:
			s.negate(n.Cond)
		case *ast.ReturnStmt:
			if !slices.ContainsFunc(n.Results, func(e ast.Expr) bool { return !s.plain(e) }) {
				break
			}
			s.replace(n, "return "+zeros(s, t))
		case *ast.IncDecStmt:
			s.operator(n, n.TokPos, n.Tok)
		case *ast.AssignStmt:
			s.operator(n, n.TokPos, n.Tok)
		case ast.Expr:
			s.expression(n)
		}
		return true
	})
}

// others are what operators become.
var others = map[token.Token][]token.Token{
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR},
	token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
	token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL}, token.REM: {token.MUL},
	token.INC: {token.DEC}, token.DEC: {token.INC},
	token.ADD_ASSIGN: {token.SUB_ASSIGN}, token.SUB_ASSIGN: {token.ADD_ASSIGN},
}

func (s *source) operator(n ast.Node, at token.Pos, op token.Token) {
	for _, other := range others[op] {
		was := s.of(n)
		middle := s.at(at) - s.at(n.Pos())
		is := was[:middle] + other.String() + was[middle+len(op.String()):]
		s.add(at, at+token.Pos(len(op.String())), other.String(), becomes(was, is))
	}
}

func (s *source) expression(e ast.Expr) {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		s.operator(e, e.OpPos, e.Op)
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			s.replace(e, s.of(e.X))
		}
	case *ast.Ident:
		switch e.Name {
		case "true":
			s.replace(e, "false")
		case "false":
			s.replace(e, "true")
		}
	case *ast.BasicLit:
		if n, err := strconv.Atoi(e.Value); err == nil && e.Kind == token.INT {
			s.replace(e, strconv.Itoa(n+1))
		}
	case *ast.CallExpr:
		if name, ok := e.Fun.(*ast.Ident); ok && name.Name == "append" && len(e.Args) > 1 {
			s.replace(e, s.of(e.Args[0]))
		}
	}
}

// negate turns a condition round, unless another mutant does.
func (s *source) negate(cond ast.Expr) {
	switch c := cond.(type) {
	case nil:
		return
	case *ast.UnaryExpr:
		if c.Op == token.NOT {
			return
		}
	case *ast.BinaryExpr:
		if c.Op != token.LAND && c.Op != token.LOR {
			return
		}
	}
	s.replace(cond, "!("+s.of(cond)+")")
}

// cases has each case of a switch left out, and conditions turned round.
func (s *source) cases(n *ast.SwitchStmt) {
	for _, c := range n.Body.List {
		clause := c.(*ast.CaseClause)
		s.add(clause.Pos(), clause.End(), "", "the case is gone")
		for _, cond := range clause.List {
			if n.Tag == nil {
				s.negate(cond)
			}
		}
	}
}

// removals has each statement left out that something depends on only when it runs.
func (s *source) removals(list []ast.Stmt) {
	for _, statement := range list {
		switch n := statement.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				continue
			}
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.BranchStmt, *ast.DeferStmt, *ast.ReturnStmt:
		default:
			continue
		}
		s.add(statement.Pos(), statement.End(), "", "`"+short(s.of(statement))+"` is gone")
	}
}

// plain tells whether an expression is a zero value already.
func (s *source) plain(e ast.Expr) bool {
	switch text := s.of(e); text {
	case "nil", "0", `""`, "true", "false": // the last two are turned round anyway
		return true
	default:
		return strings.HasSuffix(text, "{}")
	}
}

func (s *source) replace(n ast.Node, is string) {
	s.add(n.Pos(), n.End(), is, becomes(s.of(n), is))
}

func (s *source) add(from, to token.Pos, text, what string) {
	at := s.set.Position(from)
	key := fmt.Sprintf("%s %s: `%s`: %s", s.file, s.function, short(s.line(at.Line)), what)
	if s.keys[key]++; s.keys[key] > 1 {
		key += fmt.Sprintf(" (%d)", s.keys[key])
	}
	s.mutants = append(s.mutants, Mutant{
		File: s.file, Line: at.Line, Key: key,
		function: s.function, from: at.Offset, to: s.at(to), text: text,
	})
}

func (s *source) line(n int) string { return strings.Split(s.text, "\n")[n-1] }

func (s *source) at(p token.Pos) int { return s.set.Position(p).Offset }

func (s *source) of(n ast.Node) string { return s.text[s.at(n.Pos()):s.at(n.End())] }

// zeros are the zero values of a function's results.
func zeros(s *source, t *ast.FuncType) string {
	if t.Results == nil {
		return ""
	}
	var all []string
	for _, field := range t.Results.List {
		for range max(1, len(field.Names)) {
			all = append(all, "*new("+s.of(field.Type)+")")
		}
	}
	return strings.Join(all, ", ")
}

// only is the return that a function consists of, if it does.
func only(body *ast.BlockStmt) *ast.ReturnStmt {
	if len(body.List) != 1 {
		return nil
	}
	one, _ := body.List[0].(*ast.ReturnStmt)
	return one
}

func becomes(was, is string) string { return fmt.Sprintf("`%s` becomes `%s`", short(was), short(is)) }

// short is a text on one line, and not a long one.
func short(text string) string {
	line := []rune(strings.Join(strings.Fields(text), " "))
	if len(line) > 120 {
		return string(line[:120]) + "…"
	}
	return string(line)
}

// nameOf tells functions and methods of one file apart.
func nameOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	t := f.Recv.List[0].Type
	if p, ok := t.(*ast.StarExpr); ok {
		t = p.X
	}
	return fmt.Sprint(t) + "." + f.Name.Name
}
