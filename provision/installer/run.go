package installer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"time"

	"rackhand/provision/installer/disk"
	"rackhand/provision/installer/hardware"
	"rackhand/provision/installer/job"
	"rackhand/provision/installer/kernel"
	"rackhand/provision/installer/netconf"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
	"rackhand/templates/kickstart"
)

// Install carries out an install, from the kernel's command line to an unmounted system, or a
// job. It returns the exit status by which Supervise knows how to end.
func Install(ctx context.Context) int {
	ignoreSignals()
	clk := report.RealClock{}
	con := report.NewConsole(clk.Now, report.NewRedactor().Clean)
	con.OpenAll()
	cmdline := ParseCmdline(kernel.ReadText("/proc/cmdline"))
	client := &http.Client{Transport: &http.Transport{
		// the image and the events; no proxy from the environment
		MaxIdleConnsPerHost: 2, ResponseHeaderTimeout: 30 * time.Second, DisableCompression: true,
	}}
	m := &machine{
		target: "/mnt/sysimage", client: client, clk: clk,
		Log: report.Log{Con: con, Rep: report.NewReporter(cmdline.Report, client, clk, report.NewRedactor().Clean, con.Printf)},
	}
	con.Printf("rackhand-installer")
	m.Rep.Start(ctx)
	var end string
	if cmdline.Job != "" {
		prepareShell()
		j := &job.Runner{Log: m.Log, Clk: clk, Client: client}
		end = j.Run(ctx, job.Settings{
			Job: cmdline.Job, Order: cmdline.Order, Report: cmdline.Report,
			BootMAC: cmdline.BootMAC, VLAN: cmdline.VLAN, Hold: cmdline.Hold,
		})
	} else {
		var err error
		if end, err = m.install(ctx, cmdline); err == nil {
			err = m.finished(ctx)
		}
		if err != nil {
			end = m.failed(ctx, err, cmdline.Hold)
		}
	}
	m.closeLog()
	m.Con.Flush(5 * time.Second)
	switch end {
	case "poweroff", "shutdown":
		return exitPowerOff
	case "halt":
		return exitHalt
	}
	return exitReboot
}

// finished reports to the appliance that the system is installed. Without that report the
// appliance would start the installer again, so it tries for ten minutes before the box boots
// from its own disk.
func (m *machine) finished(ctx context.Context) error {
	m.Con.Printf("%s", timingTable(m.timings))
	err := m.Rep.Last(ctx, report.Event{Stage: "installed", Kind: "installed", Message: "the system is installed"}, 10*time.Minute)
	if err != nil {
		m.Con.Printf("the report to the appliance that the system is installed failed: %v", err)
	}
	m.Con.Printf("the system is installed")
	return nil
}

// failed makes the box unbootable, reports why, keeps the reason on the screen, and returns
// how the box ends: see endAfter.
func (m *machine) failed(ctx context.Context, err error, hold time.Duration) (end string) {
	m.Con.Printf("FAILED: %v", err)
	for _, s := range m.onError {
		if e := m.script(ctx, plan.ScriptStep{Script: s}); e != nil {
			m.Con.Printf("%%onerror of line %d: %v", s.Section.Pos.Line, e)
		}
	}
	message := err.Error()
	if len(m.touched) > 0 {
		if e := m.makeUnbootable(ctx); e != nil {
			message += "; and the disk could not be cleared: " + e.Error()
		}
	}
	untold := m.Rep.Last(ctx, report.Event{Stage: "failed", Kind: plan.FailKind(err), Level: "error", Message: message, Fields: plan.FailFields(err)}, 2*time.Minute)
	if untold != nil {
		m.Con.Printf("the report to the appliance failed: %v", untold)
	}
	end = endAfter(err, len(m.touched) > 0, untold == nil)
	m.Con.Printf("\nTHE INSTALL FAILED: %s\n%s in %v", message, end, hold)
	_ = m.clk.Sleep(ctx, hold)
	return end
}

