package expression

import (
	"errors"
	"fmt"
	"reflect"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"rackhand/config/problem"
)

// signature is a nil function of the type func(string) RETURNS.
func (f Function) signature() any {
	return reflect.New(reflect.FuncOf([]reflect.Type{reflect.TypeFor[string]()}, []reflect.Type{reflect.TypeOf(f.Returns)}, false)).Interface()
}

// look notes the names that an expression uses, puts calls of sibling functions in place, and
// finds mistakes that the check of types doesn't find.
func (e *Expression) look(node *ast.Node, text string, names Names) *Mistake {
	ast.Walk(node, names.siblings())
	v := &looker{e: e, text: text, names: names, tolerated: map[ast.Node]bool{}}
	ast.Walk(node, tolerance{v})
	ast.Walk(node, v)
	return v.mistake
}

// siblings turns f("a").x into a call of the function "f.x", if there is one.
func (names Names) siblings() ast.Visitor { return siblings(names) }

type siblings Names

func (s siblings) Visit(node *ast.Node) {
	member, ok := (*node).(*ast.MemberNode)
	if !ok {
		return
	}
	call, ok := member.Node.(*ast.CallNode)
	if !ok {
		return
	}
	callee, isName := call.Callee.(*ast.IdentifierNode)
	property, isText := member.Property.(*ast.StringNode)
	if !isName || !isText {
		return
	}
	if _, ok := s.Functions[callee.Value+"."+property.Value]; ok {
		name := &ast.IdentifierNode{Value: callee.Value + "." + property.Value}
		name.SetLocation(callee.Location())
		ast.Patch(node, &ast.CallNode{Callee: name, Arguments: call.Arguments})
	}
}

// tolerance finds the members that may be missing: those on the left of ?? and before ?.
type tolerance struct{ v *looker }

func (t tolerance) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.BinaryNode:
		if n.Operator == "??" {
			t.tolerate(n.Left)
		}
	case *ast.MemberNode:
		if n.Optional {
			t.tolerate(n)
		}
	}
}

func (t tolerance) tolerate(n ast.Node) {
	for {
		switch m := n.(type) {
		case *ast.ChainNode:
			n = m.Node
		case *ast.MemberNode:
			t.v.tolerated[m] = true
			n = m.Node
		default:
			return
		}
	}
}

// looker looks at every node.
type looker struct {
	e         *Expression
	text      string
	names     Names
	tolerated map[ast.Node]bool
	mistake   *Mistake
}

func (v *looker) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		v.e.uses[n.Value] = true
		if strings.HasPrefix(n.Value, "$") {
			v.found(n.Location(), foreign(n.Value), "unknown name "+n.Value)
		}
	case *ast.VariableDeclaratorNode:
		if strings.HasPrefix(n.Name, "$") {
			v.found(n.Location(), "", "a name can't begin with $")
		}
	case *ast.CallNode:
		v.call(n)
	case *ast.BuiltinNode:
		// Each character is looked up in the second text.
		if n.Name == "trim" && len(n.Arguments) > 1 {
			v.found(n.Arguments[1].Location(), "use trimPrefix or trimSuffix", "trim takes one text")
		}
	case *ast.BinaryNode:
		if n.Operator == "matches" {
			if _, err := patternSize(n.Right); err != nil {
				v.found(n.Right.Location(), "", err.Error())
			}
		}
	case *ast.MemberNode:
		v.member(n)
	}
}

// maxPattern bounds the states of a regular expression: x{1000} has a thousand.
const maxPattern = 4000

const maxPatternText = 500 // bytes

// patternSize is how many states a regular expression has. It must be written as a text, so
// that its size is known.
func patternSize(n ast.Node) (int, error) {
	text, ok := n.(*ast.StringNode)
	if !ok {
		return 0, errors.New("the pattern of matches must be a text in quotes")
	}
	if len(text.Value) > maxPatternText {
		return 0, fmt.Errorf("the pattern has %d bytes; at most %d are allowed", len(text.Value), maxPatternText)
	}
	parsed, err := syntax.Parse(text.Value, syntax.Perl)
	if err != nil {
		return 0, err
	}
	p, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0, err
	}
	if len(p.Inst) > maxPattern {
		return 0, fmt.Errorf("the pattern has %d states; at most %d are allowed", len(p.Inst), maxPattern)
	}
	return len(p.Inst), nil
}

// call checks the text that a function is called with.
func (v *looker) call(n *ast.CallNode) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || len(n.Arguments) != 1 {
		return
	}
	f, known := v.names.Functions[callee.Value]
	if !known {
		return
	}
	text, ok := n.Arguments[0].(*ast.StringNode)
	if !ok {
		v.found(n.Arguments[0].Location(), "", callee.Value+" takes a text in quotes")
		return
	}
	c := Call{Function: callee.Value, Text: text.Value}
	c.Line, c.Column = place(v.text, text.Location().From)
	v.e.calls = append(v.e.calls, c)
	if f.Check != nil {
		if hint, err := f.Check(text.Value); err != nil {
			v.found(text.Location(), hint, err.Error())
		}
	}
}

// member checks the keys of an open value.
func (v *looker) member(n *ast.MemberNode) {
	path, ok := constantPath(n)
	if !ok || !slices.Contains(v.names.Open, path[0]) || v.tolerated[n] {
		return
	}
	at := Type(v.names.Values)
	for i, key := range path {
		m, isMap := at.(Map)
		if !isMap {
			return
		}
		next, known := m[key]
		if !known {
			if m[Extra] != nil && i > 0 && len(m) == 1 { // a mapping of any keys
				return
			}
			var keys []string
			for key := range m {
				if key != Extra {
					keys = append(keys, key)
				}
			}
			v.found(n.Property.Location(), problem.DidYouMean(key, keys), "there is no "+strings.Join(path[:i+1], "."))
			return
		}
		at = next
	}
}

// constantPath is ["facts", "os", "id"] of facts.os.id.
func constantPath(n ast.Node) ([]string, bool) {
	var path []string
	for {
		switch m := n.(type) {
		case *ast.ChainNode:
			n = m.Node
		case *ast.MemberNode:
			key, ok := m.Property.(*ast.StringNode)
			if !ok {
				return nil, false
			}
			path = append(path, key.Value)
			n = m.Node
		case *ast.IdentifierNode:
			path = append(path, m.Value)
			slices.Reverse(path)
			return path, true
		default:
			return nil, false
		}
	}
}

// found keeps the first mistake.
func (v *looker) found(at file.Location, hint, message string) {
	m := &Mistake{Message: message, Hint: hint}
	m.Line, m.Column = place(v.text, at.From)
	if v.mistake == nil || m.Line < v.mistake.Line || m.Line == v.mistake.Line && m.Column < v.mistake.Column {
		v.mistake = m
	}
}

// place is the line and column of a character of a text, from 1.
func place(text string, at int) (line, column int) {
	line, column = 1, 1
	for i := 0; i < at && text != ""; i++ {
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		if column++; r == '\n' {
			line, column = line+1, 1
		}
	}
	return line, column
}
