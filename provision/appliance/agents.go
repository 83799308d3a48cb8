package appliance

import (
	"fmt"
	"path/filepath"
	"time"

	"rackhand/bootfiles"
	"rackhand/inventory"
	"rackhand/provision/agentfile"
)

// loadAgents finds the agents' programs. A rackhand that was built without one offers none.
func (a *Appliance) loadAgents() agentfile.ByProcessor {
	own := map[string][]byte{}
	for _, processor := range bootfiles.Processors() {
		program, err := bootfiles.Payload(bootfiles.PayloadAgent, processor)
		if err != nil {
			a.Log.Debug("no agent is offered", "processor", processor, "error", err)
			program = nil
		}
		own[processor] = program
	}
	p, err := agentfile.LoadAll(filepath.Join(a.cfg.State, "agents"), a.Version, own, a.cfg.Agent.Version)
	if err != nil {
		a.Log.Error("keeping the agents' programs", "error", err)
	}
	return p
}

// caSoon is how long before its end the CA's certificate is a problem.
const caSoon = 365 * 24 * time.Hour

// agentProblems are what keeps agents from being upgraded, or is going to end them.
func (a *Appliance) agentProblems() []string {
	if a.agents == nil {
		return nil // nothing serves agents yet
	}
	var out []string
	for _, processor := range bootfiles.Processors() {
		// A version of before may never have had agents for a processor that no host has.
		if p := a.agents[processor]; p != nil && p.Problem != "" && hasProcessor(a.holder.Current(), processor) {
			out = append(out, p.Problem)
		}
	}
	if group := a.cfg.Agent.Canary; group != "" && !hasGroup(a.holder.Current(), group) {
		out = append(out, fmt.Sprintf("agent.canary in rackhand.yaml: no host is in the group %s, so no agent is upgraded", group))
	}
	if ends := a.ca.Expires(); ends.Sub(a.Clock()) < caSoon {
		out = append(out, fmt.Sprintf("the certificate of this appliance's CA expires on %s: no agent trusts it after that", ends.UTC().Format(time.DateOnly)))
	}
	return out
}

// hasProcessor reports whether a host may have a processor. Where the inventory or a host's
// system isn't known, that is amd64.
func hasProcessor(snap *inventory.Snapshot, processor string) bool {
	if snap == nil || processor == inventory.ArchAMD64 {
		return processor == inventory.ArchAMD64
	}
	for _, h := range snap.Hosts {
		if h.System != nil && h.System.Processor() == processor {
			return true
		}
	}
	return false
}

func hasGroup(snap *inventory.Snapshot, group string) bool {
	if snap == nil {
		return true // not known
	}
	for _, h := range snap.Hosts {
		if h.Group == group {
			return true
		}
	}
	return false
}
