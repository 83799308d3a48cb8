package rack

import (
	"encoding/hex"
	"fmt"
	"time"
)

// Boot option parameters, IPMI 2.0 table 28-14.
const (
	paramSetInProgress = 0
	paramValidClear    = 3 // when the BMC itself clears the valid bit
	paramBootInfoAck   = 4
	paramBootFlags     = 5
)

// Bits of the boot flags' first byte, table 28-14 parameter 5.
const (
	flagValid      = 0x80
	flagPersistent = 0x40
	flagEFI        = 0x20
)

// dontClearOnTimeout is bit 3 of parameter 3: the boot flags outlive the 60 s.
const dontClearOnTimeout = 0x08

// flagsExpire is how long boot flags wait for a chassis command (parameter 3).
const flagsExpire = 60 * time.Second

// Device selectors, bits 5:2 of the boot flags' second byte.
const (
	selectNone = 0
	selectPXE  = 1
	selectDisk = 2
)

// bootState is a board's memory of how to boot: the BMC's boot flags and the firmware's
// own setting, which a persistent override changes. It is pure: callers pass the time,
// and it changes nothing else.
type bootState struct {
	factory    string // the firmware's setting as delivered
	setting    string // and as it is
	flags      [5]byte
	since      time.Time // when the 60 s began
	seen       bool      // the firmware has read persistent flags: they don't expire any more
	validClear byte      // parameter 3
}

func newBootState(setting string) bootState {
	return bootState{factory: setting, setting: setting}
}

// setFlags keeps new boot flags as they were written, every bit of them.
func (s *bootState) setFlags(f [5]byte, now time.Time) {
	s.flags, s.since, s.seen = f, now, false
}

// read returns the boot flags as they are now.
func (s *bootState) read(now time.Time) [5]byte {
	s.expire(now)
	return s.flags
}

// command restarts the 60 s: a chassis command was received.
func (s *bootState) command(now time.Time) {
	s.expire(now)
	s.since = now
}

func (s *bootState) expire(now time.Time) {
	if s.flags[0]&flagValid == 0 || s.seen || s.validClear&dontClearOnTimeout != 0 {
		return
	}
	if now.Sub(s.since) >= flagsExpire {
		s.flags[0] &^= flagValid
	}
}

// start is the firmware's look at the flags as the machine starts: it returns
// the device to try first. A one-shot override is spent by it; a persistent one
// becomes the firmware's own setting, and a persistent "none" restores the
// setting as delivered.
func (s *bootState) start(now time.Time) string {
	s.expire(now)
	if s.flags[0]&flagValid == 0 {
		return s.setting
	}
	persistent := s.flags[0]&flagPersistent != 0
	device := ""
	switch s.flags[1] >> 2 & 0x0f {
	case selectPXE:
		device = BootPXE
	case selectDisk:
		device = BootDisk
	case selectNone:
		if persistent {
			s.setting = s.factory
		}
	}
	if !persistent {
		s.flags[0] &^= flagValid
	} else {
		s.seen = true
		if device != "" {
			s.setting = device
		}
	}
	if device == "" {
		return s.setting
	}
	return device
}

// String shows the flags for a log.
func (s *bootState) String() string {
	return fmt.Sprintf("flags %s, firmware setting %s", hex.EncodeToString(s.flags[:]), s.setting)
}
