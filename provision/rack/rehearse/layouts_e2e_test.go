//go:build e2e

package rehearse_test

import (
	"errors"
	"fmt"
	"testing"

	"rackhand/provision"
	"rackhand/provision/rack/rehearse"
)

// TestMirroredDisks takes a UEFI box with two NVMe disks to serving, with LVM on a
// mirror and XFS, and then pulls the disk that it was booted from.
func TestMirroredDisks(t *testing.T) {
	r := start(t, rehearse.Options{Boxes: []rehearse.Box{{
		Name: "web1", Firmware: "uefi", DiskBus: "nvme", MoreDisks: []int{4},
		Variables: "{layout: raid1-lvm, disks: [nvme0n1, nvme1n1], filesystem: xfs}",
	}}})
	r.serve("web1")
	box := r.Rack.Box("web1")
	box.PowerCut()
	if err := box.PullDisk(0); err != nil {
		t.Fatal(err)
	}
	r.rackhand("power", "web1", "on")
	r.eventually("the box serving from its second disk", func() error {
		_, err := r.Ask(r.ctx, rehearse.Address(0))
		return err
	})
	if h := r.host("web1"); h.Install.Attempts != 1 || h.Install.Stage != provision.Serving {
		t.Errorf("without a disk it was reinstalled: %+v", h.Install)
	}
}

// TestBond takes a BIOS box with a SATA disk to serving, on a bond of its two cards.
func TestBond(t *testing.T) {
	r := start(t, rehearse.Options{Boxes: []rehearse.Box{{
		Name: "web1", Firmware: "bios", DiskBus: "sata", MoreNICs: 1,
		Variables: fmt.Sprintf(`{filesystem: xfs, bond: {name: bond0, slaves: ["%s", "%s"], mode: active-backup, options: "miimon=100"}}`,
			rehearse.MAC(0), rehearse.MoreMAC(0, 0)),
	}}})
	r.serve("web1")
}

// serve arms a box, boots it from the network over its BMC and waits until it serves.
func (r *rehearsal) serve(host string) {
	r.t.Helper()
	if _, err := r.Client.Install(r.ctx, host, provision.InstallRequest{Power: true}); err != nil {
		r.t.Fatal(err)
	}
	r.reach(host, provision.Serving)
	r.eventually("an answer from outside", func() error {
		h := r.host(host)
		if h.Address == "" {
			return errors.New("it has no address")
		}
		_, err := r.Ask(r.ctx, h.Address)
		return err
	})
}
