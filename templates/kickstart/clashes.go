package kickstart

import (
	"slices"
	"sync"
)

// A clash is two kinds of command that can't stand in one file.
type clash struct {
	one, other []string
	inOrder    bool // only when one comes before other
	in         []Release
}

// clashes are the kinds of command that exclude each other.
var clashes = sync.OnceValue(func() []clash {
	all := Releases()
	return []clash{
		{one: []string{"autopart"}, other: []string{"part", "partition", "raid", "volgroup", "logvol", "reqpart"}, in: all},
		{one: []string{"mount"}, other: []string{"part", "partition", "raid", "volgroup", "logvol", "reqpart"}, in: all},
		{one: []string{"autopart"}, other: []string{"mount"}, in: []Release{RHEL7, RHEL8}},
		{one: []string{"autopart"}, other: []string{"mount"}, inOrder: true, in: []Release{RHEL9, RHEL10, F42, F43, F44}},
		{one: []string{"ostreesetup"}, other: []string{"ostreecontainer"}, in: []Release{RHEL9, RHEL10, F42, F43, F44}},
		{one: []string{"bootc"}, other: []string{"ostreesetup", "ostreecontainer"}, in: []Release{RHEL10, F43, F44}},
	}
})

// conflicts reports a command that an earlier one, right or wrong, excludes.
func (c *checker) conflicts(cmd *Command) {
	for _, x := range clashes() {
		if !slices.Contains(x.in, c.release) {
			continue
		}
		var against []string
		switch {
		case slices.Contains(x.other, cmd.Name):
			against = x.one
		case slices.Contains(x.one, cmd.Name) && !x.inOrder:
			against = x.other
		}
		for _, name := range against {
			if first := c.state.commands[name]; first != 0 {
				c.ps.Errorf(cmd.Pos, "leave one of them out", "%s doesn't go with %s of line %d", cmd.Name, name, first)
				break
			}
		}
	}
	if c.state.commands[cmd.Name] == 0 {
		c.state.commands[cmd.Name] = cmd.Pos.Line
	}
}
