package bmc

import (
	"context"
	"errors"
	"time"
)

// ErrUnsupported is the error of what a BMC, or its protocol, can't do.
var ErrUnsupported = errors.New("the BMC can't do that")

// A Driver speaks one protocol.
type Driver interface {
	// Open logs in. It reads what is remembered of the BMC, and writes what it finds out.
	// The caller closes the session.
	Open(ctx context.Context, t Target, m *Memory) (Session, error)
}

// A Session is a login at a BMC. One goroutine uses it. A method sends what it says and
// judges the answer, no more: package power waits, compares and repeats. What a BMC can't do
// is an error that wraps ErrUnsupported.
type Session interface {
	// Status asks for the power state.
	Status(ctx context.Context) (Status, error)
	// Power sends one command, once.
	Power(ctx context.Context, c Command) error
	// Boot reads the boot override.
	Boot(ctx context.Context) (Boot, error)
	// SetBoot writes it, and doesn't read it back.
	SetBoot(ctx context.Context, b Boot) error
	// Identify switches the identify lamp, and keeps it until it is switched off.
	Identify(ctx context.Context, on bool) error
	// Info asks for maker, model, serial number and firmware versions.
	Info(ctx context.Context) (Info, error)
	// Sensors reads the sensors that have a value.
	Sensors(ctx context.Context) ([]Sensor, error)
	// Log reads the latest entries of the event log, oldest first, at most this many.
	Log(ctx context.Context, most int) ([]LogEntry, error)
	ClearLog(ctx context.Context) error
	// LogState says how full the event log is.
	LogState(ctx context.Context) (LogState, error)
	// Network reads the settings of the BMC's own port.
	Network(ctx context.Context) (Network, error)
	SetNetwork(ctx context.Context, n Network) error
	Users(ctx context.Context) ([]Account, error)
	// SetUser writes an account: the slot of this id, or with id "" that of this name or a
	// free one. password "" keeps the password.
	SetUser(ctx context.Context, a Account, password string) error
	// Clock asks for the BMC's time of day.
	Clock(ctx context.Context) (time.Time, error)
	// Close logs out, also when ctx is over: an open session blocks the BMC for a minute.
	Close(ctx context.Context)
}