// endAfter decides how a box ends after a failed install. The box is powered off, because it might
// boot into the installer again. A box that was refused for the data on its disk, by our guard
// or by a %pre such as that of the shipped templates, may be in service: it reboots, once the
// appliance knows of the failure and no longer starts the installer.
func endAfter(err error, touched, told bool) string {
	if kind := plan.FailKind(err); told && !touched && (kind == plan.FailDisk || kind == plan.FailScript) {
		return "reboot"
	}
	return "poweroff"
}

// install does everything up to the unmounting. It returns how the box is to end by the
// Kickstart.
func (m *machine) install(ctx context.Context, cmdline Cmdline) (string, error) {
	if cmdline.Kickstart == "" {
		return "", errors.New("the kernel's command line has no inst.ks=URL")
	}
	prepareShell()
	mods, err := hardware.LoadModules(cmdline.VLAN.ID > 0, m.Con.Printf)
	if err != nil {
		return "", err
	}
	m.load = mods.Load
	var disks diskWatch
	scan := func() {
		mods.Settle()
		disks.look(hardware.FindDisks("/sys"), m.clk.Now())
	}
	var net *hardware.Lease
	if err := m.timed("modules, network", func() (err error) {
		net, err = hardware.BringUp(ctx, cmdline.BootMAC, cmdline.VLAN, scan, m.Con.Printf)
		return err
	}); err != nil {
		hardware.ReportMissingDrivers(m.Log, hardware.PCINetwork, false)
		return "", err
	}
	m.Con.Printf("network card %s has %s", net.NIC, &net.Address)

	recipe, err := m.recipe(ctx, cmdline)
	if err != nil {
		return "", err
	}
	hardware.LinkDisks("/dev", hardware.FindDisks("/sys"))
	hardware.ReportMissingDrivers(m.Log, hardware.PCINetwork, true)
	if err := m.preScripts(ctx, recipe, cmdline.Overwrite); err != nil {
		return "", err
	}
	if recipe, err = m.included(recipe, cmdline.ReadOptions); err != nil {
		return "", err
	}
	facts, err := gatherFacts(ctx, recipe, net, scan, &disks)
	if err != nil {
		return "", err
	}
	hardware.ReportMissingDrivers(m.Log, hardware.PCIStorage, true)
	steps, err := plan.Plan(recipe, facts, cmdline.Overwrite, newGUID)
	if err != nil {
		return "", &plan.Failure{Kind: plan.FailKickstart, Err: err}
	}
	return recipe.End, m.carryOut(ctx, steps)
}

// preScripts runs the %pre scripts, with the disks sealed where they may not be written to.
func (m *machine) preScripts(ctx context.Context, r *plan.Recipe, may plan.Overwrite) error {
	if r.WriteProtectsDisks(may) {
		open, err := disk.WriteProtect(ctx, m.Con.Printf)
		if err != nil {
			return err
		}
		defer func() {
			if err := open(); err != nil {
				m.Con.Printf("%v", err)
			}
		}()
	}
	for _, s := range r.Pre {
		if err := m.timed("%pre", func() error { return m.do(ctx, plan.ScriptStep{Script: s}) }); err != nil {
			return err
		}
	}
	return nil
}

// carryOut does the steps. The BMC is set up once no disk is refused: a box whose disk is
// refused may be in service.
func (m *machine) carryOut(ctx context.Context, steps []plan.Step) error {
	for i, s := range steps {
		if err := m.timed(fmt.Sprintf("%T", s), func() error { return m.do(ctx, s) }); err != nil {
			return err
		}
		if i == lastGuard(steps) {
			m.setUpBMC(ctx)
		}
	}
	return nil
}

// lastGuard is the index of the last step that may refuse a disk; -1 for none.
func lastGuard(steps []plan.Step) int {
	last := -1
	for i, s := range steps {
		if _, ok := s.(plan.GuardStep); ok {
			last = i
		}
	}
	return last
}

