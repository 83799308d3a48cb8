package journal

import (
	"fmt"

	"rackhand/provision"
)

// AgentRuns records the version that a host's agent states, with an event when it changes,
// and the hash of the CAs that it trusts.
func (j *Journal) AgentRuns(host, version, trusts string) error {
	return j.do(func(v *view) error {
		h := v.hosts[host]
		if h.AgentVersion == version {
			h.Host, h.Trusts = host, trusts
			v.hosts[host] = h
			v.dirtyHosts[host] = true
			return nil
		}
		text := fmt.Sprintf("the agent is version %s", version)
		if h.AgentVersion != "" {
			text += fmt.Sprintf("; it was %s", h.AgentVersion)
		}
		v.append(provision.Event{Host: host, Source: "agent", Kind: "agent-version", Message: text})
		h = v.hosts[host]
		h.Host, h.AgentVersion, h.Trusts = host, version, trusts
		v.hosts[host] = h
		v.dirtyHosts[host] = true
		return nil
	})
}

// KnowsAgent reports whether AgentRuns has recorded this already.
func (j *Journal) KnowsAgent(host, version, trusts string) bool {
	j.mu.RLock()
	defer j.mu.RUnlock()
	h := j.state.hosts[host]
	return h.AgentVersion == version && h.Trusts == trusts
}
