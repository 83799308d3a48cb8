package why

import (
	"fmt"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
)

// stepThrough looks at a healthy journal every second, or 120 times in a long silence, and says when a word is raised. change
// makes the case another one; nil for none.
func stepThrough(t *testing.T, journal []string, change func(*Case)) {
	t.Helper()
	for i := range journal {
		c := caseOf(t, journal[:i+1]...)
		if change != nil {
			change(&c)
		}
		at := parse(t, journal[i]).Counted
		until := at.Add(time.Second)
		if i+1 < len(journal) {
			until = parse(t, journal[i+1]).Counted
		}
		step := max(time.Second, until.Sub(at)/120)
		for ; at.Before(until); at = at.Add(step) {
			if got := Diagnose(c, at); got != nil {
				t.Errorf("after %q, at %s: %s: %s", journal[i], at.Sub(start), got.Rule, got.Cause())
				break
			}
		}
	}
}

func join(parts ...[]string) []string {
	var out []string
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// progressing is a line every so often.
func progressing(from, until, every time.Duration, line string) (out []string) {
	for at := from; at <= until; at += every {
		out = append(out, fmt.Sprintf("%s %s", at, line))
	}
	return out
}

// TestNoFalseAlarm steps through installs and jobs that end well.
func TestNoFalseAlarm(t *testing.T) {
	boot := healthy[2:9]
	learned := func(c *Case) { c.Times = Times{provision.Powered: 24 * time.Minute} }
	noBMC := func(c *Case) { c.Host.BMC = nil }
	proxy := func(c *Case) { c.Host.Network = &inventory.Network{Name: "rack1", DHCP: inventory.DHCPProxy} }
	job := func(kind provision.Job) func(*Case) {
		return func(c *Case) { c.Install.Job = kind }
	}
	anaconda := func(c *Case) {
		c.Host.System = &inventory.System{Name: "rocky9", Installer: inventory.InstallerAnaconda}
	}
	end := []string{
		"220s installer installed installed", "222s bmc boot-disk", "300s dhcp ack client=other", "310s agent booted booted", "311s agent enrolled enrolled",
		"312s agent converging converging", "420s agent converged converged", "430s check serving serving",
	}
	for _, tc := range []struct {
		name    string
		journal []string
		change  func(*Case)
	}{
		{"twelve minutes of memory test, known from before", []string{
			healthy[0], healthy[1], "12m5s dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11", "12m6s dhcp ack addressed client=PXE", "12m7s tftp fetch bootfile name=snponly.efi",
			"12m10s dhcp ack addressed client=iPXE", "12m11s http attempt script", "12m13s http fetch kernel file=vmlinuz", "12m15s http fetch kernel file=initrd.img", "12m35s dhcp ack client=other",
			"12m36s http answer", "12m37s installer started installer", "12m45s installer image packages", "14m installer installed installed", "14m1s bmc boot-disk",
			// It tests its memory again at each restart.
			"26m30s dhcp ack client=other", "26m40s agent booted booted", "26m41s agent enrolled enrolled", "26m42s agent converging converging", "28m agent converged converged", "28m5s check serving serving",
		}, learned},
		{"its own firmware needs four minutes, and eight with more memory test", []string{
			healthy[0], healthy[1], "4m55s dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11", "4m56s dhcp ack addressed client=PXE", "4m57s tftp fetch bootfile name=snponly.efi",
			"5m dhcp ack addressed client=iPXE", "5m1s http attempt script", "5m3s http fetch kernel file=vmlinuz", "5m5s http fetch kernel file=initrd.img", "5m25s dhcp ack client=other",
			"5m26s installer started installer", "5m30s installer image packages", "6m installer installed installed", "6m1s bmc boot-disk", "15m dhcp ack client=other", "15m10s agent booted booted",
		}, nil},
		{"no BMC: the button is pressed after two hours", join([]string{
			healthy[0], "2h dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11", "2h0m1s dhcp ack addressed client=PXE", "2h0m2s tftp fetch bootfile name=snponly.efi",
			"2h0m5s dhcp ack addressed client=iPXE", "2h0m6s http attempt script", "2h0m8s http fetch kernel file=vmlinuz", "2h0m9s http fetch kernel file=initrd.img", "2h1m dhcp ack client=other", "2h1m2s installer started installer",
		}), noBMC},
		{"BIOS with iPXE in its ROM", join(healthy[:2], []string{"95s dhcp discover client=iPXE arch=x86_BIOS secs=0 tries=1 offered=10.77.0.11", "96s dhcp ack addressed client=iPXE arch=x86_BIOS", "97s http attempt script"}, healthy[7:]), nil},
		{"UEFI HTTP boot after PXE", join(healthy[:2], []string{
			"95s dhcp discover client=PXE arch=x64_UEFI secs=0 tries=1 offered=10.77.0.11", "2m35s dhcp discover client=HTTP_boot arch=x64_UEFI_HTTP secs=0 tries=1 offered=10.77.0.11",
			"2m36s dhcp ack addressed client=HTTP_boot arch=x64_UEFI_HTTP", "2m37s http fetch-stopped file=snponly.efi why=closed bytes=16000 size=250000 stage=bootfile", "2m38s http fetch bootfile file=snponly.efi",
			"2m41s dhcp ack addressed client=iPXE", "2m42s http attempt script", "2m44s http fetch kernel file=vmlinuz", "2m45s http fetch kernel file=initrd.img", "3m5s dhcp ack client=other", "3m6s installer started installer", "3m10s installer image packages",
		}), nil},
		{"shim and GRUB", join(healthy[:4], []string{
			"97s tftp fetch bootfile name=shimx64.efi", "98s tftp no-such-file name=revocations.efi", "99s tftp fetch bootfile name=grubx64.efi", "100s tftp no-such-file name=grub/x86_64-efi/command.lst",
			"101s tftp script script", "103s tftp fetch kernel name=vmlinuz", "4m tftp fetch kernel name=initrd.img", "250s dhcp ack client=other", "251s http attempt kernel", "252s http answer", "253s installer started installer",
		}), nil},
		{"a slow link: the initrd takes nine minutes", join(healthy[:8], []string{"11m http fetch kernel file=initrd.img", "11m20s dhcp ack client=other", "11m30s installer started installer"}), nil},
		{"proxy", join(healthy[:2], []string{
			"95s dhcp discover client=PXE secs=0 tries=1 offered=", "96s dhcp observed addressed client=PXE", "97s dhcp binl client=PXE", "98s tftp fetch bootfile name=snponly.efi",
			"100s dhcp observed addressed client=iPXE",
		}, healthy[6:]), proxy},
		{"behind a relay", join(healthy[:2], []string{"95s dhcp discover client=PXE secs=4 tries=1 offered=10.77.0.11 relay=10.78.0.1 circuit=ge-0/0/1", "96s dhcp ack addressed client=PXE relay=10.78.0.1"}, healthy[4:]), nil},
		{"Anaconda, 40 minutes of packages and 4 of a scriptlet", join(healthy[:2], boot, []string{"125s dhcp ack client=other", "140s http answer", "150s installer started installer"},
			progressing(4*time.Minute, 40*time.Minute, time.Minute, "syslog progress packages | 100 of 600 packages"),
			[]string{"43m syslog log-tail lines=1 silent=180 | Configuring: kernel-core", "44m syslog progress packages | 599 of 600 packages", "45m syslog packed", "49m installer installed installed"}), anaconda},
		{"an image on a slow disk", join(healthy[:12], progressing(136*time.Second, 50*time.Minute, 2*time.Minute, "installer progress | 10 of 980 MB"), []string{"52m installer installed installed"}), nil},
		{"a box that was restarted by hand in its installer", join(healthy[:13], []string{
			"190s bmc power-cycle power=on", "4m dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11", "241s dhcp ack addressed client=PXE", "242s tftp fetch bootfile name=snponly.efi",
			"245s dhcp ack addressed client=iPXE", "246s http attempt script", "248s http fetch kernel file=vmlinuz", "249s http fetch kernel file=initrd.img", "270s dhcp ack client=other", "271s http answer", "275s installer started installer", "280s installer image packages",
			"7m installer installed installed",
		}), nil},
		{"a slow server without a BMC: its agent has its time after the lease", join(healthy[:1], healthy[2:16], []string{"15m dhcp ack client=other", "16m agent booted booted"}), func(c *Case) {
			noBMC(c)
			c.Times = Times{provision.Installed: 14 * time.Minute}
		}},
		{"rescue that stays", join(healthy[:2], boot, []string{"125s dhcp ack client=other", "127s installer started installer", "130s installer rescue-ready"},
			progressing(32*time.Minute, 8*time.Hour, 30*time.Minute, "installer progress | one is logged in")), job(provision.JobRescue)},
		{"burn-in of ten hours", join(healthy[:2], boot, []string{"125s dhcp ack client=other", "127s installer started installer", "130s installer burnin-memory"},
			progressing(20*time.Minute, 10*time.Hour, 20*time.Minute, "installer progress | memory: 3 passes"), []string{"10h15m installer job-done done"}), job(provision.JobBurnin)},
		{"wipe of 20 TB", join(healthy[:2], boot, []string{"125s dhcp ack client=other", "127s installer started installer", "130s installer wipe-disks"},
			progressing(20*time.Minute, 9*time.Hour, 20*time.Minute, "installer progress | sda 1 of 20 TB"), []string{"9h15m installer job-done done"}), job(provision.JobWipe)},
		{"a role that takes half an hour", join(healthy[:21], []string{"36m agent converged converged", "36m10s check serving serving"}), nil},
		{"a package of the role restarts the host", join(healthy[:21], []string{
			"7m dhcp discover client=PXE arch=x64_UEFI secs=0 tries=1 offered=10.77.0.11", "7m1s dhcp ack client=PXE arch=x64_UEFI", "7m30s dhcp ack client=other", "9m agent converged converged", "9m10s check serving serving",
		}), nil},
		{"the network comes first in its boot order, after the install", join(healthy[:17], []string{
			"290s dhcp discover client=PXE arch=x64_UEFI secs=0 tries=1 offered=10.77.0.11", "291s dhcp ack client=PXE arch=x64_UEFI", "305s dhcp ack client=other", "310s agent booted booted",
		}, end[4:]), nil},
	} {
		t.Run(tc.name, func(t *testing.T) { stepThrough(t, tc.journal, tc.change) })
	}
}

// TestApplianceWasOff: after a start of the appliance, a box has the whole time again to be
// heard.
func TestApplianceWasOff(t *testing.T) {
	off := func(at time.Duration) func(*Case) {
		return func(c *Case) {
			c.Links = append(c.Links, provision.Event{Counted: start.Add(at), Source: "appliance", Kind: "started"})
		}
	}
	for name, cut := range map[string]int{"firmware": 2, "asked": 3, "addressed": 4, "boot program": 5, "kernel": 9, "packages": 13, "installed": 16, "booted": 18} {
		t.Run(name, func(t *testing.T) {
			c := caseOf(t, healthy[:cut]...)
			off(2 * time.Hour)(&c)
			for _, after := range []time.Duration{time.Second, 50 * time.Second} {
				if got := diagnose(t, c, 2*time.Hour+after); got != nil {
					t.Errorf("%s after the start: %s: %s", after, got.Rule, got.Cause())
				}
			}
			if got := diagnose(t, c, 3*time.Hour); got == nil {
				t.Error("it is not found an hour later either")
			}
		})
	}
}
