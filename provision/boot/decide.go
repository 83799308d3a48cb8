package boot

import (
	"fmt"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
)

// Decide decides what a client gets. inst is the host's job under way, or its latest
// install, or nil if it never had one. now is compared with the expiry of the arming.
// Decide reads only its arguments, and may be called at every packet.
//
// A client that boots nothing (Other: an installer's or a system's DHCP client) learns of
// an install under way by Action InstallIt. It never gets a Program or a Script.
func Decide(snap *inventory.Snapshot, inst *provision.Install, now time.Time, req Request) Decision {
	var host *inventory.Host
	if snap != nil {
		host = snap.HostByMAC(req.MAC)
	}
	d := Decision{Host: host, Action: Disk}
	switch {
	case host == nil:
		return Unclaimed{}.Decide(snap, req)
	case inst != nil && inst.Job != provision.NoJob:
		return jobBoot(d, inst, now, req)
	case host.System == nil:
		d.Why = host.Name + " has no system in the inventory: it boots its own disk"
		return d
	case inst == nil, inst.NeverCame() && host.Install == inventory.FirstBoot:
		return firstBoot(d, req)
	}
	may, why := mayInstall(inst, now, req.Client)
	if !may {
		d.Why = fmt.Sprintf("%s boots its own disk: %s", host.Name, why)
		return d.asking(host, inst, now, req)
	}
	d.Action = InstallIt
	out := handOut(host, req)
	d.Program, d.Script = out.program, out.script
	d.Why = fmt.Sprintf("%s is being installed (%s): %s", host.Name, inst.ID, out.why)
	return d
}

// asking lets a box that may have rebooted in mid-install ask for its script.
func (d Decision) asking(host *inventory.Host, inst *provision.Install, now time.Time, req Request) Decision {
	spent, _ := inst.Spent(now)
	_, finished := inst.MayBeFinished()
	if !req.Client.Boots() || !spent && (!finished || inst.Doubt != "") {
		return d
	}
	d.Asks = true
	if !req.Proved {
		out := handOut(host, req)
		d.Program, d.Script = out.program, out.script
		d.Why += "; that is settled once it asks for its script over HTTP"
	}
	return d
}

// firstBoot decides for a host that never had an install: policy first-boot arms
// it, but only for a client that can go on from here. A client that we have no
// boot program for must not arm, for it would never use the install up.
func firstBoot(d Decision, req Request) Decision {
	name := d.Host.Name
	if d.Host.Install != inventory.FirstBoot {
		d.Why = fmt.Sprintf("%s boots its own disk: its installs are on request, and none was: `rackhand install %s` arms one", name, name)
		return d
	}
	out := handOut(d.Host, req)
	if out.program == "" && !out.script {
		d.Why = fmt.Sprintf("%s was never installed, and is not armed now: %s", name, out.why)
		return d
	}
	d.Action, d.Arm, d.Program, d.Script = InstallIt, true, out.program, out.script
	d.Why = fmt.Sprintf("%s was never installed: its first network boot arms it: %s", name, out.why)
	return d
}

// mayInstall says whether the installer may be handed out for inst now, or for a
// client that boots nothing, whether inst is under way; and if not, why.
func mayInstall(inst *provision.Install, now time.Time, client Client) (may bool, why string) {
	arm := "`rackhand install " + inst.Host + "` arms another"
	doubt, finished := inst.MayBeFinished()
	switch {
	case inst.Stage.Ended():
		return false, fmt.Sprintf("its last install (%s) ended as %s; %s", inst.ID, inst.Stage, arm)
	case !inst.Armed:
		return false, fmt.Sprintf("its install (%s) is no longer armed, it is at %s", inst.ID, inst.Stage)
	case client == Other:
		return true, ""
	case finished:
		return false, fmt.Sprintf("its install (%s) may be finished: %s; `rackhand install %s --wipe` reinstalls it", inst.ID, doubt, inst.Host)
	case inst.Attempts >= inst.Budget.Attempts:
		// Every script that a box got counts, so a box that asks again has rebooted in
		// mid-install. This makes a reinstall loop impossible.
		return false, fmt.Sprintf("its install (%s) has spent %d of %d attempts; %s", inst.ID, inst.Attempts, inst.Budget.Attempts, arm)
	case now.After(inst.Expires) && !inst.Begun(now):
		return false, fmt.Sprintf("the arming of its install (%s) has expired; %s", inst.ID, arm)
	}
	return true, ""
}
