package role

import (
	"slices"
	"strings"
)

// declare gives each directory that is purged or changed as a whole the paths below it that
// resources declare, of any kind: an agent may not know all kinds. As long as something waits
// for facts, it isn't known what is declared, and nothing is purged.
func (c *compiler) declare() {
	var paths []string
	for _, n := range c.nodes {
		paths = append(paths, n.Paths()...)
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	waiting := len(c.waiting) > 0
	for _, n := range c.nodes {
		if waiting && n.waits == "" && n.File != nil && n.File.Purge {
			c.waitsFor("purge of "+n.ID, n.decl.at, n.scope, forFacts)
			n.File.Purge = false
		}
		if n.File == nil || !n.File.Purge && !n.File.Recurse {
			continue
		}
		for _, name := range paths {
			if below, ok := strings.CutPrefix(name, n.File.Path+"/"); ok {
				n.File.Declared = append(n.File.Declared, below)
			}
		}
	}
}
