package templates

import "text/template/parse"

// included lists the templates that a tree calls with {{template "name"}}.
func included(n parse.Node) []string {
	var names []string
	var walk func(parse.Node)
	list := func(l *parse.ListNode) {
		if l != nil {
			for _, n := range l.Nodes {
				walk(n)
			}
		}
	}
	walk = func(n parse.Node) {
		switch n := n.(type) {
		case *parse.ListNode:
			list(n)
		case *parse.IfNode:
			list(n.List)
			list(n.ElseList)
		case *parse.RangeNode:
			list(n.List)
			list(n.ElseList)
		case *parse.WithNode:
			list(n.List)
			list(n.ElseList)
		case *parse.TemplateNode:
			names = append(names, n.Name)
		}
	}
	walk(n)
	return names
}
