package templates

import (
	"fmt"
	"strings"

	"rackhand/inventory"
)

// Consoles are the kernel's console= arguments: the host's own, or a screen and the
// first serial line of its processor's usual boards.
func (d Data) Consoles() string {
	switch {
	case d.Host.Boot.Console != "":
		return "console=" + d.Host.Boot.Console
	case d.Host.System != nil && d.Host.System.Processor() == inventory.ArchARM64:
		return "console=tty0 console=ttyAMA0,115200" // PL011 (SBSA)
	default:
		return "console=tty0 console=ttyS0,115200"
	}
}

// KernelArgs are the arguments of the installer's kernel, the same ones for every boot
// loader. The variable installer_args replaces the usual consoles. An argument that can't
// stand on a kernel's command line is an error.
func (d Data) KernelArgs() ([]string, error) {
	args := d.imageArgs()
	if d.Anaconda() && d.Install.Job == "" { // rackhand-installer runs jobs, for every system
		args = d.anacondaArgs()
	}
	if own, ok := d.Host.Variables["installer_args"]; ok {
		args = append(args, strings.Fields(fmt.Sprint(own))...)
		if d.Host.Boot.Console != "" {
			args = append(args, d.Consoles())
		}
	} else {
		args = append(args, strings.Fields(d.Consoles())...)
	}
	args = append(args, d.Host.Boot.Args...)
	for _, a := range args {
		// iPXE would expand ${...}, and end the command at && and ||.
		if strings.ContainsFunc(a, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\'' || r == '"' }) ||
			strings.Contains(a, "${") || a == "&&" || a == "||" {
			return nil, fmt.Errorf("%q can't be an argument of the installer's kernel: no blanks, quotes, ${, && and ||, nor letters beyond ASCII", a)
		}
	}
	return args, nil
}

// imageArgs are those for rackhand-installer: where its Kickstart is, or its order.
func (d Data) imageArgs() []string {
	args := []string{"inst.ks=" + d.Install.Kickstart}
	if d.Install.Job != "" {
		args = []string{"rackhand.job=" + d.Install.Job, "rackhand.order=" + d.Install.Order}
	}
	args = append(args, "rackhand.report="+d.Install.Report, "BOOTIF="+d.Install.BootIF)
	if d.Install.Job == "" && d.Install.BMC != "" {
		args = append(args, "rackhand.bmc="+d.Install.BMC)
	}
	if d.Install.Job == "" && d.Host.System != nil && d.Host.System.Skips() {
		// its Kickstart need not name an image
		args = append(args, "rackhand.unsupported=skip", "rackhand.image="+d.Image.URL, "rackhand.sha256="+d.Image.SHA256)
	}
	args = append(args, d.network()...)
	if d.Install.Wipe {
		args = append(args, "rackhand.wipe=1")
	}
	if ours := fitting(strings.Fields(d.Install.Ours), maxOurs); ours != "" && d.Install.Job == "" {
		args = append(args, "rackhand.ours="+ours)
	}
	return args
}

// maxOurs bounds rackhand.ours=, in bytes: a kernel's command line ends at 2048 (x86,
// COMMAND_LINE_SIZE), and the rest needs some too. A disk that is left out is looked at
// as ever.
const maxOurs = 768

// fitting joins ids by commas, as many as fit.
func fitting(ids []string, most int) string {
	var out string
	for _, id := range ids {
		if len(out)+1+len(id) > most {
			break
		}
		if out != "" {
			out += ","
		}
		out += id
	}
	return out
}

// network says how the installer gets onto the network, in dracut's terms
// (dracut.cmdline(7)). With a VLAN the card gets a name by its MAC first, so that
// the tagged device can be put on it.
func (d Data) network() []string {
	vlan := d.Host.Boot.VLAN
	if vlan == 0 {
		return []string{"ip=dhcp"}
	}
	mac := strings.ReplaceAll(strings.TrimPrefix(d.Install.BootIF, "01-"), "-", ":")
	return []string{
		"ifname=bootnet:" + mac,
		fmt.Sprintf("vlan=vlan%d:bootnet", vlan),
		fmt.Sprintf("ip=vlan%d:dhcp", vlan),
	}
}
