package config

import (
	"errors"
	"fmt"
	"os/user"
	"regexp"
	"strconv"

	"rackhand/config/schema"
)

// groupForm is the name of a group (useradd(8), wider: some sites use capitals and dots).
var groupForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,31}$`)

// group reads the name of a group. Whether it exists is for SocketGID: these settings may be
// checked on another machine.
func (r *reader) group(what string, to *string) func(schema.Node) {
	return func(n schema.Node) {
		text, ok := n.Text(what)
		if ok && !groupForm.MatchString(text) {
			n.Problem("`getent group` lists the groups", "%s: %q can't be the name of a group", what, text)
			return
		}
		*to = text
	}
}

// SocketGID is the number of the group that may open the operator's socket; -1 when the
// settings name none. A group that this machine doesn't have is an error.
func (c *Config) SocketGID() (int, error) {
	if c.SocketGroup == "" {
		return -1, nil
	}
	g, err := user.LookupGroup(c.SocketGroup)
	if unknown := user.UnknownGroupError(""); errors.As(err, &unknown) {
		return -1, fmt.Errorf("socket_group: /etc/group has no group %q: create it with `groupadd --system %s`, or name another one in rackhand.yaml", c.SocketGroup, c.SocketGroup)
	}
	if err != nil {
		return -1, fmt.Errorf("socket_group: looking up the group %q: %w", c.SocketGroup, err)
	}
	return strconv.Atoi(g.Gid)
}
