package rack

import (
	"fmt"
	"net/netip"

	"rackhand/provision/bmc/bmctest/redfishsim"
)

// redfishPort is where BMCs serve Redfish (HTTPS).
const redfishPort = 443

// serveRedfish lets a simulated Redfish service drive the box, beside IPMI.
func (b *Box) serveRedfish() error {
	o := redfishsim.Options{User: b.opts.BMCUser, Password: b.opts.BMCPassword, Machine: redfishMachine{b}}
	if b.opts.BMCFaults.SwallowsOverride {
		o.Faults = append(o.Faults, redfishsim.OverrideIgnored)
	}
	if b.opts.BMCFaults.SwallowsCycle {
		o.Faults = append(o.Faults, redfishsim.SwallowsCycle)
	}
	s, err := redfishsim.New(o)
	if err != nil {
		return err
	}
	l, err := listenIn(b.ns, netip.AddrPortFrom(b.opts.BMCAddress.Addr(), redfishPort))
	if err != nil {
		return err
	}
	s.Serve(l)
	b.redfish = s
	return nil
}

// Redfish is the service of its BMC; nil without one.
func (b *Box) Redfish() *redfishsim.Service { return b.redfish }

// redfishMachine is a Box as a Redfish service sees it.
type redfishMachine struct{ b *Box }

func (m redfishMachine) On() bool { return m.b.On() }

// Reset carries out a ResetType.
func (m redfishMachine) Reset(kind string) error {
	switch kind {
	case "On":
		_, err := m.b.powerOn()
		return err
	case "ForceOff":
		m.b.PowerCut()
		return nil
	case "ForceRestart", "PowerCycle":
		return m.b.Reset()
	case "GracefulShutdown":
		return m.b.SoftOff()
	case "Nmi":
		return m.b.NMI()
	}
	return fmt.Errorf("rack: %s has no reset type %q", m.b.opts.Name, kind)
}

// SetBoot writes the override as boot flags that don't expire: Redfish's wait for the boot.
func (m redfishMachine) SetBoot(target string, once, uefi bool) {
	flags := [5]byte{flagValid}
	if !once {
		flags[0] |= flagPersistent
	}
	if uefi {
		flags[0] |= flagEFI
	}
	switch target {
	case "Pxe":
		flags[1] = selectPXE << 2
	case "Hdd":
		flags[1] = selectDisk << 2
	default:
		flags[0] = flagValid | flagPersistent // none: the setting as delivered
	}
	m.b.mu.Lock()
	defer m.b.mu.Unlock()
	m.b.boot.validClear |= dontClearOnTimeout
	m.b.boot.setFlags(flags, m.b.clock())
	m.b.log.Info("BMC: boot override written by Redfish", "boot", m.b.boot.String())
}

// BootSpent reports whether the firmware used the override of one boot.
func (m redfishMachine) BootSpent() bool {
	m.b.mu.Lock()
	defer m.b.mu.Unlock()
	return m.b.boot.read(m.b.clock())[0]&flagValid == 0
}
