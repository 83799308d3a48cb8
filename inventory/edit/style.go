package edit

import "gopkg.in/yaml.v3"

// A style is the way to write new text, like its neighbours.
type style struct {
	indent  int  // of the entry's key, in columns
	step    int  // how much deeper a mapping in it goes
	flow    bool // the mapping that the entry holds is in brackets
	padded  bool // brackets have spaces within: { a: b }
	newline string
	blocks  int // how many levels of mappings are blocks, when flow is not set
}

// style finds the style of a mapping's entry from its neighbours; n is nil without
// neighbours. depth is the number of keys that lead to the mapping.
func (d *document) style(n *yaml.Node, depth int) style {
	s := style{step: 2, newline: d.newline}
	if d.root != nil {
		if step := firstStep(d.root); step > 0 {
			s.step = step
		}
	}
	// Without neighbours to follow, a section and its entries are blocks, as in
	// hosts: and web1:, and what is deeper stands in brackets.
	s.blocks = max(0, 2-depth)
	s.flow = s.blocks == 0
	if n == nil {
		return s
	}
	if len(n.Content) > 0 && n.Style&yaml.FlowStyle == 0 {
		s.indent = n.Content[len(n.Content)-2].Column - 1
	}
	for i := len(n.Content) - 1; i > 0; i -= 2 {
		c := n.Content[i]
		if c.Kind != yaml.MappingNode || len(c.Content) == 0 {
			continue
		}
		if s.flow = c.Style&yaml.FlowStyle != 0; s.flow {
			at := d.offset(c)
			s.padded = at+1 < len(d.text) && d.text[at] == '{' && d.text[at+1] == ' '
		} else if step := c.Content[0].Column - n.Content[i-1].Column; step > 0 {
			s.step = step
		}
		break
	}
	return s
}

// firstStep is the extra indentation of the first block within a block; 0 without one.
func firstStep(n *yaml.Node) int {
	if n.Kind != yaml.MappingNode || n.Style&yaml.FlowStyle != 0 {
		return 0
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if c := n.Content[i+1]; c.Kind == yaml.MappingNode && c.Style&yaml.FlowStyle == 0 && len(c.Content) > 0 {
			return c.Content[0].Column - n.Content[i].Column
		}
	}
	return 0
}
