package config

import (
	"regexp"

	"rackhand/config/schema"
)

// Agent is what the appliance offers to agents that run.
type Agent struct {
	// Version is the agent that hosts are to run; "" for the appliance's own.
	Version string
	// Canary is the group whose hosts are offered that agent before all others; "": all
	// hosts are offered it.
	Canary string
	// Grace is for how many days after its end a certificate can still be renewed: 90.
	Grace int
}

// agentVersion is what provision/catalog takes for a version, and groupName what the
// inventory may call a group.
var (
	agentVersion = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]{0,63}$`)
	groupName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
)

func (r *reader) agentFields() schema.Fields {
	c := &r.config.Agent
	return schema.Fields{
		"version": matching("agent.version", &c.Version, agentVersion, "write it as `rackhand-agent version` prints it"),
		"canary":  matching("agent.canary", &c.Canary, groupName, "name a group of the inventory"),
		"grace":   count("agent.grace", &c.Grace, 0, 3650),
	}
}

// matching reads a text of a form.
func matching(what string, to *string, form *regexp.Regexp, hint string) func(schema.Node) {
	return func(n schema.Node) {
		text, ok := n.Text(what)
		switch {
		case !ok:
		case !form.MatchString(text):
			n.Problem(hint, "%s can't be %q", what, text)
		default:
			*to = text
		}
	}
}
