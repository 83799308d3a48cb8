package installer

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"testing"
)

// TestEveryStepIsCarriedOut holds the steps that plan has against those that do knows.
func TestEveryStepIsCarriedOut(t *testing.T) {
	parse := func(name string) *ast.File {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	known := map[string]bool{}
	ast.Inspect(parse("steps.go"), func(n ast.Node) bool {
		c, ok := n.(*ast.CaseClause)
		if !ok {
			return true
		}
		for _, e := range c.List {
			known[e.(*ast.SelectorExpr).Sel.Name] = true
		}
		return true
	})
	planned := map[string]bool{}
	for _, d := range parse("plan/step_markers.go").Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			planned[f.Recv.List[0].Type.(*ast.Ident).Name] = true
		}
	}
	if len(planned) < 30 || !maps.Equal(planned, known) {
		t.Errorf("plan has %v,\nthe installer knows %v", slices.Sorted(maps.Keys(planned)), slices.Sorted(maps.Keys(known)))
	}
}
