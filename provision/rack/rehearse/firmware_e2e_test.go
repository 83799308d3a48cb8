//go:build e2e

package rehearse_test

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"rackhand/provision"
	"rackhand/provision/rack/rehearse"
)

// A firmwareCase is a kind of box, and how it is to come up.
type firmwareCase struct {
	rehearse.Box
	// programs are the boot programs that the journal says it fetched, in order;
	// empty for a card that has its script at once.
	programs []string
	// says must stand in the box's serial output.
	says []string
	// reaches is the stage that the journal has to show before the box is cut; kernel
	// unless given.
	reaches provision.Stage
}

const (
	linux      = "Linux version "
	locked     = "Secure boot enabled" // arch/x86/kernel/setup.c, drivers/firmware/efi/libstub
	probe      = "rackhand arm64 init"
	ownArg     = "rackhand-matrix=yes"
	ownConsole = "ttyS0,57600n8"
)

// firmwares are the rows of the table of firmwares, and what a host's boot settings
// change in them. TestUnclaimedWaits boots plain UEFI.
func firmwares() []firmwareCase {
	return []firmwareCase{
		{Box: rehearse.Box{Name: "bios", Firmware: "bios"}, says: []string{linux}},
		{
			Box:      rehearse.Box{Name: "bios-chained", Firmware: "bios", Boot: "{program: undionly.kpxe}"},
			programs: []string{"undionly.kpxe"},
			says:     []string{linux},
		},
		{Box: rehearse.Box{Name: "uefi-http", Firmware: "uefi", HTTPBoot: true}, programs: []string{"snponly.efi"}, says: []string{linux}},
		{Box: rehearse.Box{Name: "uefi-rom", Firmware: "uefi", IPXEROM: true}, says: []string{linux}},
		{
			Box: rehearse.Box{
				Name: "uefi-own", Firmware: "uefi",
				Boot: "{program: ipxe.efi, console: '" + ownConsole + "', args: [" + ownArg + "]}",
			},
			programs: []string{"ipxe.efi"},
			says:     []string{linux, "console=" + ownConsole, ownArg},
		},
		{
			Box:      rehearse.Box{Name: "secureboot", Firmware: "uefi", SecureBoot: true, Boot: "{secure_boot: true}"},
			programs: []string{"shimx64.efi", "grubx64.efi"},
			says:     []string{linux, locked},
		},
		{
			Box:      rehearse.Box{Name: "arm64", Firmware: "uefi", Arch: "arm64", System: probeImage},
			programs: []string{"grubaa64.efi"},
			says:     []string{linux, probe, "inst.ks="},
		},
		{
			Box:      rehearse.Box{Name: "arm64-http", Firmware: "uefi", Arch: "arm64", System: probeImage, HTTPBoot: true},
			programs: []string{"grubhttpaa64.efi"},
			says:     []string{linux, probe, "inst.ks="},
		},
		{
			Box:      rehearse.Box{Name: "arm64-secureboot", Firmware: "uefi", Arch: "arm64", System: probeImage, SecureBoot: true, Boot: "{secure_boot: true}"},
			programs: []string{"shimaa64.efi", "grubaa64.efi"},
			says:     []string{linux, locked, probe},
		},
	}
}

// TestFirmwares powers on one box after another; each is cut when its kernel runs.
func TestFirmwares(t *testing.T) {
	cases := firmwares()
	startCases(t, rehearse.Options{}, cases).matrix(t, cases)
}

// startCases puts up a rack with the boxes of cases, which are armed by their first boot.
func startCases(t *testing.T, o rehearse.Options, cases []firmwareCase) *rehearsal {
	t.Helper()
	images := need(t, "RACKHAND_IMAGES")
	o.Images, o.Policy = images, "first-boot"
	if slices.ContainsFunc(cases, func(c firmwareCase) bool { return c.System == probeImage }) {
		o.Images = arm64Images(t, images)
		o.Bootfiles = arm64Bootfiles(t, need(t, "RACKHAND_BIN"), images)
	}
	for _, c := range cases {
		o.Boxes = append(o.Boxes, c.Box)
	}
	return start(t, o)
}

// matrix boots the boxes of cases, one at a time, and logs their times.
func (r *rehearsal) matrix(t *testing.T, cases []firmwareCase) {
	t.Helper()
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "box\taddress\tprogram\tscript\tkernel fetched\tkernel runs")
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { r.boot(t, c, w) })
	}
	if err := w.Flush(); err != nil {
		t.Error(err)
	}
	t.Logf("seconds from power-on (%s)\n%s", r.Rack.Accelerator(), table.String())
}

