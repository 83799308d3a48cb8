package templates

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
)

// Limits of one render. Steps and bytes are counted, not time, so that a template
// that is too much for one machine is too much for each.
const (
	// maxSteps bounds what is carried out: each action, round of a loop and value in
	// them is one, each call of a template callSteps, for it lies on the stack.
	maxSteps  = 100_000
	callSteps = 20
	maxValue  = 2 << 20  // bytes of a text that a function makes
	maxMade   = 32 << 20 // bytes of all of them
	maxDigits = 1000     // of a width or precision in printf
	maxNested = 1000     // blocks in each other
)

// A budget holds the remaining limits of a render. Its functions wrap those that make texts.
type budget struct{ made int }

// spend takes a text of so many bytes from the budget, before it is made.
func (b *budget) spend(size int) error {
	if size > maxValue {
		return fmt.Errorf("a text of more than %d bytes", maxValue)
	}
	if b.made += size; b.made > maxMade {
		return fmt.Errorf("the template makes texts of more than %d bytes in all", maxMade)
	}
	return nil
}

// bound puts the budget before every function that makes a text of others, those that
// text/template brings included.
func (b *budget) bound(funcs template.FuncMap) {
	texts := func(name string, times int, f func(...any) string) {
		funcs[name] = func(args ...any) (string, error) {
			if err := b.spend(times * sizes(args)); err != nil {
				return "", err
			}
			return f(args...), nil
		}
	}
	texts("print", 1, fmt.Sprint)
	texts("println", 1, fmt.Sprintln)
	texts("html", 5, template.HTMLEscaper) // &#34;
	texts("js", 6, template.JSEscaper)     // \u0000
	texts("urlquery", 3, template.URLQueryEscaper)
	funcs["printf"] = func(format string, args ...any) (string, error) {
		size, err := formatted(format, args)
		if err == nil {
			err = b.spend(size)
		}
		if err != nil {
			return "", err
		}
		return fmt.Sprintf(format, args...), nil
	}
	if join, ok := funcs["join"].(func(string, any) (string, error)); ok {
		funcs["join"] = func(sep string, list any) (string, error) {
			size := 0
			if v := reflect.ValueOf(list); v.Kind() == reflect.Slice || v.Kind() == reflect.Array {
				size = v.Len() * len(sep)
				for i := range v.Len() {
					size += sizeOf(v.Index(i).Interface())
				}
			}
			if err := b.spend(size); err != nil {
				return "", err
			}
			return join(sep, list)
		}
	}
	if indent, ok := funcs["indent"].(func(int, any) (string, error)); ok {
		funcs["indent"] = func(n int, text any) (string, error) {
			s := fmt.Sprint(text)
			if err := b.spend(len(s) + (strings.Count(s, "\n")+1)*min(max(n, 0), maxIndent)); err != nil {
				return "", err
			}
			return indent(n, text)
		}
	}
	for _, name := range []string{"quote", "ksquote"} {
		if f, ok := funcs[name].(func(any) (string, error)); ok {
			funcs[name] = func(v any) (string, error) {
				if err := b.spend(4 * sizeOf(v)); err != nil {
					return "", err
				}
				return f(v)
			}
		}
	}
	if f, ok := funcs["file"].(func(string) (string, error)); ok {
		funcs["file"] = func(name string) (string, error) {
			text, err := f(name)
			if err == nil {
				err = b.spend(len(text))
			}
			return text, err
		}
	}
}

// sizes is how many bytes values have as text, with blanks between them.
func sizes(list []any) int {
	size := len(list)
	for _, v := range list {
		size += sizeOf(v)
	}
	return size
}

func sizeOf(v any) int {
	if r := reflect.ValueOf(v); r.Kind() == reflect.String {
		return r.Len()
	}
	return len(fmt.Sprint(v))
}

// formatted is how many bytes printf makes at most: each verb may write the longest of
// the values, escaped.
func formatted(format string, args []any) (int, error) {
	longest, wide := 32, 0
	for _, v := range args {
		longest = max(longest, sizeOf(v))
		if r := reflect.ValueOf(v); r.CanInt() { // %*d takes its width from a value
			wide = max(wide, int(min(max(r.Int(), -r.Int()), 1<<30)))
		}
	}
	size := len(format)
	for rest := format; ; {
		_, after, found := strings.Cut(rest, "%")
		if !found {
			return size, nil
		}
		verb := len(after) - len(strings.TrimLeft(after, "+-# 0123456789.*[]"))
		if strings.Contains(after[:verb], "*") && wide > maxDigits {
			return 0, fmt.Errorf("a width or precision of more than %d", maxDigits)
		}
		for _, digits := range strings.FieldsFunc(after[:verb], func(r rune) bool { return r < '0' || r > '9' }) {
			if n, err := strconv.Atoi(digits); err != nil || n > maxDigits {
				return 0, fmt.Errorf("a width or precision of more than %d", maxDigits)
			}
		}
		size += longest + 2*maxDigits*min(strings.Count(after[:verb], "*")+len(strings.Trim(after[:verb], "+-# ")), 1)
		rest = after[min(verb+1, len(after)):]
	}
}

// values counts what a pipeline evaluates.
func values(n parse.Node) int {
	count := 1
	switch n := n.(type) {
	case *parse.PipeNode:
		if n == nil {
			return count
		}
		for _, c := range n.Cmds {
			for _, a := range c.Args {
				count += values(a)
			}
		}
	case *parse.ChainNode:
		count += values(n.Node)
	}
	return count
}

// checkNesting looks for blocks in each other, each of which takes stack and memory of the
// parser. {{else if}} is a block in a block that ends with it.
func checkNesting(text string) error {
	var open []int // how many blocks each {{end}} closes
	deep := 0
	for rest := text; ; {
		_, after, found := strings.Cut(rest, "{{")
		if !found {
			return nil
		}
		action, tail, _ := strings.Cut(after, "}}")
		words := strings.Fields(strings.TrimPrefix(action, "-"))
		switch {
		case len(words) == 0:
		case slices.Contains([]string{"if", "with", "range", "block", "define"}, words[0]):
			open, deep = append(open, 1), deep+1
		case words[0] == "else" && len(words) > 2 && len(open) > 0:
			open[len(open)-1]++
			deep++
		case words[0] == "end" && len(open) > 0:
			deep -= open[len(open)-1]
			open = open[:len(open)-1]
		}
		if deep > maxNested {
			return fmt.Errorf("blocks are nested more than %d deep", maxNested)
		}
		rest = tail
	}
}
