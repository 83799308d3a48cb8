package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/bmc"
)

// BMCs reaches the BMCs of hosts.
type BMCs interface {
	// With runs f in a session at a host's BMC, with at least a privilege.
	With(ctx context.Context, h *inventory.Host, op string, need bmc.Privilege, f func(context.Context, bmc.Session) error) error
	// SetBoot sets the boot override and returns it as read back.
	SetBoot(ctx context.Context, h *inventory.Host, r bmc.BootRequest) (bmc.Boot, error)
	// SoftOff asks the system to shut down, and after the limit switches the power off if hard
	// is set.
	SoftOff(ctx context.Context, h *inventory.Host, limit time.Duration, hard bool) (seen bmc.Status, forced bool, err error)
	// NMI sends the system a diagnostic interrupt.
	NMI(ctx context.Context, h *inventory.Host) (bmc.Status, error)
	// Protocol is the protocol that the BMC was last spoken to with; "" when it wasn't.
	Protocol(h *inventory.Host) bmc.Protocol
}

// softOffLimit is the time in which a system must be off after it was asked to shut down.
const softOffLimit = 5 * time.Minute

// MostEntries bounds the entries of a BMC's log that are read at once.
const MostEntries = 2000

// overview are the parts of a first look.
var overview = []bmc.ReportPart{bmc.PartPower, bmc.PartInfo, bmc.PartBoot, bmc.PartNetwork, bmc.PartLog}

// BMCOverview reads what a BMC is, and in which state its box is.
func (o *Operator) BMCOverview(ctx context.Context, host string) (bmc.Overview, error) {
	return o.report(ctx, host, "read its state", bmc.Operator, 0, overview...)
}

// BMCRead reads parts of a BMC; entries is how many of the log's.
func (o *Operator) BMCRead(ctx context.Context, host string, entries int, parts ...bmc.ReportPart) (bmc.Overview, error) {
	need := bmc.Operator
	for _, p := range parts {
		if p == bmc.PartUsers {
			need = bmc.Administrator
		}
	}
	v, err := o.report(ctx, host, "read its "+string(parts[0]), need, entries, parts...)
	if err == nil && len(parts) == 1 && v.Missing[parts[0]] != "" {
		err = fmt.Errorf("%s: its BMC gives no %s: %s", host, parts[0], v.Missing[parts[0]])
	}
	return v, err
}

func (o *Operator) report(ctx context.Context, host, op string, need bmc.Privilege, entries int, parts ...bmc.ReportPart) (bmc.Overview, error) {
	h, err := o.hostWithBMC(host)
	if err != nil {
		return bmc.Overview{}, err
	}
	v := bmc.Overview{Host: host, Address: h.BMC.Address.String()}
	err = o.BMCs.With(ctx, h, op, need, func(ctx context.Context, s bmc.Session) (err error) {
		v.Report, err = bmc.Read(ctx, s, entries, parts...)
		return err
	})
	if err != nil {
		return v, fmt.Errorf("%s: %w", host, err)
	}
	v.At, v.Protocol = o.Now(), o.BMCs.Protocol(h)
	return v, nil
}

// BMCQuirks says which quirks of a host's BMC are in force, by what is remembered of it: the
// BMC isn't asked.
func (o *Operator) BMCQuirks(ctx context.Context, host string) (bmc.QuirkReport, error) {
	h, err := o.hostWithBMC(host)
	if err != nil {
		return bmc.QuirkReport{}, err
	}
	var m bmc.Memory
	if o.Memory != nil {
		if m, err = o.Memory(ctx, h); err != nil {
			return bmc.QuirkReport{}, fmt.Errorf("%s: %w", host, err)
		}
	}
	return bmc.QuirksOf(o.Snapshot(), h, m), nil
}

// BMCClearLog clears the BMC's event log.
func (o *Operator) BMCClearLog(ctx context.Context, host string) error {
	return o.change(ctx, host, "log-clear", "clear its event log", func(h *inventory.Host) (map[string]string, error) {
		return nil, o.BMCs.With(ctx, h, "clear the event log", bmc.Administrator, func(ctx context.Context, s bmc.Session) error { return s.ClearLog(ctx) })
	})
}

// BMCIdentify switches the identify lamp.
func (o *Operator) BMCIdentify(ctx context.Context, host string, on bool) error {
	what := "off"
	if on {
		what = "on"
	}
	return o.change(ctx, host, "identify", "switch the identify lamp "+what, func(h *inventory.Host) (map[string]string, error) {
		return map[string]string{"lamp": what}, o.BMCs.With(ctx, h, "switch the identify lamp "+what, bmc.Operator, func(ctx context.Context, s bmc.Session) error { return s.Identify(ctx, on) })
	})
}

// BMCInterrupt sends the system a diagnostic interrupt.
func (o *Operator) BMCInterrupt(ctx context.Context, host string) error {
	return o.change(ctx, host, "nmi", "send the system a diagnostic interrupt", func(h *inventory.Host) (map[string]string, error) {
		_, err := o.BMCs.NMI(ctx, h)
		return nil, err
	})
}

// BMCSetBoot sets the boot override.
func (o *Operator) BMCSetBoot(ctx context.Context, host string, r bmc.BootRequest) (seen bmc.Boot, err error) {
	switch r.Device {
	case bmc.PXE, bmc.Disk:
	case bmc.None:
		if r.Persistent {
			return seen, errors.New("no override can't be persistent: leave --persistent out")
		}
	default:
		return seen, fmt.Errorf("boot device %q: pxe, disk or none is wanted", r.Device)
	}
	want := bmc.Boot{Device: r.Device, Persistent: r.Persistent, Valid: r.Device != bmc.None}
	err = o.change(ctx, host, "boot-set", "set the boot override: "+want.String(), func(h *inventory.Host) (map[string]string, error) {
		seen, err = o.BMCs.SetBoot(ctx, h, r)
		return map[string]string{"boot": seen.String()}, err
	})
	return seen, err
}

