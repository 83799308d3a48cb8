package expression

import (
	"errors"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"rackhand/config/problem"
)

const compare = "write == to compare"

// mistakeOf is an error of the library as a mistake.
func mistakeOf(err error) *Mistake {
	m := &Mistake{}
	var at *file.Error
	if !errors.As(err, &at) {
		m.Message = plain(err.Error())
		return m
	}
	m.Line, m.Column, m.Message = at.Line, at.Column+1, plain(at.Message)
	if strings.Contains(at.Message, "token EOF") {
		m.Hint = "complete it; quote an expression with # or : for YAML"
	}
	switch {
	case strings.Contains(at.Message, `Operator("=")`):
		m.Hint = compare
	case strings.Contains(at.Message, `Bracket("{")`):
		m.Hint = "write a name without ${ and }: facts.os.id"
	}
	return m
}

var (
	unknownName  = regexp.MustCompile(`^unknown name (\S+)`)
	unknownField = regexp.MustCompile(`^unknown field (\S+)`)
	noField      = regexp.MustCompile(`has no (?:field|method) (\S+)`)
	notBool      = regexp.MustCompile(`^expected bool, but got (.+)`)
)

// explain is an error of the check of types, with a hint.
func (names Names) explain(err error, root ast.Node) *Mistake {
	m := mistakeOf(err)
	var at *file.Error
	errors.As(err, &at)
	if name := unknownName.FindStringSubmatch(m.Message); name != nil {
		if m.Hint = foreign(name[1]); m.Hint == "" {
			m.Hint = problem.DidYouMean(name[1], names.known())
		}
		return m
	}
	if got := notBool.FindStringSubmatch(m.Message); got != nil {
		m.Message, m.Hint = "it must be true or false, but it is "+got[1], "compare it: NAME == VALUE"
		return m
	}
	field := unknownField.FindStringSubmatch(m.Message)
	if field == nil {
		field = noField.FindStringSubmatch(m.Message)
	}
	if field != nil && at != nil {
		f := &fieldFinder{at: at.Location}
		ast.Walk(&root, f)
		m.Hint = problem.DidYouMean(field[1], f.keys)
	}
	return m
}

// fieldFinder finds the keys of the value whose member stands at a place.
type fieldFinder struct {
	at   file.Location
	keys []string
}

func (f *fieldFinder) Visit(node *ast.Node) {
	n, ok := (*node).(*ast.MemberNode)
	if !ok || n.Property.Location() != f.at && n.Location() != f.at {
		return
	}
	nature := n.Node.Nature()
	if nature.TypeData != nil {
		f.keys = slices.Collect(maps.Keys(nature.Fields))
	}
	if t := nature.Type; t != nil && t.Kind() == reflect.Struct {
		for i := range t.NumField() {
			f.keys = append(f.keys, t.Field(i).Tag.Get("expr"))
		}
	}
}

// Words of Go in the library's messages, and those of a role.
var goWords = strings.NewReplacer(
	"interface conversion: interface {} is ", "wrong type: ", "map[string]interface {}", "a mapping", "[]interface {}", "a list", "[]string", "a list",
	"interface {}", "any type", "<nil>", "a missing value", "float64", "number", "int64", "int", "time.Duration", "duration", "memory budget exceeded", "it makes lists of too many items", "expression.Hidden", "a secret", "[]role.HostData", "a list of hosts", "role.HostData", "host",
)

func plain(message string) string {
	first, _, _ := strings.Cut(message, "\n")
	return goWords.Replace(first)
}

// hintOf is what to do about an error of a run.
func hintOf(message string) string {
	if strings.Contains(message, "a missing value") || strings.Contains(message, "from nil") {
		return "write NAME ?? DEFAULT, or NAME?.KEY, for what may be missing"
	}
	return ""
}

// foreign is a hint for the names of Puppet and Ansible.
func foreign(name string) string {
	switch {
	case strings.HasPrefix(name, "$"):
		return "write names without $, and keys with dots: facts.os.id, param.NAME"
	case strings.HasPrefix(name, "ansible_"):
		return "write a fact, such as facts.os.id"
	}
	return ""
}

// inText is a mistake with the hints that need the text of the expression.
func inText(m *Mistake, text string) *Mistake {
	name := unknownName.FindStringSubmatch(m.Message)
	switch {
	case m.Hint == compare && (strings.Contains(text, "hosts(role=") || strings.Contains(text, "hosts(group=")):
		m.Hint = `quote the selection: hosts("role=web")`
	case m.Hint == "" && name != nil && !strings.Contains(text, name[1]+"("):
		m.Hint = "quote a text: \"" + name[1] + "\""
	}
	return m
}
