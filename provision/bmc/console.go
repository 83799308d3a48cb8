package bmc

import (
	"context"
	"io"
)

// A Consoles is a Driver that attaches to the serial console of a box.
type Consoles interface {
	// OpenConsole logs in and attaches, in a session of its own. If another client holds the
	// console, the error is ErrConsoleBusy; with takeover that client is detached first.
	//
	// Read gives what the box prints and Write takes what is typed. Both return an *Error
	// when the session is over. Close logs out.
	OpenConsole(ctx context.Context, t Target, m *Memory, takeover bool) (io.ReadWriteCloser, error)
}

// A Breaker is a console that can send a serial break.
type Breaker interface{ Break() error }
