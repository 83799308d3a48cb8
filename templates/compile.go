package templates

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
)

// maxFiles bounds the files that one template is put together from.
const maxFiles = 64

// compiled is a template with all that it is put together from.
type compiled struct {
	root    *template.Template
	origins map[*byte]origin
	sources map[string]*source // by file
}

// defaultPrefix is under what name a block's own text is still found when another
// takes its place.
const defaultPrefix = "default "

// compiler gathers the trees of a template's files. The first tree of a name counts, so
// a template that includes another one decides about the blocks in it.
type compiler struct {
	set     *Set
	funcs   template.FuncMap
	trees   map[string]*parse.Tree
	sources map[string]*source
	origins map[*byte]origin
	// wanted are the called templates, in this order, with their callers.
	wanted []call
}

type call struct{ name, by string }

// compile reads and parses a template and those that it includes.
func (s *Set) compile(name string, funcs template.FuncMap) (*compiled, error) {
	c := &compiler{
		set: s, funcs: funcs, trees: map[string]*parse.Tree{},
		sources: map[string]*source{}, origins: map[*byte]origin{},
	}
	src, err := s.read(name)
	if err != nil {
		return nil, err
	}
	if err := c.add(src); err != nil {
		return nil, err
	}
	if err := c.include(); err != nil {
		return nil, err
	}
	root := template.New("").Option("missingkey=error").Funcs(funcs)
	for name, tree := range c.trees {
		if _, err := root.AddParseTree(name, tree); err != nil {
			return nil, fmt.Errorf("template %s: %w", name, err)
		}
	}
	return &compiled{root: root, origins: c.origins, sources: c.sources}, nil
}

// include adds the called templates. A template without a file may be defined in a later
// file. So it counts as missing only in the end.
func (c *compiler) include() error {
	var later []call
	for i := 0; i < len(c.wanted); i++ {
		want := c.wanted[i]
		if c.trees[want.name] != nil {
			continue
		}
		src, err := c.set.read(want.name)
		if err != nil {
			later = append(later, want)
			continue
		}
		if err := c.add(src); err != nil {
			return err
		}
	}
	for _, want := range later {
		if c.trees[want.name] == nil {
			_, err := c.set.read(want.name)
			return fmt.Errorf("%s includes %s: %w", want.by, want.name, err)
		}
	}
	return nil
}

// add parses a file. Its own name stands for the whole of it; beside it are the
// blocks and definitions within.
func (c *compiler) add(src *source) error {
	if len(c.sources) == maxFiles {
		return fmt.Errorf("template %s: it includes more than %d files", src.name, maxFiles)
	}
	c.sources[src.name] = src
	src.text = plainText(src.text)
	if err := checkNesting(src.text); err != nil {
		return fmt.Errorf("template %s: %w", src.name, err)
	}
	t, err := template.New(src.name).Funcs(c.funcs).Parse(src.text)
	if err != nil {
		return unparsed(src, err)
	}
	all := t.Templates()
	slices.SortFunc(all, func(a, b *template.Template) int { return strings.Compare(a.Name(), b.Name()) })
	for _, part := range all {
		if part.Tree == nil || part.Tree.Root == nil {
			continue
		}
		c.mark(src, part.Tree.Root)
		name := part.Name()
		if name != src.name && src.builtin {
			if err := c.override(src, name); err != nil {
				return err
			}
			name = c.freeName(name)
		}
		if c.trees[name] == nil {
			c.trees[name] = part.Tree
		}
	}
	if c.trees[src.name] == nil { // a file with definitions alone
		c.trees[src.name] = &parse.Tree{Name: src.name, ParseName: src.name, Root: &parse.ListNode{NodeType: parse.NodeList}}
	}
	return nil
}

// freeName is the name under which a block's own text goes: the block's, or if that is
// taken the one with "default " before it.
func (c *compiler) freeName(block string) string {
	if c.trees[block] == nil {
		return block
	}
	return defaultPrefix + block
}

// blockForm is the form of the names that a file may override.
var blockForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

// override looks for the operator's file in place of a block: base.network.ks for
// the one in base.ks, network.ks for all of that name.
func (c *compiler) override(src *source, block string) error {
	if c.trees[block] != nil || !blockForm.MatchString(block) {
		return nil
	}
	stem, ext, _ := strings.Cut(src.name, ".")
	for _, name := range []string{stem + "." + block + "." + ext, block + "." + ext} {
		own, err := c.set.own(name)
		if err != nil {
			return err
		}
		if own == nil {
			continue
		}
		if err := c.add(own); err != nil {
			return err
		}
		if c.trees[block] == nil {
			c.trees[block] = c.trees[name]
		}
		return nil
	}
	return nil
}

// mark notes for each node that writes where it stands, and which templates are
// called. Literal text is known by the address of its first byte, which
// text/template hands to the writer as it is; before an action goes a piece of
// text of one byte that the writer knows in the same way, and drops. Before blocks and
// calls, and at the beginning of each list, go such that only count.
func (c *compiler) mark(src *source, list *parse.ListNode) {
	if list == nil {
		return
	}
	nodes := make([]parse.Node, 0, 2*len(list.Nodes)+1)
	// before puts a marker there, of one byte.
	before := func(pos parse.Pos, o origin) {
		text := make([]byte, 1)
		o.src, o.offset, o.marker = src, actionStart(src.text, int(pos)), true
		c.origins[&text[0]] = o
		nodes = append(nodes, &parse.TextNode{NodeType: parse.NodeText, Pos: pos, Text: text})
	}
	branch := func(b *parse.BranchNode) {
		before(b.Pos, origin{step: true, weight: values(b.Pipe)})
		c.mark(src, b.List)
		c.mark(src, b.ElseList)
	}
	before(list.Pos, origin{step: true}) // a loop that writes nothing counts too
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			if len(n.Text) > 0 {
				c.origins[&n.Text[0]] = origin{src: src, offset: int(n.Pos), literal: true}
			}
		case *parse.ActionNode:
			before(n.Pos, origin{weight: values(n.Pipe)})
		case *parse.IfNode:
			branch(&n.BranchNode)
		case *parse.RangeNode:
			branch(&n.BranchNode)
		case *parse.WithNode:
			branch(&n.BranchNode)
		case *parse.TemplateNode:
			before(n.Pos, origin{step: true, weight: callSteps + values(n.Pipe)})
			c.wanted = append(c.wanted, call{n.Name, src.file()})
		}
		nodes = append(nodes, n)
	}
	list.Nodes = nodes
}

// actionStart is the start of an action's {{. Its node has the place of its content
// only.
func actionStart(text string, pos int) int {
	if pos > len(text) {
		return pos
	}
	if i := strings.LastIndex(text[:pos], "{{"); i >= 0 {
		return i
	}
	return pos
}
