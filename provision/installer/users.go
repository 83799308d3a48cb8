package installer

import (
	"strings"

	"rackhand/templates/kickstart"
)

// userStep makes a user, or makes one that the image has already into what the
// Kickstart says. Groups that aren't there yet are made.
type userStep struct {
	Name, Gecos, Home, Shell, UID, GID string
	Groups                             []string // NAME or NAME(GID)
}

func (s userStep) String() string {
	out := "user " + s.Name
	for _, o := range []struct{ name, value string }{
		{"uid", s.UID},
		{"gid", s.GID},
		{"home", s.Home},
		{"shell", s.Shell},
		{"gecos", s.Gecos},
		{"groups", strings.Join(s.Groups, ",")},
	} {
		if o.value != "" {
			out += ", " + o.name + " " + o.value
		}
	}
	return out
}

func readUser(a kickstart.Args) userStep {
	return userStep{
		Name: a.Value("--name"), Gecos: a.Value("--gecos"), Home: a.Value("--homedir"), Shell: a.Value("--shell"),
		UID: a.Value("--uid"), GID: a.Value("--gid"), Groups: a.List("--groups"),
	}
}

// groupStep makes a group, or gives one that the image has its number.
type groupStep struct{ Name, GID string }

func (s groupStep) String() string {
	if s.GID == "" {
		return "group " + s.Name
	}
	return "group " + s.Name + ", gid " + s.GID
}
