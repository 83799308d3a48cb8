package converge

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
)

// A Clock is the host's clock.
type Clock interface {
	Now() time.Time
	Set(t time.Time) error
}

// SystemClock is the kernel's.
type SystemClock struct{}

// Now is the time as the kernel has it.
func (SystemClock) Now() time.Time { return time.Now() }

// Set sets it, by settimeofday(2).
func (SystemClock) Set(t time.Time) error {
	tv := unix.NsecToTimeval(t.UnixNano())
	return unix.Settimeofday(&tv)
}

// Synchronised reports whether something keeps the kernel's clock right, as timedatectl's
// NTPSynchronized does: by the largest error that it claims, adjtimex(2). STA_UNSYNC says
// nothing of it: a daemon may set that to keep the kernel off the hardware clock.
func (SystemClock) Synchronised() bool {
	var t unix.Timex // modes 0: it only reads
	_, err := unix.Adjtimex(&t)
	return err == nil && t.Maxerror < maxError
}

// maxError is 16 s in µs: the kernel's value when no daemon has set a smaller one.
const maxError = 16_000_000

// Uptime names this boot and says how long ago it was. No step of the clock changes it.
func (SystemClock) Uptime() (boot string, up time.Duration) {
	b, err := readFile("/proc/sys/kernel/random/boot_id", 64)
	var ts unix.Timespec
	if err != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return "", 0
	}
	return strings.TrimSpace(string(b)), time.Duration(ts.Nano())
}

// adjusted is a clock and its error. If the clock may not be set (in a container), the agent
// still works with the right time.
type adjusted struct {
	Clock
	off time.Duration
}

func (c *adjusted) now() time.Time { return c.Clock.Now().Add(c.off) }

// maxSkew is how far the clock may be off before it is set.
const maxSkew = 2 * time.Second

// syncClock asks the appliance for the time and sets the clock. Without set, it only corrects
// the agent's own time. No step depends on the host's clock, which may say 1970.
func (c *client) syncClock(ctx context.Context, set bool) error {
	var validity [2]time.Time
	config := &tls.Config{
		MinVersion: tls.VersionTLS13,
		// The certificate is verified below, at a time when it is valid. That the
		// time is right can't be known yet, that it is our appliance can.
		InsecureSkipVerify: true,
		VerifyConnection: func(cs tls.ConnectionState) (err error) {
			validity, err = c.verifyTimeless(cs)
			return err
		},
	}
	transport := newTransport(config)
	defer transport.CloseIdleConnections()
	start := time.Now() // monotonic, whatever the clock says
	var reply catalog.TimeReply
	if err := c.do(ctx, &http.Client{Transport: transport, CheckRedirect: noRedirect}, http.MethodGet, "/v1/time", nil, &reply, 4<<10); err != nil {
		return err
	}
	now := reply.Time.Add(time.Since(start) / 2)
	if now.Before(validity[0]) || now.After(validity[1]) {
		return fmt.Errorf("the appliance's clock says %s, but its own certificate is valid from %s to %s: set the appliance's clock",
			now.Format(time.RFC3339), validity[0].Format(time.RFC3339), validity[1].Format(time.RFC3339))
	}
	c.clock.off = 0
	off := now.Sub(c.clock.Now())
	if off.Abs() <= maxSkew {
		return nil
	}
	if !set {
		c.clock.off, c.ahead = off, -off
		return nil
	}
	if err := c.clock.Set(now); err != nil {
		c.clock.off = off
		c.log.Warn("the clock can't be set; the agent goes on with the appliance's time", "off", off.String(), "error", err)
		return nil
	}
	c.log.Info("clock set from the appliance", "off", off.Round(time.Millisecond).String(), "now", now.UTC().Format(time.RFC3339))
	return nil
}

// verifyTimeless verifies the appliance's certificate against the CA as of a time
// when both are valid, and returns the bounds of that.
func (c *client) verifyTimeless(cs tls.ConnectionState) (validity [2]time.Time, err error) {
	if len(cs.PeerCertificates) == 0 {
		return validity, errors.New("the appliance has no certificate")
	}
	leaf := cs.PeerCertificates[0]
	options := x509.VerifyOptions{
		Roots: c.ca, Intermediates: x509.NewCertPool(),
		// At the host's time, if that may be right; an appliance renews in time.
		CurrentTime: c.clock.now(),
		// Not from the connection: that is empty for an address.
		DNSName: c.base.Hostname(),
	}
	for _, cert := range cs.PeerCertificates[1:] {
		options.Intermediates.AddCert(cert)
	}
	if options.CurrentTime.Before(leaf.NotBefore) || options.CurrentTime.After(leaf.NotAfter) {
		// A leaf begins after its CA does; a second later both are valid.
		options.CurrentTime = leaf.NotBefore.Add(time.Second)
	}
	if _, err := leaf.Verify(options); err != nil {
		return validity, fmt.Errorf("this is not our appliance: %w", err)
	}
	return [2]time.Time{leaf.NotBefore, leaf.NotAfter}, nil
}
