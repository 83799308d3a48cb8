// Package scan searches a network for BMCs. It sends each address what needs no login: the
// ping of RMCP (ASF 2.0 §3.2.4.2), IPMI's Get Channel Authentication Capabilities (IPMI 2.0
// §22.13), and a GET of Redfish's root (DSP0266 §6.3). It never logs in, and sends only so
// many addresses a second.
package scan

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"rackhand/provision"
)

// A Scanner searches. Its zero value uses the usual ports.
type Scanner struct {
	IPMIPort    uint16        // 0: 623
	RedfishPort uint16        // 0: 443
	Patience    time.Duration // for an answer to each question; 0: 2 s
	// Sleep waits between two addresses; nil: the real time.
	Sleep func(ctx context.Context, d time.Duration) error
}

// maxAtOnce bounds the addresses that are asked at the same time, each over two sockets.
const maxAtOnce = 256

// Run asks every address of a request's network, and calls each for those that answer, one
// after the other and in no order.
func (s Scanner) Run(ctx context.Context, r provision.ScanRequest, each func(provision.FoundBMC)) error {
	if err := r.Check(); err != nil {
		return err
	}
	pause := time.Second / provision.ScanRate
	if r.Rate > 0 {
		pause = time.Second / time.Duration(r.Rate)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	var mu sync.Mutex
	slots := make(chan struct{}, maxAtOnce)
	for i, addr := range addresses(r.Network) {
		if i > 0 {
			if err := s.sleep(ctx, pause); err != nil {
				return err
			}
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		wg.Go(func() {
			defer func() { <-slots }()
			if found, ok := s.ask(ctx, addr); ok {
				mu.Lock()
				defer mu.Unlock()
				each(found)
			}
		})
	}
	return nil
}

// ask asks one address in both protocols at once.
func (s Scanner) ask(ctx context.Context, addr netip.Addr) (provision.FoundBMC, bool) {
	var ipmi ipmiAnswer
	var redfish root
	var wg sync.WaitGroup
	wg.Go(func() { ipmi = askIPMI(ctx, netip.AddrPortFrom(addr, or(s.IPMIPort, 623)), s.patience()) })
	wg.Go(func() { redfish = askRedfish(ctx, netip.AddrPortFrom(addr, or(s.RedfishPort, 443)), s.patience()) })
	wg.Wait()
	return merge(addr, ipmi, redfish)
}

// merge makes one finding of both answers. Redfish names the vendor better.
func merge(addr netip.Addr, i ipmiAnswer, r root) (provision.FoundBMC, bool) {
	f := provision.FoundBMC{Address: addr, IPMI: i.version, Anonymous: i.anonymous, Vendor: i.vendor, Redfish: r.version, Product: r.product}
	if r.vendor != "" {
		f.Vendor = r.vendor
	}
	return f, f.IPMI != "" || f.Redfish != ""
}

// addresses are those of a network that a machine may have: for IPv4 without the network's
// own and the broadcast address.
func addresses(n netip.Prefix) []netip.Addr {
	n = n.Masked()
	var out []netip.Addr
	for a := n.Addr(); n.Contains(a); a = a.Next() {
		out = append(out, a)
	}
	if n.Addr().Is4() && n.Bits() < 31 {
		out = out[1 : len(out)-1]
	}
	return out
}

func or(port, usual uint16) uint16 {
	if port != 0 {
		return port
	}
	return usual
}

func (s Scanner) patience() time.Duration {
	if s.Patience > 0 {
		return s.Patience
	}
	return 2 * time.Second
}

func (s Scanner) sleep(ctx context.Context, d time.Duration) error {
	if s.Sleep != nil {
		return s.Sleep(ctx, d)
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
