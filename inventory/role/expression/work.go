package expression

import (
	"errors"
	"fmt"
	"maps"
	"reflect"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
)

// The library bounds memory, and neither the steps of loops nor the length of texts. The
// accountant puts calls into an expression that count both: stepName with each turn of a loop, and
// readName around each value that an operation reads as a whole. No text can name them.
const (
	stepName = "$step"
	readName = "$read"
	keysName = "$keys"
	scanName = "$scan"
)

// callCost is how many steps a call of the accountant itself takes.
const callCost = 10

// maxMemory bounds the items of the lists that one run makes.
const maxMemory = 200_000

// A Hidden value, such as a secret, can't be read by an expression.
type Hidden struct {
	// What says in an error what it is.
	What string
}

// accountant puts the calls into an expression.
type accountant struct{}

func (accountant) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.PredicateNode:
		turn := call(stepName, n.Node, &ast.IntegerNode{Value: callCost + count(n.Node)})
		both := &ast.SequenceNode{Nodes: []ast.Node{turn, n.Node}}
		both.SetLocation(n.Node.Location())
		n.Node = both
	case *ast.BinaryNode:
		switch n.Operator {
		case "==", "!=", "+", "contains", "startsWith", "endsWith":
			n.Left, n.Right = read(readName, n.Left), read(readName, n.Right)
		case "matches":
			size, _ := patternSize(n.Right)
			n.Left = call(scanName, n.Left, n.Left, &ast.IntegerNode{Value: size})
		case "in":
			n.Left, n.Right = read(readName, n.Left), read(keysName, n.Right)
		}
	case *ast.SliceNode:
		n.Node = read(readName, n.Node)
	case *ast.BuiltinNode:
		switch n.Name {
		case "split": // into a text for each character
			n.Arguments[0] = call(scanName, n.Arguments[0], n.Arguments[0], &ast.IntegerNode{Value: 64})
			return
		case "len", "first", "last", "get", "type": // take the same time whatever the size
			return
		}
		for i, arg := range n.Arguments {
			if _, loop := arg.(*ast.PredicateNode); loop {
				return
			}
			if len(n.Arguments) == 2 && i == 0 {
				if _, loop := n.Arguments[1].(*ast.PredicateNode); loop {
					return
				}
			}
			n.Arguments[i] = read(readName, arg)
		}
	}
}

// read counts the size of a value. The size of a literal is that of the text.
func read(name string, n ast.Node) ast.Node {
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NilNode:
		return n
	}
	return call(name, n, n)
}

func call(name string, at ast.Node, args ...ast.Node) ast.Node {
	callee := &ast.IdentifierNode{Value: name}
	c := &ast.CallNode{Callee: callee, Arguments: args}
	callee.SetLocation(at.Location())
	c.SetLocation(at.Location())
	return c
}

type counter int

func (c *counter) Visit(*ast.Node) { *c++ }

// count is how many nodes an expression has.
func count(n ast.Node) int {
	var c counter
	ast.Walk(&n, &c)
	return int(c)
}

var errWork = errors.New("it takes too many steps: compare less, or loop over less")

// A Budget is the work that several runs may do together, in steps.
type Budget struct{ Left int }

// account is the work of one run.
type account struct {
	left   int
	budget *Budget
}

func (a *account) spend(steps int) error {
	a.left -= steps
	if a.budget.Left -= steps; a.left < 0 || a.budget.Left < 0 {
		return errWork
	}
	return nil
}

func (a *account) step(steps int) (any, error) { return nil, a.spend(steps) }

// read counts a value, and refuses what is hidden.
func (a *account) read(v any) (any, error) {
	if err := a.spend(callCost); err != nil {
		return nil, err
	}
	return v, a.walk(v)
}

// scan counts a text that a pattern with a number of states is matched against.
func (a *account) scan(v any, states int) (any, error) {
	if text, ok := v.(string); ok {
		return v, a.spend(callCost + len(text)*states/64)
	}
	return a.read(v)
}

// keys counts what is searched for a value.
func (a *account) keys(v any) (any, error) {
	if m, isMap := v.(map[string]any); isMap {
		return v, a.spend(callCost + len(m)/64)
	}
	return a.read(v)
}

func (a *account) walk(v any) error {
	if err := a.spend(1); err != nil {
		return err
	}
	switch v := v.(type) {
	case string:
		return a.spend(len(v) / 64)
	case Hidden:
		return fmt.Errorf("%s can't be read here", v.What)
	case []any:
		for _, item := range v {
			if err := a.walk(item); err != nil {
				return err
			}
		}
	case map[string]any:
		for key, item := range v {
			if err := errors.Join(a.spend(len(key)/64), a.walk(item)); err != nil {
				return err
			}
		}
	default:
		if r := reflect.ValueOf(v); r.Kind() == reflect.Slice || r.Kind() == reflect.Map {
			return a.each(r)
		}
	}
	return nil
}

// each counts a list or a mapping of another type, such as one of integers.
func (a *account) each(r reflect.Value) error {
	if r.Kind() == reflect.Map {
		for _, key := range r.MapKeys() {
			if err := errors.Join(a.walk(key.Interface()), a.walk(r.MapIndex(key).Interface())); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range r.Len() {
		if err := a.walk(r.Index(i).Interface()); err != nil {
			return err
		}
	}
	return nil
}

// Run evaluates an expression. values are those that its names stand for; functions are Go
// functions func(string) (any, error). An error says where it happened.
func (e *Expression) Run(values map[string]any, budget *Budget) (bool, *Mistake) {
	a := &account{left: MaxWork, budget: budget}
	if err := a.spend(1); err != nil {
		return false, &Mistake{Message: err.Error()}
	}
	env := maps.Clone(values)
	if env == nil {
		env = map[string]any{}
	}
	env[stepName], env[readName], env[keysName], env[scanName] = a.step, a.read, a.keys, a.scan
	machine := vm.VM{MemoryBudget: maxMemory}
	out, err := machine.Run(e.program, env)
	if err != nil {
		m := mistakeOf(err)
		if m.Hint == "" {
			m.Hint = hintOf(m.Message)
		}
		return false, m
	}
	yes, ok := out.(bool)
	if !ok {
		return false, &Mistake{Message: fmt.Sprintf("it must be true or false, but it is %s", plain(fmt.Sprintf("%T", out))), Hint: "compare it: NAME == VALUE"}
	}
	return yes, nil
}
