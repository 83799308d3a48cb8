package metrics

import (
	"time"

	"rackhand/provision"
	"rackhand/provision/catalog"
)

// FiguresOf counts the hosts of a status. The rest of the figures is the caller's.
func FiguresOf(st provision.Status, now time.Time) Figures {
	f := Figures{
		Now: now, Hosts: map[string]int{}, Stages: map[string]int{}, Stuck: map[string]int{},
		Agents: map[string]int{"ok": 0, "failing": 0, "silent": 0, "disabled": 0, "too old": 0},
		BMCs:   map[string]int{"answers": 0, "silent": 0, "unknown": 0},
		Power:  map[string]int{"on": 0, "off": 0, "unknown": 0}, Problems: len(st.Problems), CAExpires: st.CAExpires,
		Database: DatabaseFigures{Bytes: st.Database.Bytes, Free: st.Database.Free, Events: st.Database.Events},
	}
	for _, s := range provision.Standings() {
		if s != provision.StandsUnclaimed {
			f.Hosts[string(s)] = 0 // a series that is absent can't be compared with 0
		}
	}
	for _, h := range st.Hosts {
		if h.Unclaimed {
			f.Unheld++
			continue
		}
		f.Hosts[string(h.Standing(now))]++
		if in := h.Install; in != nil && !in.Stage.Ended() {
			f.Stages[string(in.Stage)]++
		}
		if h.Stuck != nil {
			f.Stuck[h.Stuck.Rule]++
		}
		f.agent(h)
		f.bmc(h, now)
		if c := h.Certificate; c != nil && c.Revoked == "" && (f.FirstCertificate.IsZero() || c.Expires.Before(f.FirstCertificate)) {
			f.FirstCertificate = c.Expires
		}
	}
	return f
}

func (f *Figures) agent(h provision.HostStatus) {
	switch {
	case h.Agent == nil && h.Run == nil:
	case h.Agent != nil && h.Agent.TooOld != "":
		f.Agents["too old"]++
	case h.Agent != nil && h.Agent.Disabled != nil || h.Run != nil && h.Run.Disabled:
		f.Agents["disabled"]++
	case h.Agent != nil && h.Agent.Silent || h.Run != nil && h.Run.Silent:
		f.Agents["silent"]++
	case h.Run != nil && h.Run.Status == catalog.Failed:
		f.Agents["failing"]++
	default:
		f.Agents["ok"]++
	}
}

func (f *Figures) bmc(h provision.HostStatus, now time.Time) {
	if h.BMC == "" {
		return
	}
	power := "unknown"
	if h.Power == "on" || h.Power == "off" {
		power = h.Power
	}
	f.Power[power]++
	switch s := h.BMCState; {
	case s == nil || s.Answered.IsZero() && s.SilentSince.IsZero():
		f.BMCs["unknown"]++
	case s.Silent(now):
		f.BMCs["silent"]++
	default:
		f.BMCs["answers"]++
	}
}
