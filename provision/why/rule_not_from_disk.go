package why

import (
	"fmt"
	"strings"
	"time"

	"rackhand/provision"
)

// wrongModeTime is how long a box that came back in another firmware mode may take all the
// same: its firmware may find the disk after the network.
const wrongModeTime = 3 * time.Minute

// notFromDisk finds that the installed system did not come up, or that its agent did not:
// by how the box came back after its installer was done.
func notFromDisk(s *story) *finding {
	if s.in.Job != provision.NoJob || s.in.Stage != provision.Installed && s.in.Stage != provision.Booted && s.in.Stage != provision.Failed {
		return nil
	}
	_, installed := s.in.Reached[provision.Installed]
	for stage := range s.in.Reached {
		if stage.Rank() > provision.Booted.Rank() || stage == provision.Booted && s.in.Stage == provision.Failed {
			return nil // its agent has spoken
		}
	}
	if !installed {
		return nil
	}
	var done *provision.Event
	for i, e := range s.events {
		if e.Stage == provision.Installed {
			done = &s.events[i]
		}
	}
	if done == nil {
		return nil
	}
	before := s.events[:len(s.events)-len(s.after(done))]
	var firmware, plain []provision.Event // requests since then, of firmware and of a system
	for _, e := range find(s.after(done), "dhcp", "ack", "observed") {
		switch {
		case fromFirmware(e):
			firmware = append(firmware, e)
		case e.Fields["client"] == "other":
			plain = append(plain, e)
		}
	}
	ended, over := s.in.Stage.Ended(), s.overdue()
	switch {
	case s.in.Stage == provision.Booted:
		if !over {
			return nil
		}
		return s.agentSilent(done, latest(s.events, "agent", "booted"), "The agent asked for the time and did not enrol: the clock can't be set, or its token was not accepted.")
	case len(plain) > 0 && (len(firmware) == 0 || plain[len(plain)-1].Counted.After(firmware[len(firmware)-1].Counted)):
		if !ended && (!over || s.now.Sub(cameUp(plain, firmware)) <= s.times.of(provision.Booted)) {
			return nil
		}
		return s.agentSilent(done, &plain[len(plain)-1], "The installed system has its lease, and its agent can't reach port 8443 of the appliance: a firewall on the host or between them, or a wrong address.")
	case len(firmware) > 0:
		if m, now := modeOf(before), modeOf(firmware); m != "" && now != "" && m != now && (len(firmware) > 1 || ended || s.now.Sub(firmware[0].Counted) >= wrongModeTime) {
			return &finding{
				since: firmware[0].Counted, evidence: []provision.Event{*done, firmware[len(firmware)-1]},
				causes: cause(fmt.Sprintf("The box was installed in %s mode and boots in %s mode now, in which its firmware does not start the system.", m, now)),
				remedy: provision.Remedy{Text: fmt.Sprintf("Set the boot mode in its firmware setup to %s, then restart it.", m), Command: s.powerCycle()},
			}
		}
		if times := separate(firmware); times > 1 || over || ended {
			return s.bootEntry(done, firmware, times)
		}
		return nil
	}
	if !over && !ended || s.failedByBox() {
		return nil
	}
	return &finding{
		evidence: append([]provision.Event{*done}, find(s.after(done), "bmc", "boot-disk-failed", "revive")...),
		causes: []provision.Cause{
			{Text: "The box did not come back from the reboot at the end of its install: it hangs, or its firmware finds no system.", Decider: "If its console shows firmware or a dark screen, it is this."},
			{Text: "Its system runs without a network.", Decider: "If its console shows a login prompt, compare `network:` and its network settings with the port's VLAN."},
		},
		remedy: provision.Remedy{Text: "Look at its console, or restart it.", Command: s.powerCycle()},
	}
}

// cameUp is the first request of a system after the last one of firmware.
func cameUp(plain, firmware []provision.Event) (at time.Time) {
	for _, e := range plain {
		if n := len(firmware); at.IsZero() && (n == 0 || e.Counted.After(firmware[n-1].Counted)) {
			at = e.Counted
		}
	}
	return at
}

// bootEntry is the finding of a box that boots from the network again in the mode in which
// it was installed.
func (s *story) bootEntry(done *provision.Event, firmware []provision.Event, times int) *finding {
	f := &finding{
		since: firmware[0].Counted, evidence: []provision.Event{*done},
		remedy: provision.Remedy{Text: "Choose the disk in its firmware's boot menu, and see that it stands in the boot order, after the network."},
	}
	if e := latest(s.after(done), "bmc", "boot-disk-failed"); e != nil {
		f.evidence = append(f.evidence, *e)
	}
	f.evidence = append(f.evidence, firmware[len(firmware)-1])
	came := "once"
	if times > 1 {
		came = fmt.Sprintf("%d times", times)
	}
	f.causes = []provision.Cause{
		{Text: fmt.Sprintf("The box has booted from the network again (%s) since it was installed: its firmware has no boot entry of the system, or starts another disk.", came), Decider: "If its boot menu has no entry of the system or its disk, it is the entry."},
		{Text: "Its firmware does not go on to the disk after the network: the boot order lacks the disk.", Decider: "If the disk boots when it is chosen by hand, it is the order."},
	}
	return f
}

// agentSilent is the finding of a system that runs without its agent. seen shows that it runs; nil:
// that event isn't kept any more.
func (s *story) agentSilent(done, seen *provision.Event, text string) *finding {
	evidence := []provision.Event{*done}
	if seen != nil {
		evidence = append(evidence, *seen)
	}
	return &finding{
		evidence: evidence,
		causes: []provision.Cause{
			{Text: text, Decider: "If `rackhand-agent run` on the host says that it can't connect, it is the port or the address."},
			{Text: "The agent does not run, or the host's clock is so wrong that it accepts no certificate.", Decider: "If `rackhand-agent run` speaks of a certificate, it is the clock; if the program is missing, its install did not finish."},
		},
		remedy: provision.Remedy{Text: "Run `rackhand-agent run` as root on the host, and look at `systemctl status rackhand-agent`."},
	}
}

// separate is how many boots these requests of firmware belong to.
func separate(firmware []provision.Event) int {
	times := 0
	for i, e := range firmware {
		if i == 0 || e.Counted.Sub(firmware[i-1].Counted) > 20*time.Second {
			times++
		}
	}
	return times
}

// modeOf is the firmware mode of the last request of firmware in a list: UEFI, BIOS, or "".
func modeOf(events []provision.Event) string {
	for i := len(events) - 1; i >= 0; i-- {
		e := events[i]
		if !fromFirmware(e) {
			continue
		}
		switch arch := e.Fields["arch"]; {
		case strings.Contains(arch, "UEFI"):
			return "UEFI"
		case strings.Contains(arch, "BIOS"):
			return "BIOS"
		}
	}
	return ""
}
