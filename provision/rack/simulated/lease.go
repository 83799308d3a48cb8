package simulated

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"github.com/insomniacslk/dhcp/iana"
	"github.com/pin/tftp/v3"
)

// A role is the program that asks for an address.
type role int

const (
	asFirmware role = iota
	asIPXE
	asAnaconda
)

// options are the DHCP options of each of the three, as seen on the wire.
func (r role) options() []dhcpv4.Modifier {
	pxe := []dhcpv4.Modifier{
		dhcpv4.WithOption(dhcpv4.OptClassIdentifier("PXEClient:Arch:00000:UNDI:002001")),
		dhcpv4.WithOption(dhcpv4.OptClientArch(iana.INTEL_X86PC)),
		dhcpv4.WithGeneric(dhcpv4.OptionClientNetworkInterfaceIdentifier, []byte{1, 2, 1}),
	}
	switch r {
	case asFirmware:
		return pxe
	case asIPXE:
		return append(pxe,
			dhcpv4.WithGeneric(dhcpv4.OptionUserClassInformation, []byte("iPXE")),
			dhcpv4.WithGeneric(dhcpv4.GenericOptionCode(175), []byte{0x13, 1, 1}))
	default:
		return []dhcpv4.Modifier{dhcpv4.WithOption(dhcpv4.OptClassIdentifier("anaconda-Linux 5.14.0 x86_64"))}
	}
}

// lease asks for an address and puts it on the link. file is the boot file of the offer.
func (b *box) lease(r role) (file, server string, err error) {
	// On a link without an address; its own client sends frames.
	if out, err := exec.Command("ip", "link", "set", b.Link, "up").CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("ip link: %w: %s", err, out)
	}
	c, err := nclient4.New(b.Link, nclient4.WithTimeout(3*time.Second), nclient4.WithRetry(10), nclient4.WithHWAddr(b.mac))
	if err != nil {
		return "", "", err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	l, err := c.Request(ctx, r.options()...)
	if err != nil {
		return "", "", fmt.Errorf("asking for an address: %w", err)
	}
	size, _ := net.IPMask(l.ACK.SubnetMask()).Size()
	if size == 0 {
		size = 24
	}
	addr := fmt.Sprintf("%s/%d", l.ACK.YourIPAddr, size)
	if out, err := exec.Command("ip", "addr", "replace", addr, "dev", b.Link).CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("ip addr: %w: %s", err, out)
	}
	file = strings.TrimRight(l.ACK.BootFileNameOption(), "\x00")
	if file == "" {
		file = l.ACK.BootFileName
	}
	b.Say("lease %s, to boot: %q", addr, file)
	return file, l.ACK.ServerIPAddr.String(), nil
}

// tftp fetches the boot program.
func (b *box) tftp(server, file string) error {
	c, err := tftp.NewClient(net.JoinHostPort(server, "69"))
	if err != nil {
		return err
	}
	r, err := c.Receive(file, "octet")
	if err != nil {
		return fmt.Errorf("%s by TFTP: %w", file, err)
	}
	var text bytes.Buffer
	n, err := r.WriteTo(&text)
	if err != nil {
		return fmt.Errorf("%s by TFTP: %w", file, err)
	}
	b.Say("boot program %s: %d bytes", file, n)
	return nil
}
