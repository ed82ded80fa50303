package lua

import (
	"errors"
	"slices"

	"github.com/yuin/gopher-lua/ast"
)

// The interpreter does not report the allocations of its instructions. So before the
// compilation, a rewriter replaces expressions that may allocate any amount by calls of
// functions that count: a .. b, {…}, and t[k] = v, which fills the gap below k.

// These are the names of the functions that count. The functions are globals, and no script
// can use these names.
const (
	concatName = "\x00concat"
	tableName  = "\x00table"
	setName    = "\x00set"
)

const (
	// maxDepth is the largest depth of nested expressions and blocks, because the compiler
	// is recursive.
	maxDepth = 500
	// maxPairs is the largest number of pairs in a call of the function for tables.
	maxPairs = 50
)

var errTooDeep = errors.New("the script has too many levels of expressions or blocks")

// A rewriter walks through a script.
type rewriter struct {
	depth int
	names int
	err   error
}

// in enters a level, or reports false at maxDepth.
func (r *rewriter) in() bool {
	r.depth++
	if r.depth > maxDepth && r.err == nil {
		r.err = errTooDeep
	}
	return r.err == nil
}

func (r *rewriter) out() { r.depth-- }

func (r *rewriter) block(stmts []ast.Stmt) []ast.Stmt {
	defer r.out()
	if !r.in() {
		return stmts
	}
	for i, stmt := range stmts {
		stmts[i] = r.stmt(stmt)
	}
	return stmts
}

func (r *rewriter) stmt(stmt ast.Stmt) ast.Stmt {
	switch s := stmt.(type) {
	case *ast.AssignStmt:
		r.exprs(s.Rhs)
		return r.assign(s)
	case *ast.LocalAssignStmt:
		r.exprs(s.Exprs)
	case *ast.FuncCallStmt:
		s.Expr = r.expr(s.Expr)
	case *ast.DoBlockStmt:
		s.Stmts = r.block(s.Stmts)
	case *ast.WhileStmt:
		s.Condition, s.Stmts = r.expr(s.Condition), r.block(s.Stmts)
	case *ast.RepeatStmt:
		s.Condition, s.Stmts = r.expr(s.Condition), r.block(s.Stmts)
	case *ast.IfStmt:
		s.Condition, s.Then, s.Else = r.expr(s.Condition), r.block(s.Then), r.block(s.Else)
	case *ast.NumberForStmt:
		s.Init, s.Limit = r.expr(s.Init), r.expr(s.Limit)
		if s.Step != nil {
			s.Step = r.expr(s.Step)
		}
		s.Stmts = r.block(s.Stmts)
	case *ast.GenericForStmt:
		r.exprs(s.Exprs)
		s.Stmts = r.block(s.Stmts)
	case *ast.FuncDefStmt:
		r.function(s.Func)
	case *ast.ReturnStmt:
		r.exprs(s.Exprs)
	case *ast.BreakStmt, *ast.LabelStmt, *ast.GotoStmt:
	default:
		r.err = errors.New("the script has a statement that is not known")
	}
	return stmt
}

// assign replaces assignments to elements of tables, unless the source has a name as the
// key.
func (r *rewriter) assign(s *ast.AssignStmt) ast.Stmt {
	counted := false
	for i, target := range s.Lhs {
		if index, ok := target.(*ast.AttrGetExpr); ok {
			index.Object, index.Key = r.expr(index.Object), r.expr(index.Key)
			counted = counted || !isName(index.Key)
			s.Lhs[i] = index
		}
	}
	switch {
	case !counted:
		return s
	case len(s.Lhs) == 1 && len(s.Rhs) == 1:
		index := s.Lhs[0].(*ast.AttrGetExpr)
		return setting(s, index.Object, index.Key, s.Rhs[0])
	}
	// All values are computed before the first assignment.
	block := &ast.DoBlockStmt{}
	block.SetLine(s.Line())
	local := func(exprs ...ast.Expr) []ast.Expr {
		assign := &ast.LocalAssignStmt{Exprs: exprs}
		assign.SetLine(s.Line())
		var idents []ast.Expr
		for range max(len(exprs), len(s.Lhs)) {
			r.names++
			name := "\x00" + string(rune('0'+r.names%10)) + string(rune(0x100+r.names))
			assign.Names = append(assign.Names, name)
			idents = append(idents, ident(s, name))
		}
		block.Stmts = append(block.Stmts, assign)
		return idents
	}
	targets := make([]ast.Expr, len(s.Lhs))
	for i, target := range s.Lhs {
		targets[i] = target
		if index, ok := target.(*ast.AttrGetExpr); ok {
			held := local(single(index.Object), single(index.Key))
			targets[i] = &ast.AttrGetExpr{Object: held[0], Key: held[1]}
			targets[i].SetLine(s.Line())
		}
	}
	values := local(s.Rhs...)
	for i, target := range targets {
		if index, ok := target.(*ast.AttrGetExpr); ok {
			block.Stmts = append(block.Stmts, setting(s, index.Object, index.Key, values[i]))
			continue
		}
		assign := &ast.AssignStmt{Lhs: []ast.Expr{target}, Rhs: []ast.Expr{values[i]}}
		assign.SetLine(s.Line())
		block.Stmts = append(block.Stmts, assign)
	}
	return block
}