// boot takes one box from power-on to its kernel.
func (r *rehearsal) boot(t *testing.T, c firmwareCase, table *tabwriter.Writer) {
	t.Helper()
	box := r.Rack.Box(c.Name)
	defer box.PowerCut()
	began := time.Now()
	if err := box.PowerOn(); err != nil {
		t.Fatal(err)
	}
	runs := r.serialSays(t, c, began)
	took := map[provision.Stage]time.Time{}
	var programs []string
	reaches := cmp.Or(c.reaches, provision.Kernel)
	for _, e := range r.eventsWith(t, c.Name, reaches) {
		if _, seen := took[e.Stage]; !seen && e.Stage != "" {
			took[e.Stage] = e.Time
		}
		if name := fetched(e); e.Stage == provision.Bootfile && name != "" && !slices.Contains(programs, name) {
			programs = append(programs, name)
		}
		// Firmware asks for sizes, breaks off, and tries names in vain. All of that is healthy.
		if e.Level != "" && (e.Kind == "fetch-stopped" || e.Kind == "no-such-file" || e.Kind == "fetch-failed") {
			t.Errorf("a healthy boot left the warning %+v", e)
		}
	}
	if stuck := r.host(c.Name).Stuck; stuck != nil {
		t.Errorf("a healthy boot is stuck: %s: %s", stuck.Rule, stuck.Cause())
	}
	want := []provision.Stage{provision.Addressed, provision.Script, provision.Kernel, reaches}
	if len(c.programs) > 0 {
		want = append(want, provision.Bootfile)
	}
	for _, s := range want {
		if took[s].IsZero() {
			t.Errorf("no event of stage %s in the journal", s)
		}
	}
	if !slices.Equal(programs, c.programs) {
		t.Errorf("it fetched the boot programs %q, not %q", programs, c.programs)
	}
	// GRUB's menu comes by TFTP: its attempt begins when its installer comes over TCP.
	byTFTP := slices.Contains(programs, "grubx64.efi") || slices.Contains(programs, "grubaa64.efi")
	if in := r.host(c.Name).Install; in == nil || in.Attempts > 1 || in.Attempts == 0 && !byTFTP || in.Stage.Ended() {
		t.Errorf("one boot is one attempt of an install under way: %+v", in)
	}
	r.noSecrets(c.Name)
	since := func(at time.Time) string {
		if at.IsZero() {
			return "-"
		}
		return fmt.Sprintf("%.1f", at.Sub(began).Seconds())
	}
	fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Name, since(took[provision.Addressed]), since(took[provision.Bootfile]),
		since(took[provision.Script]), since(took[provision.Kernel]), since(runs))
}

// bootPatience bounds one boot: ten times what the slowest takes on a busy machine.
const bootPatience = 6 * time.Minute

// serialSays waits until all that a case wants stands in the box's serial log, and
// returns when its kernel was first seen.
func (r *rehearsal) serialSays(t *testing.T, c firmwareCase, began time.Time) (runs time.Time) {
	t.Helper()
	for {
		said, err := os.ReadFile(r.Rack.Box(c.Name).SerialLog())
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if runs.IsZero() && bytes.Contains(said, []byte(linux)) {
			runs = time.Now()
		}
		missing := slices.DeleteFunc(slices.Clone(c.says), func(s string) bool { return bytes.Contains(said, []byte(s)) })
		if len(missing) == 0 {
			return runs
		}
		if time.Since(began) > bootPatience {
			for _, e := range r.events(c.Name) {
				t.Logf("%s %s %s: %s", e.Source, e.Kind, e.Stage, e.Message)
			}
			t.Fatalf("after %s its serial port has not said %q; it ends with\n%s", bootPatience, missing, said[max(0, len(said)-3000):])
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// eventsWith are a host's events once one of a stage is among them, or has not come
// for long.
func (r *rehearsal) eventsWith(t *testing.T, host string, stage provision.Stage) []provision.Event {
	t.Helper()
	var events []provision.Event
	for range 300 {
		events = r.events(host)
		if slices.ContainsFunc(events, func(e provision.Event) bool { return e.Stage == stage }) {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	for _, e := range events {
		t.Logf("%s %s %s: %s", e.Source, e.Kind, e.Stage, e.Message)
	}
	return events
}

// fetched is the name of the file in an event of a fetch.
func fetched(e provision.Event) string {
	if e.Kind != "fetch" {
		return ""
	}
	name := e.Fields["file"]
	if name == "" {
		name = e.Fields["name"]
	}
	return name[strings.LastIndex(name, "/")+1:]
}
