//go:build e2e

package simulated_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"rackhand/provision/web/client"
)

// A victim is a box on a link of its own: as much of one as asks for its script and
// reports, with its own MAC and address.
type victim struct {
	host  string
	mac   net.HardwareAddr
	next  net.HardwareAddr // of another host
	card  net.HardwareAddr // of its own, and not there
	addr  netip.Addr
	link  string
	by    string // http, tftp or grub: how its script comes
	wire  *forger
	http  *http.Client
	dial  net.Dialer
	token string
}

func newVictim(n int, by string, to net.HardwareAddr) (*victim, error) {
	v := &victim{
		host: fmt.Sprintf("web%d", n), mac: victimMAC(n), next: victimMAC(n%20 + 1), card: otherCard(n), addr: victimAddr(n), link: fmt.Sprintf("v%d", n), by: by,
	}
	for _, line := range []string{
		"link add " + v.link + " address " + v.mac.String() + " type veth peer name p" + v.link,
		"link set p" + v.link + " master br0 up",
		"link set " + v.link + " up",
		"addr add " + v.addr.String() + "/24 dev " + v.link,
	} {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("ip %s: %w: %s", line, err, out)
		}
	}
	v.dial = net.Dialer{LocalAddr: &net.TCPAddr{IP: v.addr.AsSlice()}, Control: v.bind}
	v.http = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true, DialContext: v.dial.DialContext}}
	var err error
	v.wire, err = newForger(v.link, to) // packets sent here aren't forged
	return v, err
}

func victimMAC(n int) net.HardwareAddr { return net.HardwareAddr{0x52, 0x54, 0, 0, 1, byte(n)} }

func otherCard(n int) net.HardwareAddr { return net.HardwareAddr{0x52, 0x54, 0, 0, 2, byte(n)} }

func victimAddr(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 77, 0, byte(10 + n)}) }

// bind keeps a socket to the box's link: several stand in one namespace.
func (v *victim) bind(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), v.link) }); e != nil {
		return e
	}
	return err
}

// addressed asks for an address as firmware and as iPXE do, until the appliance says that
// it has one. from is the server that gives it.
func (v *victim) addressed(ctx context.Context, c *client.Client, from netip.Addr) error {
	for {
		for _, program := range []string{"UEFI", "iPXE"} {
			err := errors.Join(
				v.wire.dhcp(v.mac, dhcpv4.MessageTypeDiscover, as(program)),
				v.wire.dhcp(v.mac, dhcpv4.MessageTypeRequest, as(program), server(from), wants(v.addr)))
			if err != nil {
				return err
			}
		}
		time.Sleep(100 * time.Millisecond)
		all, err := c.Events(ctx, v.host)
		if err != nil {
			return err
		}
		for _, e := range all {
			if (e.Kind == "ack" || e.Kind == "observed") && e.Fields["client"] == "iPXE" && e.Fields["address"] == v.addr.String() {
				return nil
			}
		}
	}
}

var tokenIn = regexp.MustCompile(`/i/([A-Za-z0-9_-]{32})/`)

// script fetches the boot script, which has a token in it.
func (v *victim) script(ctx context.Context) (err error) {
	var text string
	switch v.by {
	case "http":
		_, text, err = v.ask(ctx, http.MethodGet, "/boot/ipxe?mac="+v.mac.String(), "")
	case "tftp":
		text, err = v.tftp("ipxe/" + v.mac.String())
	default:
		text, err = v.tftp("grub/grub.cfg")
	}
	m := tokenIn.FindStringSubmatch(text)
	if err != nil || m == nil {
		return fmt.Errorf("%s (%s) has no script: %w: %.200s", v.host, v.by, err, text)
	}
	v.token = m[1]
	return nil
}

// ask sends a request from the box's address.
func (v *victim) ask(ctx context.Context, method, path, body string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+appliance.String()+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	res, err := v.http.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), err
}

// want sends a request with the token and says what is wrong with its status.
func (v *victim) want(ctx context.Context, code int, method, path, body string) error {
	got, text, err := v.ask(ctx, method, "/i/"+v.token+path, body)
	if err == nil && got != code {
		err = fmt.Errorf("status %d, want %d: %.200s", got, code, text)
	}
	if err != nil {
		return fmt.Errorf("%s (%s): %s %s %s: %w", v.host, v.by, method, path, body, err)
	}
	return nil
}

// tftp fetches a small file.
func (v *victim) tftp(name string) (string, error) {
	l := net.ListenConfig{Control: v.bind}
	c, err := l.ListenPacket(context.Background(), "udp4", netip.AddrPortFrom(v.addr, 0).String())
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return "", err
	}
	if _, err := c.WriteTo(fmt.Appendf(nil, "\x00\x01%s\x00octet\x00", name), &net.UDPAddr{IP: appliance.AsSlice(), Port: 69}); err != nil {
		return "", err
	}
	var text bytes.Buffer
	buf := make([]byte, 600)
	for block := byte(1); ; block++ {
		n, from, err := c.ReadFrom(buf)
		switch {
		case err != nil:
			return "", err
		case n < 4 || buf[1] != 3:
			return "", fmt.Errorf("%s: %q", name, buf[:n])
		case buf[3] != block:
			block--
			continue
		}
		text.Write(buf[4:n])
		if _, err := c.WriteTo([]byte{0, 4, 0, block}, from); err != nil {
			return "", err
		}
		if n < 516 {
			return text.String(), nil
		}
	}
}
