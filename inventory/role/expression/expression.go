// Package expression compiles and runs the conditions of roles, when: EXPRESSION, with
// github.com/expr-lang/expr. It checks their types when a role is read, says where a mistake
// is, and bounds their work. It knows names and their types, and nothing of roles.
package expression

import (
	"fmt"
	"maps"
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
)

// The bounds of an expression.
const (
	MaxText  = 4 << 10 // bytes
	maxNodes = 1000
	// MaxWork bounds the steps of one run. Each operation is a step, each item of a list that
	// is compared, and each 64 bytes of a text.
	MaxWork = 1 << 20
)

// The types of names. A mapping with known keys is a [Map].
var (
	Any    = types.Any
	Bool   = types.Bool
	Int    = types.Int
	String = types.String
)

// A Type is the type of a value.
type Type = types.Type

// Map is a mapping with known keys. The type of Extra, if it is there, is that of all other
// keys.
type Map = types.Map

// Extra is the key of a [Map] for keys that aren't known.
const Extra = types.Extra

// List is the type of a list.
func List(of Type) Type { return types.Array(of) }

// Of is the type of a Go value. Fields of a struct have the names of their tag expr.
func Of(v any) Type { return types.TypeOf(v) }

// Names are what an expression may name.
type Names struct {
	// Values are the types of values by their names.
	Values Map
	// Open are the values, such as facts, of which not all keys are known. An unknown key of
	// them is a mistake except before ?? and ?. operators.
	Open []string
	// Functions are called with one text, written out, so that no value chooses it. Of a function f with a sibling "f.x", f("a").x
	// stands for a call of that.
	Functions map[string]Function
}

// A Function takes one text.
type Function struct {
	// Returns is a value of its type: []string{}.
	Returns any
	// Check says what is wrong with a text, and what to do.
	Check func(text string) (hint string, err error)
}

// A Mistake is what is wrong with an expression, and where. Line and Column count from 1, the
// column in characters; they are 0 where no place can be told.
type Mistake struct {
	Line, Column int
	Message      string
	Hint         string
}

func (m *Mistake) Error() string { return m.Message }

// An Expression is compiled. It is safe for concurrent use.
type Expression struct {
	program *vm.Program
	uses    map[string]bool
	calls   []Call
}

// A Call is a call of a function with a text that is written out.
type Call struct {
	Function, Text string
	Line, Column   int // of the text, from 1
}

// A Language is what expressions with the same names share. It is for one goroutine.
type Language struct {
	names  Names
	config *conf.Config
}

// New is the language of some names.
func New(names Names) *Language { return &Language{names, names.config()} }

// Compile checks an expression, whose result must be true or false.
func (l *Language) Compile(text string) (*Expression, *Mistake) {
	names, config := l.names, l.config
	if len(text) > MaxText {
		return nil, &Mistake{Message: fmt.Sprintf("an expression of %d bytes; at most %d are allowed", len(text), MaxText), Hint: "split the role, or use a parameter of type bool"}
	}
	tree, err := parser.ParseWithConfig(text, config)
	if err != nil {
		return nil, inText(mistakeOf(err), text)
	}
	e := &Expression{uses: map[string]bool{}}
	if m := e.look(&tree.Node, text, names); m != nil {
		return nil, m
	}
	if _, err := checker.Check(tree, config); err != nil {
		return nil, inText(names.explain(err, tree.Node), text)
	}
	if tree, err = parser.ParseWithConfig(text, config); err != nil { // without the types of the check
		return nil, mistakeOf(err)
	}
	ast.Walk(&tree.Node, names.siblings())
	ast.Walk(&tree.Node, accountant{})
	// Compiled without types: a value may be missing at run time, whatever its type.
	if e.program, err = compiler.Compile(tree, nil); err != nil {
		return nil, mistakeOf(err)
	}
	return e, nil
}

// Uses reports whether an expression names a value or a function.
func (e *Expression) Uses(name string) bool { return e.uses[name] }

// Calls are the calls of the functions of [Names].
func (e *Expression) Calls() []Call { return e.calls }

// allowed are the functions of the language. Those that make long texts of short ones, read
// the clock or write JSON are left out.
func allowed() []string {
	return []string{
		"all", "none", "any", "one", "filter", "map", "find", "findIndex", "findLast", "findLastIndex", "count", "sum",
		"len", "type", "abs", "ceil", "floor", "round", "int", "float", "string", "trim", "trimPrefix", "trimSuffix", "upper", "lower",
		"split", "indexOf", "lastIndexOf", "hasPrefix", "hasSuffix", "max", "min", "duration", "first", "last", "get", "keys", "values",
	}
}

func (names Names) config() *conf.Config {
	c := conf.CreateNew()
	options := []expr.Option{expr.Env(names.Values), expr.AsBool(), expr.DisableAllBuiltins(), expr.MaxNodes(maxNodes)}
	for _, name := range allowed() {
		options = append(options, expr.EnableBuiltin(name))
	}
	for name, f := range names.Functions {
		options = append(options, expr.Function(name, nil, f.signature()))
	}
	for _, o := range options {
		o(c)
	}
	for name := range c.Disabled {
		delete(c.Builtins, name)
	}
	return c
}

// known lists all names.
func (names Names) known() []string {
	all := append(slices.Collect(maps.Keys(names.Values)), allowed()...)
	for name := range names.Functions {
		all = append(all, name)
	}
	return all
}
