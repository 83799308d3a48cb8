package why

import (
	"fmt"
	"testing"
	"time"

	"rackhand/inventory"
)

// bootAt is a boot from the network to the kernel that begins at a second.
func bootAt(second int) []string {
	at := func(n int, text string) string { return fmt.Sprintf("%ds %s", second+n, text) }
	return []string{
		at(0, "dhcp ack addressed client=PXE"), at(1, "tftp fetch bootfile name=snponly.efi"), at(4, "dhcp ack addressed client=iPXE"),
		at(5, "http attempt script"), at(7, "http fetch kernel file=vmlinuz"), at(9, "http fetch kernel file=initrd.img"),
	}
}

func TestReboots(t *testing.T) {
	series := func(seconds ...int) []string {
		out := healthy[:2:2]
		for _, s := range seconds {
			out = more(out, bootAt(s)...)
		}
		return out
	}
	failing := more(series(100), "200s installer started installer", "220s installer attempt-failed!! | Anaconda gave up")
	failing = more(failing, bootAt(420)...)
	failing = more(failing, "500s installer started installer", "520s installer attempt-failed!! | Anaconda gave up")
	panics := more(series(100, 220, 345), "400s bmc console-tail | [    2.104512] ahci 0000:00:1f.2: probe failed#012[    2.301] VFS: Unable to mount root fs on unknown-block(0,0)#012\x1b[31m[    2.302113] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\x1b[0m#012[    2.31] Call Trace:")
	silentAt := more(healthy[:9:9], "130s bmc console-tail | [    3.1] Kernel panic - not syncing: Attempted to kill init!")
	runRules(t, []ruleTest{
		{name: "steady", at: "8m", journal: series(100, 220, 345), rule: "reboots", said: []string{"2 times out of its kernel", "panic", "watchdog"}},
		{name: "its console shows a panic", at: "8m", journal: panics, rule: "reboots", said: []string{"Its console says: Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)."}, not: []string{"watchdog", "\x1b", "2.302113"}},
		{name: "its console shows no panic", at: "8m", journal: more(series(100, 220, 345), "400s bmc console-tail | login:"), rule: "reboots", said: []string{"watchdog"}},
		{name: "a panic of an earlier kernel, before these", at: "8m", journal: more(append(healthy[:2:2], "50s bmc console-tail | Kernel panic - not syncing: old"), series(100, 220, 345)[2:]...), rule: "reboots", said: []string{"watchdog"}, not: []string{"old"}},
		{name: "a panic, and no network after it", at: "9m", journal: silentAt, rule: "initramfs-silent", said: []string{"Attempted to kill init"}, not: []string{"driver or firmware", "VLAN"}},
		{name: "no network, and a console that says why not", at: "9m", journal: more(healthy[:9:9], "130s bmc console-tail | [    3.1] rackhand: no network device"), rule: "initramfs-silent", said: []string{"driver or firmware", "last line is: rackhand: no network device."}},
		{name: "the console of before its boot", at: "9m", journal: more([]string{healthy[0], "1s bmc console-tail | Kernel panic - not syncing: old"}, healthy[1:9]...), rule: "initramfs-silent", not: []string{"panic"}},
		{name: "unsteady", at: "20m", journal: series(100, 220, 900), rule: "reboots", said: []string{"memory", "power supply"}},
		{name: "out of the installer", at: "12m", journal: more(more(more(more(series(100), "130s installer started installer"), bootAt(260)...), "290s installer started installer"), bootAt(420)...), rule: "reboots", said: []string{"the installer, at installer"}},
		{name: "its attempts are spent", at: "1h", journal: more(series(100, 220), "345s dhcp ack client=PXE", "346s http spent!! failed | may not have the installer"), rule: "reboots"},
		// One reboot may be a power failure; a reboot after a failure that the installer reported,
		// and one by the BMC, are no panic.
		{name: "one reboot", at: "230s", journal: series(100, 220)},
		{name: "someone cut its power each time", at: "350s", journal: more(more(more(more(series(100), "210s bmc power-cycle"), bootAt(220)...), "340s bmc power-cycle"), bootAt(345)...)},
		{name: "it got further at last", at: "380s", journal: more(series(100, 220, 345), "375s installer started installer")},
		{name: "Anaconda that failed and waited", at: "16m", journal: more(failing, "710s dhcp ack addressed client=PXE"), rule: "anaconda"},
	})
}

// Firmware that asks again after its boot program did not come as far as a kernel.
func TestRebootsBeforeTheKernel(t *testing.T) {
	journal := healthy[:2:2]
	for _, s := range []int{100, 104, 108} {
		journal = more(journal, bootAt(s)[:2]...)
	}
	if got := reboots(tell(caseOf(t, journal...), start.Add(time.Hour))); got != nil {
		t.Errorf("%+v", got)
	}
}

// An initramfs of Anaconda that can't fetch restarts the box, too.
func TestRebootsOfAnaconda(t *testing.T) {
	journal := healthy[:2:2]
	for _, s := range []int{100, 220, 345} {
		journal = more(journal, bootAt(s)...)
	}
	c := caseOf(t, journal...)
	c.Host.System = &inventory.System{Installer: inventory.InstallerAnaconda}
	if got := diagnose(t, c, 8*time.Minute); got == nil || got.Rule != "reboots" || len(got.Causes) != 3 {
		t.Errorf("%+v", got)
	}
}
