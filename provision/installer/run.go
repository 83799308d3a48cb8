package installer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/templates/kickstart"
)

// Install carries an install out, from the kernel's command line to an unmounted
// system, and returns the exit status that tells Supervise how to go on.
func Install(ctx context.Context) int {
	passOver()
	clk := realClock{}
	con := newConsole(clk.Now, newRedactor().clean)
	con.openAll()
	cmdline := ParseCmdline(readText("/proc/cmdline"))
	client := &http.Client{Transport: &http.Transport{
		// the image and the events; no proxy from the environment
		MaxIdleConnsPerHost: 2, ResponseHeaderTimeout: 30 * time.Second, DisableCompression: true,
	}}
	m := &machine{
		target: "/mnt/sysimage", con: con, client: client, clk: clk,
		rep: newReporter(cmdline.Report, client, clk, newRedactor().clean, con.printf),
	}
	con.printf("rackhand-installer")
	m.rep.start(ctx)
	var end string
	if cmdline.Job != "" {
		end = m.runJob(ctx, cmdline)
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
	m.con.flush(5 * time.Second)
	switch end {
	case "poweroff", "shutdown":
		return exitPowerOff
	case "halt":
		return exitHalt
	}
	return exitReboot
}

// finished tells the appliance that the system is installed. It must get
// through, for the appliance else hands the installer out once more; so it is
// tried for ten minutes before the box goes on to its own disk without.
func (m *machine) finished(ctx context.Context) error {
	m.con.printf("%s", timingTable(m.timings))
	err := m.rep.last(ctx, Event{Stage: "installed", Kind: "installed", Message: "the system is installed"}, 10*time.Minute)
	if err != nil {
		m.con.printf("the appliance could not be told that the system is installed: %v", err)
	}
	m.con.printf("the system is installed")
	return nil
}

// failed leaves the box unbootable, tells why, keeps it on the screen, and says how
// the box ends: see endAfter.
func (m *machine) failed(ctx context.Context, err error, hold time.Duration) (end string) {
	m.con.printf("FAILED: %v", err)
	for _, s := range m.onError {
		if e := m.script(ctx, scriptStep{s}); e != nil {
			m.con.printf("%%onerror of line %d: %v", s.Section.Pos.Line, e)
		}
	}
	message := err.Error()
	if len(m.touched) > 0 {
		if e := m.makeUnbootable(ctx); e != nil {
			message += "; and the disk could not be cleared: " + e.Error()
		}
	}
	untold := m.rep.last(ctx, Event{Stage: "failed", Kind: failKind(err), Level: "error", Message: message}, 2*time.Minute)
	if untold != nil {
		m.con.printf("the appliance could not be told: %v", untold)
	}
	end = endAfter(err, len(m.touched) > 0, untold == nil)
	m.con.printf("\nTHE INSTALL FAILED: %s\n%s in %v", message, end, hold)
	_ = m.clk.Sleep(ctx, hold)
	return end
}

// endAfter says how a box ends whose install failed. It is powered off, since booting
// again might come back here; but one that was refused for what its disk carries, by our
// guard or by a %pre such as that of the shipped templates, may be a box in service: once
// the appliance knows, and so hands out no installer, it goes back to that.
func endAfter(err error, touched, told bool) string {
	if kind := failKind(err); told && !touched && (kind == FailDisk || kind == FailScript) {
		return "reboot"
	}
	return "poweroff"
}

// install does everything up to the unmounting. It returns how the Kickstart
// wants the box to end.
func (m *machine) install(ctx context.Context, cmdline Cmdline) (string, error) {
	if cmdline.Kickstart == "" {
		return "", errors.New("the kernel's command line has no inst.ks=URL")
	}
	prepareShell()
	mods, err := m.modules(cmdline)
	if err != nil {
		return "", err
	}
	m.load = mods.add
	var disks diskWatch
	scan := func() {
		mods.settle()
		disks.look(findDisks("/sys"), m.clk.Now())
	}
	var net *lease
	if err := m.timed("modules, network", func() (err error) {
		net, err = bringUp(ctx, cmdline.BootMAC, cmdline.VLAN, scan, m.con.printf)
		return err
	}); err != nil {
		m.tellDoubts(pciNetwork, false)
		return "", err
	}
	m.con.printf("network card %s has %s", net.NIC, &net.Address)

	recipe, err := m.recipe(ctx, cmdline)
	if err != nil {
		return "", err
	}
	linkDisks("/dev", findDisks("/sys"))
	m.tellDoubts(pciNetwork, true)
	if err := m.preScripts(ctx, recipe, cmdline.Leave); err != nil {
		return "", err
	}
	if recipe, err = m.included(recipe, cmdline.Way); err != nil {
		return "", err
	}
	facts, err := gatherFacts(ctx, recipe, net, scan, &disks)
	if err != nil {
		return "", err
	}
	m.tellDoubts(pciStorage, true)
	steps, err := Plan(recipe, facts, cmdline.Leave, newGUID)
	if err != nil {
		return "", &Failure{FailKickstart, err}
	}
	return recipe.end, m.carryOut(ctx, steps)
}

// preScripts runs the %pre scripts, with the disks sealed where they may not be written to.
func (m *machine) preScripts(ctx context.Context, r *Recipe, may Leave) error {
	if sealed(r, may) {
		open, err := sealDisks(ctx, m.con.printf)
		if err != nil {
			return err
		}
		defer func() {
			if err := open(); err != nil {
				m.con.printf("%v", err)
			}
		}()
	}
	for _, s := range r.Pre {
		if err := m.timed("%pre", func() error { return scriptStep{s}.do(ctx, m) }); err != nil {
			return err
		}
	}
	return nil
}

func (m *machine) carryOut(ctx context.Context, steps []Step) error {
	for _, s := range steps {
		if err := m.timed(fmt.Sprintf("%T", s), func() error { return s.do(ctx, m) }); err != nil {
			return err
		}
	}
	return nil
}

// recipe fetches, parses and checks the Kickstart, and says that the installer
// has it. No disk has been looked at yet.
func (m *machine) recipe(ctx context.Context, cmdline Cmdline) (*Recipe, error) {
	var got reply
	cards := cardHeaders(findNICs("/sys"))
	err := m.timed("Kickstart", func() (err error) {
		got, err = fetch(ctx, m.client, m.clk, cmdline.Kickstart, cards, kickstart.MaxSize, 40)
		return err
	})
	if err != nil {
		return nil, &Failure{FailFetch, fmt.Errorf("fetch the Kickstart %s: %w", cmdline.Kickstart, err)}
	}
	m.setClock(got.date)
	file, err := kickstart.Parse("ks.cfg", got.data)
	if err != nil {
		return nil, &Failure{FailKickstart, err}
	}
	recipe, err := ReadAs(file, cmdline.Way)
	if err != nil {
		return nil, err
	}
	m.hide(recipe)
	m.onError = recipe.OnError
	m.logTo(ctx, recipe)
	m.event(Event{Stage: "installer", Kind: "started", Message: "the installer has its Kickstart"})
	m.tellPassed(recipe.passed)
	return recipe, nil
}

// cardHeaders say which cards the box has, as Anaconda does with inst.ks.sendmac: a bond
// of the installed system may bear the MAC of any, and the appliance has to know it.
func cardHeaders(nics []NIC) http.Header {
	h := http.Header{}
	for i, n := range nics {
		h.Set(fmt.Sprintf("X-RHN-Provisioning-MAC-%d", i), n.Name+" "+n.MAC)
	}
	return h
}

// hide takes a recipe's secrets out of what is shown and told.
func (m *machine) hide(r *Recipe) {
	clean := newRedactor(r.Secrets...).clean
	m.con.setClean(clean)
	m.rep.setClean(clean)
}

// gatherFacts looks at the machine. Disks may take a moment to show up: it waits
// for those that the Kickstart names, and for one at least; when it names none, until no
// more come.
func gatherFacts(ctx context.Context, r *Recipe, net *lease, scan func(), watch *diskWatch) (Facts, error) {
	facts := Facts{BootNIC: net.Card, DNS: net.DNS, Memory: memoryOf("/proc/meminfo")}
	if _, err := os.Stat("/sys/firmware/efi"); err == nil {
		facts.UEFI = true
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		scan()
		facts.NICs, facts.Disks = findNICs("/sys"), findDisks("/sys")
		_, err := Plan(r, facts, Leave{Wipe: true}, newGUID)
		watch.look(facts.Disks, time.Now())
		if err == nil && watch.settled(r, time.Now()) || time.Now().After(deadline) {
			return facts, nil // Plan says what is wrong, if anything
		}
		if err != nil && len(facts.Disks) > 0 && time.Now().After(deadline.Add(-25*time.Second)) && len(r.diskWords()) == 0 {
			return facts, nil
		}
		if err := (realClock{}).Sleep(ctx, 250*time.Millisecond); err != nil {
			return facts, err
		}
	}
}

// modules loads what no device's alias asks for.
func (m *machine) modules(cmdline Cmdline) (*moduleLoader, error) {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return nil, err
	}
	dir := filepath.Join("/lib/modules", unix.ByteSliceToString(uts.Release[:]))
	l, err := newModuleLoader(dir, finitModule, m.con.printf)
	if err != nil {
		return nil, fmt.Errorf("the initramfs doesn't fit its kernel: %w", err)
	}
	for _, name := range []string{
		"af_packet",                      // DHCP's raw socket
		"crc32c_generic", "crc32c_intel", // ext4's checksums
		"ext4", "vfat", "nls_cp437", "nls_ascii", "nls_utf8", "nls_iso8859_1",
		"sd_mod",
	} {
		l.add(name)
	}
	if cmdline.VLAN.ID > 0 {
		l.add("8021q")
	}
	return l, nil
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
