package plan

import (
	"strings"

	"rackhand/templates/kickstart"
)

// UserStep makes a user, or changes one that the image has. Groups that are missing are made.
type UserStep struct {
	Name, Gecos, Home, Shell, UID, GID string
	Groups                             []string // NAME or NAME(GID)
}

// String describes the step.
func (s UserStep) String() string {
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

func readUser(a kickstart.Args) UserStep {
	return UserStep{
		Name: a.Value("--name"), Gecos: a.Value("--gecos"), Home: a.Value("--homedir"), Shell: a.Value("--shell"),
		UID: a.Value("--uid"), GID: a.Value("--gid"), Groups: a.List("--groups"),
	}
}

// GroupStep makes a group, or changes the number of one that the image has.
type GroupStep struct{ Name, GID string }

// String describes the step.
func (s GroupStep) String() string {
	if s.GID == "" {
		return "group " + s.Name
	}
	return "group " + s.Name + ", gid " + s.GID
}
