package bmctest

import (
	"bytes"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"rackhand/provision/bmc"
)

// Relay is a UDP relay in front of a BMC that makes of each request and of each
// answer what it likes.
func Relay(t *testing.T, target bmc.Target, requests, answers func([]byte) [][]byte) bmc.Target {
	t.Helper()
	return relay(t, target, requests, answers, func(send func()) { send() })
}

// SlowRelay delays each answer of a BMC.
func SlowRelay(t *testing.T, target bmc.Target, delay time.Duration) bmc.Target {
	t.Helper()
	same := func(d []byte) [][]byte { return [][]byte{d} }
	return relay(t, target, same, same, func(send func()) { time.AfterFunc(delay, send) })
}

func relay(t *testing.T, target bmc.Target, requests, answers func([]byte) [][]byte, when func(send func())) bmc.Target {
	t.Helper()
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	to := target.Address.String()
	var wg sync.WaitGroup
	backs := map[string]net.Conn{} // a BMC distinguishes clients by their ports
	answer := func(back net.Conn, to net.Addr) {
		buf := make([]byte, 2048)
		for {
			n, err := back.Read(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			for _, d := range answers(bytes.Clone(buf[:n])) {
				when(func() { _, _ = front.WriteTo(d, to) })
			}
		}
	}
	wg.Go(func() {
		defer func() {
			for _, back := range backs {
				_ = back.Close()
			}
		}()
		buf := make([]byte, 2048)
		for {
			n, from, err := front.ReadFrom(buf)
			if err != nil {
				return
			}
			back := backs[from.String()]
			if back == nil {
				if back, err = net.Dial("udp4", to); err != nil {
					return
				}
				backs[from.String()] = back
				opened := back
				wg.Go(func() { answer(opened, from) })
			}
			for _, d := range requests(bytes.Clone(buf[:n])) {
				_, _ = back.Write(d)
			}
		}
	})
	t.Cleanup(func() {
		_ = front.Close()
		wg.Wait()
	})
	target.Address = front.LocalAddr().(*net.UDPAddr).AddrPort()
	return target
}
