package boot

import (
	"fmt"
	"slices"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
)

// jobBoot decides for a host of which a rescue, wipe or burn-in is armed or runs.
// It needs no system in the inventory: any image's kernel for its processor does.
func jobBoot(d Decision, job *provision.Install, now time.Time, req Request) Decision {
	name := d.Host.Name
	if job.Stage.Ended() {
		d.Why = fmt.Sprintf("%s boots its own disk: its %s (%s) ended as %s", name, job.Noun(), job.ID, job.Stage)
		return d
	}
	if job.Job == provision.JobWipe && !slices.Contains(job.MACs, req.MAC.String()) {
		// Another box has the name now. The order was not about that box.
		d.Why = fmt.Sprintf("%s boots its own disk: %s (%s) was asked for when it was another box, so it isn't done to %s", name, job.Noun(), job.ID, req.MAC)
		return d
	}
	if may, why := job.MayHandOut(now); !may && (req.Client.Boots() || !job.Armed) {
		d.Why = fmt.Sprintf("%s boots its own disk: %s (%s)", name, why, job.ID)
		return d.asking(withProcessor(d.Host), job, now, req)
	}
	out := handOut(withProcessor(d.Host), req)
	d.Action, d.Program, d.Script = InstallIt, out.program, out.script
	d.Why = fmt.Sprintf("%s boots for its %s (%s): %s", name, job.Noun(), job.ID, out.why)
	return d
}

// withProcessor stands in for the system of a host without one. Such a box counts as x86,
// as most are.
func withProcessor(h *inventory.Host) *inventory.Host {
	if h.System != nil {
		return h
	}
	with := *h
	with.System = &inventory.System{}
	return &with
}
