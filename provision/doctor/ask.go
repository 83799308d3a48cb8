package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"rackhand/inventory"
)

// How long is waited for answers, unless it is said, and how often is asked
// meanwhile: dnsmasq pings for up to 3 s before it offers an address, and the first
// packet on a link may get lost.
const (
	usualWait = 4300 * time.Millisecond
	usualGap  = time.Second
	asks      = 2
)

// maxOffers bounds the offers kept of one look, in case a client floods the link.
const maxOffers = 256

// ErrNoLink: the link is down or gone, so no answer can be heard there.
var ErrNoLink = errors.New("the link is down")

// AskOptions are the options of Ask. All but Wait must be set.
type AskOptions struct {
	Link string
	// MAC is the client's hardware address in the DISCOVERs. One MAC for all looks of a
	// process keeps a server from holding more than one address for us.
	MAC    inventory.MAC
	Random io.Reader // for transaction ids
	// Wait is how long answers are waited for; 0: 4.3 s.
	Wait time.Duration
}

// MAC makes up the hardware address of a client that isn't there: a locally
// administered one of one station (IEEE 802, 8.4).
func MAC(random io.Reader) (inventory.MAC, error) {
	var m inventory.MAC
	if _, err := io.ReadFull(random, m[:]); err != nil {
		return m, fmt.Errorf("make up a hardware address: %w", err)
	}
	m[0] = m[0]&^1 | 2
	return m, nil
}

// Ask broadcasts DISCOVERs on a link and gathers who answers. No REQUEST follows, so
// no address is taken. It needs CAP_NET_RAW; ErrNoLink when the link is down.
func Ask(ctx context.Context, o AskOptions) ([]Answerer, error) {
	if o.Wait == 0 {
		o.Wait = usualWait
	}
	ifi, err := net.InterfaceByName(o.Link)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", ErrNoLink, o.Link, err)
	case ifi.Flags&net.FlagUp == 0:
		return nil, fmt.Errorf("%w: `ip link set %s up`", ErrNoLink, o.Link)
	case len(ifi.HardwareAddr) != 6:
		return nil, fmt.Errorf("%s is not an Ethernet link", o.Link)
	}
	var xids [questions]dhcpv4.TransactionID
	for i := range xids {
		if _, err := io.ReadFull(o.Random, xids[i][:]); err != nil {
			return nil, fmt.Errorf("make up a transaction id: %w", err)
		}
	}
	program, err := filter()
	if err != nil {
		return nil, err
	}
	conn, err := packet.Listen(ifi, packet.Raw, unix.ETH_P_IP, &packet.Config{Filter: program})
	if err != nil {
		return nil, fmt.Errorf("open a raw socket on %s: %w: that needs root or CAP_NET_RAW", o.Link, err)
	}
	defer conn.Close()
	// Some servers don't heed the broadcast flag and answer to the made-up hardware
	// address. Where it can't be had, the others are still heard.
	_ = conn.SetPromiscuous(true)

	end := time.Now().Add(o.Wait)
	if err := conn.SetReadDeadline(end); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	sent := make(chan error, 1)
	go func() { sent <- send(ctx, conn, inventory.MAC(ifi.HardwareAddr), o.MAC, xids) }()

	offers, err := gather(conn, xids)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if serr := <-sent; serr != nil {
		return nil, serr
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", o.Link, err)
	}
	return answerers(offers), nil
}

// send asks every question, twice.
func send(ctx context.Context, conn *packet.Conn, src, mac inventory.MAC, xids [questions]dhcpv4.TransactionID) error {
	for i := range asks {
		if i > 0 {
			t := time.NewTimer(usualGap)
			select {
			case <-ctx.Done():
				t.Stop()
				return ctx.Err()
			case <-t.C:
			}
		}
		for q := range questions {
			to := &packet.Addr{HardwareAddr: net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
			_, err := conn.WriteTo(frame(src, discover(q, mac, xids[q])), to)
			// ENOBUFS: a link without carrier returns this before it returns that it is down.
			if errors.Is(err, unix.ENETDOWN) || errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV) {
				return fmt.Errorf("%w: %w", ErrNoLink, err)
			}
			if err != nil {
				return fmt.Errorf("send a DISCOVER: %w", err)
			}
		}
	}
	return nil
}

// gather reads answers until the deadline.
func gather(conn *packet.Conn, xids [questions]dhcpv4.TransactionID) ([]offer, error) {
	var offers []offer
	buf := make([]byte, 4096)
	for {
		n, _, err := conn.ReadFrom(buf)
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			return offers, nil
		case errors.Is(err, unix.ENETDOWN):
			return nil, ErrNoLink
		case err != nil:
			return nil, err
		}
		// The parser copies what it keeps.
		if o, err := parse(buf[:n], xids); err == nil && len(offers) < maxOffers {
			offers = append(offers, o)
		}
	}
}
