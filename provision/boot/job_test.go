package boot

import (
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
)

func TestDecideJob(t *testing.T) {
	image := &inventory.System{Name: "debian12", Installer: inventory.InstallerImage}
	anaconda := &inventory.System{Name: "rocky9", Installer: inventory.InstallerAnaconda}
	arm := &inventory.System{Name: "arm", Installer: inventory.InstallerImage, Arch: inventory.ArchARM64}
	all := func(d Decision) map[Client]Decision { return same(d) }
	with := func(job provision.Job, change func(*provision.Install)) *provision.Install {
		return armed(func(in *provision.Install) {
			in.Job, in.ID, in.MACs = job, "web1-"+string(job)+"-1", []string{mac.String()}
			if change != nil {
				change(in)
			}
		})
	}
	begun := asking()
	begun[Other] = Decision{Action: Disk}
	for _, c := range []struct {
		name   string
		system *inventory.System
		inst   *provision.Install
		want   map[Client]Decision
		why    string // a part of it, for iPXE
	}{
		{"a rescue", image, with(provision.JobRescue, nil), boots, "boots for its rescue (web1-rescue-1)"},
		{"a host without a system", nil, with(provision.JobWipe, nil), boots, "wipe"},
		{"a host for Anaconda", anaconda, with(provision.JobBurnin, nil), boots, "burn-in"},
		{"another processor", arm, with(provision.JobRescue, nil), all(Decision{Action: InstallIt}), "its system arm is for arm64"},
		{"expired", image, with(provision.JobRescue, func(in *provision.Install) { in.Expires = now.Add(-time.Second) }), asking(), "expired"},
		{"attempts are spent", image, with(provision.JobRescue, func(in *provision.Install) { in.Attempts = 3 }), asking(), "spent"},
		{"it has begun", image, with(provision.JobWipe, func(in *provision.Install) { in.Stage, in.Armed = provision.Installer, false }), begun, "no wipe is armed"},
		{"it is done", image, with(provision.JobWipe, func(in *provision.Install) { in.Stage = provision.Done }), all(Decision{Action: Disk}), "ended as done"},
		{"a wipe of another box", image, with(provision.JobWipe, func(in *provision.Install) { in.MACs = []string{"52:54:00:00:00:77"} }), all(Decision{Action: Disk}), "another box"},
		{"a wipe of no box", image, with(provision.JobWipe, func(in *provision.Install) { in.MACs = nil }), all(Decision{Action: Disk}), "another box"},
	} {
		for client, want := range c.want {
			d := Decide(snapshot(inventory.FirstBoot, c.system), c.inst, now, Request{MAC: mac, Arch: ArchX64UEFI, Client: client})
			if d.Action != want.Action || d.Program != want.Program || d.Script != want.Script || d.Asks != want.Asks || d.Arm {
				t.Errorf("%s, %s: %+v, want %+v", c.name, client, d, want)
			}
			if client == IPXE && !strings.Contains(d.Why, c.why) {
				t.Errorf("%s: %q lacks %q", c.name, d.Why, c.why)
			}
		}
	}
}
