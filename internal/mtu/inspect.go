package mtu

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"quicedge/internal/class"
)

// misplaced is something wrong in an expression that compiles.
type misplaced struct {
	line, character int // line from 1, character from 0
	reason          string
}

// inspect finds what a condition measures, and refuses what no class can ever be: an ISP or a province that does not exist.
func inspect(tree *ast.AST) (uses measurements, wrong *misplaced) {
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.IdentKind:
			uses.loss = uses.loss || e.AsIdent() == lossName
			uses.rtt = uses.rtt || e.AsIdent() == rttName
		case ast.CallKind:
			if literal, reason := unknownName(e.AsCall()); literal != nil && wrong == nil {
				at := tree.SourceInfo().GetStartLocation(literal.ID())
				wrong = &misplaced{at.Line(), at.Column(), reason}
			}
		}
	}))
	return uses, wrong
}

// unknownName finds the literal in a comparison with isp or province_id that names none.
func unknownName(call ast.CallExpr) (literal ast.Expr, reason string) {
	if !slices.Contains([]string{operators.Equals, operators.NotEquals, operators.In}, call.FunctionName()) {
		return nil, ""
	}
	left, right := call.Args()[0], call.Args()[1]
	if left.Kind() != ast.IdentKind {
		left, right = right, left
	}
	if left.Kind() != ast.IdentKind {
		return nil, ""
	}
	candidates := []ast.Expr{right}
	if right.Kind() == ast.ListKind {
		candidates = right.AsList().Elements()
	}
	for _, c := range candidates {
		if reason := noSuch(left.AsIdent(), c); reason != "" {
			return c, reason
		}
	}
	return nil, ""
}

func noSuch(name string, value ast.Expr) string {
	if value.Kind() != ast.LiteralKind {
		return ""
	}
	switch v := value.AsLiteral().(type) {
	case types.String:
		if isp, err := class.ParseISP(string(v)); name == ispName && (err != nil || isp.String() != string(v)) {
			return fmt.Sprintf("no class has the isp %q: use one of %v", string(v), class.ISPs())
		}
	case types.Int:
		if name == provinceName && (v < 0 || v > 99 || !class.Province(v).Valid()) {
			return fmt.Sprintf("no class has the province %d: use a code of GB/T 2260, 0 for unknown", v)
		}
	}
	return ""
}