// recipe fetches, parses and checks the Kickstart, and reports that the installer has it. No
// disk has been looked at yet.
func (m *machine) recipe(ctx context.Context, cmdline Cmdline) (*plan.Recipe, error) {
	var got report.Reply
	cards := cardHeaders(hardware.FindNICs("/sys"))
	err := m.timed("Kickstart", func() (err error) {
		got, err = report.Fetch(ctx, m.client, m.clk, cmdline.Kickstart, cards, kickstart.MaxSize, 40)
		return err
	})
	if err != nil {
		return nil, &plan.Failure{Kind: plan.FailFetch, Err: fmt.Errorf("fetch the Kickstart %s: %w", cmdline.Kickstart, err)}
	}
	hardware.SetClock(m.Log, m.clk, got.Date)
	file, err := kickstart.Parse("ks.cfg", got.Data)
	if err != nil {
		return nil, &plan.Failure{Kind: plan.FailKickstart, Err: err}
	}
	recipe, err := plan.ReadAs(file, cmdline.ReadOptions)
	if err != nil {
		return nil, err
	}
	m.hide(recipe)
	m.onError = recipe.OnError
	m.logTo(ctx, recipe)
	m.fetchBMC(ctx, cmdline.BMC, cards, recipe) // the token ends with the next event
	m.Event(report.Event{Stage: "installer", Kind: "started", Message: "the installer has its Kickstart"})
	m.reportSkipped(recipe.Skipped)
	return recipe, nil
}

// cardHeaders say which cards the box has, as Anaconda does with inst.ks.sendmac: a bond
// of the installed system may bear the MAC of any, and the appliance has to know it.
func cardHeaders(nics []netconf.NIC) http.Header {
	h := http.Header{}
	for i, n := range nics {
		h.Set(fmt.Sprintf("X-RHN-Provisioning-MAC-%d", i), n.Name+" "+n.MAC)
	}
	return h
}

// hide takes the secrets of a recipe and of the BMC out of all later lines and events.
func (m *machine) hide(r *plan.Recipe) {
	secrets := slices.Clone(r.Secrets)
	if m.bmc != nil {
		secrets = append(secrets, m.bmc.Password)
	}
	clean := report.NewRedactor(secrets...).Clean
	m.Con.SetClean(clean)
	m.Rep.SetClean(clean)
}

// gatherFacts looks at the machine. Disks may take a moment to appear. It waits for those that
// the Kickstart names, and for at least one. If the Kickstart names none, it waits until no
// more appear.
func gatherFacts(ctx context.Context, r *plan.Recipe, net *hardware.Lease, scan func(), watch *diskWatch) (plan.Facts, error) {
	facts := plan.Facts{BootNIC: net.Card, DNS: net.DNS, Memory: hardware.Memory("/proc/meminfo")}
	if _, err := os.Stat("/sys/firmware/efi"); err == nil {
		facts.UEFI = true
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		scan()
		facts.NICs, facts.Disks = hardware.FindNICs("/sys"), hardware.FindDisks("/sys")
		_, err := plan.Plan(r, facts, plan.Overwrite{Wipe: true}, newGUID)
		watch.look(facts.Disks, time.Now())
		if err == nil && watch.settled(r, time.Now()) || time.Now().After(deadline) {
			return facts, nil // Plan says what is wrong, if anything
		}
		if err != nil && len(facts.Disks) > 0 && time.Now().After(deadline.Add(-25*time.Second)) && len(r.DiskWords()) == 0 {
			return facts, nil
		}
		if err := (report.RealClock{}).Sleep(ctx, 250*time.Millisecond); err != nil {
			return facts, err
		}
	}
}

// prepareShell makes the links of busybox that the initramfs lacks, for scripts.
func prepareShell() {
	for _, p := range []string{"/bin/busybox", "/usr/bin/busybox"} {
		if _, err := os.Stat(p); err == nil {
			_ = os.MkdirAll("/bin", 0o755)
			_ = exec.Command(p, "--install", "-s", "/bin").Run() // those that exist are left
			return
		}
	}
}

// newGUID is a random GUID (RFC 9562, version 4).
func newGUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see its documentation
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