// setting returns the statement that sets an element of a table.
func setting(at ast.PositionHolder, object, key, value ast.Expr) ast.Stmt {
	stmt := &ast.FuncCallStmt{Expr: calling(at, setName, object, key, single(value))}
	stmt.SetLine(at.Line())
	return stmt
}

// calling returns the call of a function that counts.
func calling(at ast.PositionHolder, name string, args ...ast.Expr) *ast.FuncCallExpr {
	call := &ast.FuncCallExpr{Func: ident(at, name), Args: args, AdjustRet: true}
	call.SetLine(at.Line())
	call.SetLastLine(at.LastLine())
	return call
}

func ident(at ast.PositionHolder, name string) ast.Expr {
	i := &ast.IdentExpr{Value: name}
	i.SetLine(at.Line())
	i.SetLastLine(at.LastLine())
	return i
}

// single returns an expression with only the first of several values.
func single(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		e.AdjustRet = true
	case *ast.Comma3Expr:
		e.AdjustRet = true
	}
	return e
}

func isName(key ast.Expr) bool {
	_, ok := key.(*ast.StringExpr)
	return ok
}

func (r *rewriter) exprs(exprs []ast.Expr) {
	for i, e := range exprs {
		exprs[i] = r.expr(e)
	}
}

func (r *rewriter) function(f *ast.FunctionExpr) { f.Stmts = r.block(f.Stmts) }

func (r *rewriter) expr(e ast.Expr) ast.Expr {
	defer r.out()
	if !r.in() {
		return e
	}
	switch e := e.(type) {
	case *ast.AttrGetExpr:
		e.Object, e.Key = r.expr(e.Object), r.expr(e.Key)
	case *ast.TableExpr:
		return r.table(e)
	case *ast.FuncCallExpr:
		if e.Func != nil {
			e.Func = r.expr(e.Func)
		}
		if e.Receiver != nil {
			e.Receiver = r.expr(e.Receiver)
		}
		r.exprs(e.Args)
	case *ast.LogicalOpExpr:
		e.Lhs, e.Rhs = r.expr(e.Lhs), r.expr(e.Rhs)
	case *ast.RelationalOpExpr:
		e.Lhs, e.Rhs = r.expr(e.Lhs), r.expr(e.Rhs)
	case *ast.ArithmeticOpExpr:
		e.Lhs, e.Rhs = r.expr(e.Lhs), r.expr(e.Rhs)
	case *ast.StringConcatOpExpr:
		return r.concat(e)
	case *ast.UnaryMinusOpExpr:
		e.Expr = r.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		e.Expr = r.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		e.Expr = r.expr(e.Expr)
	case *ast.FunctionExpr:
		r.function(e)
	case *ast.TrueExpr, *ast.FalseExpr, *ast.NilExpr, *ast.NumberExpr, *ast.StringExpr, *ast.Comma3Expr, *ast.IdentExpr:
	default:
		r.err = errors.New("the script has an expression that is not known")
	}
	return e
}

// concat replaces a .. b .. c by calls, each with no more arguments than a call may have.
func (r *rewriter) concat(e *ast.StringConcatOpExpr) ast.Expr {
	var parts []ast.Expr
	var rest ast.Expr = e
	for {
		pair, ok := rest.(*ast.StringConcatOpExpr)
		if !ok {
			parts = append(parts, single(r.expr(rest)))
			break
		}
		parts = append(parts, single(r.expr(pair.Lhs)))
		rest = pair.Rhs
	}
	for len(parts) > maxPairs {
		var calls []ast.Expr
		for group := range slices.Chunk(parts, maxPairs) {
			calls = append(calls, calling(e, concatName, group...))
		}
		parts = calls
	}
	return calling(e, concatName, parts...)
}

// table makes a table of the fields whose keys are positions or names in the source. The
// function for tables adds the other fields.
func (r *rewriter) table(e *ast.TableExpr) ast.Expr {
	var plain []*ast.Field
	var pairs []ast.Expr
	for _, field := range e.Fields {
		field.Value = r.expr(field.Value)
		if field.Key == nil || isName(field.Key) {
			plain = append(plain, field)
			continue
		}
		pairs = append(pairs, single(r.expr(field.Key)), single(field.Value))
	}
	if n := len(plain); n > 0 && plain[n-1] != e.Fields[len(e.Fields)-1] {
		single(plain[n-1].Value) // the value was not the last
	}
	e.Fields = plain
	made := calling(e, tableName, append([]ast.Expr{e}, pairs[:min(len(pairs), 2*maxPairs)]...)...)
	for pairs = pairs[min(len(pairs), 2*maxPairs):]; len(pairs) > 0; pairs = pairs[min(len(pairs), 2*maxPairs):] {
		made = calling(e, tableName, append([]ast.Expr{made}, pairs[:min(len(pairs), 2*maxPairs)]...)...)
	}
	return made
}