// BMCSetNetwork changes the settings of the BMC's own port.
func (o *Operator) BMCSetNetwork(ctx context.Context, host string, r bmc.NetworkRequest) (n bmc.Network, err error) {
	if _, err := o.hostWithBMC(host); err != nil {
		return n, err
	}
	// An impossible VLAN is found before the BMC is asked.
	if r.VLAN != nil && (*r.VLAN < 0 || *r.VLAN > 4094) {
		_, err := r.On(bmc.Network{DHCP: true})
		return n, err
	}
	err = o.change(ctx, host, "network-set", "change the settings of its port", func(h *inventory.Host) (map[string]string, error) {
		err := o.BMCs.With(ctx, h, "change the network settings", bmc.Administrator, func(ctx context.Context, s bmc.Session) error {
			old, err := s.Network(ctx)
			if err != nil {
				return err
			}
			if n, err = r.On(old); err != nil {
				return &bmc.Error{Kind: bmc.ErrRequest, Err: err}
			}
			return s.SetNetwork(ctx, n)
		})
		return map[string]string{"network": n.String()}, err
	})
	return n, err
}

// BMCSetUser changes an account of the BMC, or makes one. The password stays out of events and
// errors.
func (o *Operator) BMCSetUser(ctx context.Context, host string, r bmc.UserRequest) (a bmc.Account, err error) {
	h, err := o.hostWithBMC(host)
	if err != nil {
		return a, err
	}
	if len(r.Password) > 20 && h.BMC.Protocol == inventory.ProtocolIPMI {
		return a, errors.New("the password has more than 20 bytes, and IPMI takes no more")
	}
	err = o.change(ctx, host, "user-set", fmt.Sprintf("set its user %q", r.Name), func(h *inventory.Host) (map[string]string, error) {
		err := o.BMCs.With(ctx, h, "set a user", bmc.Administrator, func(ctx context.Context, s bmc.Session) error {
			users, err := s.Users(ctx)
			if err != nil {
				return err
			}
			if a, err = r.On(users); err != nil {
				return &bmc.Error{Kind: bmc.ErrRequest, Err: err}
			}
			return s.SetUser(ctx, a, r.Password)
		})
		return map[string]string{"user": a.Name, "privilege": string(a.Privilege), "enabled": fmt.Sprint(a.Enabled), "password": map[bool]string{true: "changed", false: "kept"}[r.Password != ""]}, err
	})
	return a, err
}

// BMCSoftOff asks the system to shut down, and waits until the box is off. After the limit it
// switches the power off, if the request says so.
func (o *Operator) BMCSoftOff(ctx context.Context, host string, r bmc.SoftOffRequest) (bmc.SoftOffReply, error) {
	if r.Limit <= 0 {
		r.Limit = softOffLimit
	}
	// A shutdown that has begun is seen through, also when its caller is gone.
	ctx = context.WithoutCancel(ctx)
	reply := bmc.SoftOffReply{Host: host, Power: "on"}
	began := o.Now()
	err := o.change(ctx, host, "soft-off", "shut the system down", func(h *inventory.Host) (map[string]string, error) {
		seen, forced, err := o.BMCs.SoftOff(ctx, h, r.Limit, r.Hard)
		reply.Power, reply.Hard = seen.State(), forced
		reply.Took = o.Now().Sub(began)
		return map[string]string{"power": reply.Power}, err
	})
	return reply, err
}

// change carries out a command that changes something at a BMC. An event says so before it is
// sent, and another one what came of it. Both name the command and the protocol.
func (o *Operator) change(_ context.Context, host, kind, what string, f func(*inventory.Host) (map[string]string, error)) error {
	h, err := o.hostWithBMC(host)
	if err != nil {
		return err
	}
	return o.announced(h, kind, kind, kind+"-done", what, f)
}

// announced records a command before it is sent, with kind, and after it, with the kind done or
// with kind and "-failed".
func (o *Operator) announced(h *inventory.Host, command, kind, done, what string, f func(*inventory.Host) (map[string]string, error)) error {
	e := provision.Event{Host: h.Name, Source: "bmc", Kind: kind, Message: "the operator asks the BMC to " + what, Fields: o.command(h, command)}
	if err := o.Journal.Record(e); err != nil {
		return err
	}
	fields, err := f(h)
	e.Fields = o.command(h, command)
	if err != nil {
		e.Kind, e.Level = kind+"-failed", provision.LevelWarn
		e.Message, e.Fields["why"] = fmt.Sprintf("the BMC did not %s: %v", what, err), bmc.Why(err)
	} else {
		e.Kind, e.Message = done, "the BMC did what the operator asked for: "+what
		maps.Copy(e.Fields, fields)
	}
	if failed := o.Journal.Record(e); err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	return nil
}

// command are the fields of each event about a command to a BMC.
func (o *Operator) command(h *inventory.Host, command string) map[string]string {
	fields := map[string]string{"command": command}
	if o.BMCs != nil {
		if p := o.BMCs.Protocol(h); p != "" {
			fields["protocol"] = string(p)
		}
	}
	return fields
}

func (o *Operator) hostWithBMC(name string) (*inventory.Host, error) {
	h, err := o.host(name)
	if err == nil && h.BMC == nil {
		err = fmt.Errorf("%s: %w: give it `bmc: {address: ..., user: ..., password: {secret: bmc/%s}}`", name, bmc.ErrNoBMC, name)
	}
	return h, err
}
