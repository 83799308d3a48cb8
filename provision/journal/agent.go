package journal

import (
	"fmt"

	"rackhand/provision"
)

// AgentRuns records the version that a host's agent states, and an event when it changes.
func (j *Journal) AgentRuns(host, version string) error {
	if j.agentRuns(host) == version {
		return nil // nearly always: no write, and no wait for the writer
	}
	return j.do(func(v *view) error {
		h := v.hosts[host]
		if h.AgentVersion == version {
			return nil
		}
		text := fmt.Sprintf("the agent is version %s", version)
		if h.AgentVersion != "" {
			text += fmt.Sprintf("; it was %s", h.AgentVersion)
		}
		v.append(provision.Event{Host: host, Source: "agent", Kind: "agent-version", Message: text})
		h = v.hosts[host]
		h.Host, h.AgentVersion = host, version
		v.hosts[host] = h
		v.dirtyHosts[host] = true
		return nil
	})
}

func (j *Journal) agentRuns(host string) string {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.state.hosts[host].AgentVersion
}
