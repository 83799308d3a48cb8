package trace

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"rackhand/inventory"
)

// An HTTP is a request that was answered, on the boot server's port or the agents'.
type HTTP struct {
	Peer   netip.Addr
	Agent  bool   // it came to the agents' port
	Method string // a method of the server's routes, or another one
	// Path is what MaskPath returns: without query and tokens.
	Path   string
	Status int
	Bytes  int64 // of the body that were sent
	Size   int64 // of the body by its header; below 0 when unknown
	Took   time.Duration
	// Said is the first line of an answer that is an error.
	Said string
}

func (h HTTP) who() (inventory.MAC, netip.Addr) { return inventory.MAC{}, h.Peer }

func (h HTTP) size() int { return 160 + len(h.Path) + len(h.Said) }

// again: the same request with the same answer, or another file of packages. An install
// fetches hundreds of these, which would push out how the box booted.
func (h HTTP) again(f Fact) bool {
	before, ok := f.(HTTP)
	if ok && before.packaged() && h.packaged() {
		return true
	}
	return ok && before.Agent == h.Agent && before.Method == h.Method && before.Path == h.Path && before.Status == h.Status && before.Said == h.Said
}

// packaged reports whether a file of packages was sent whole.
func (h HTTP) packaged() bool {
	return (strings.HasPrefix(h.Path, "/mirror/") || strings.HasPrefix(h.Path, "/media/")) && h.Status >= 200 && h.Status < 400 && h.Bytes >= h.Size
}

func (h HTTP) tell(l *Line) {
	l.Kind = "http"
	if h.Agent {
		l.Kind = "agent"
	}
	field(l, "method", h.Method)
	field(l, "path", h.Path)
	field(l, "status", fmt.Sprint(h.Status))
	field(l, "bytes", fmt.Sprint(h.Bytes))
	field(l, "milliseconds", fmt.Sprint(h.Took.Milliseconds()))
	field(l, "peer", h.Peer.String())
	port := "HTTP"
	if h.Agent {
		port = "agent"
	}
	l.Text = fmt.Sprintf("%s %s %s: %d, %d bytes in %s", port, h.Method, h.Path, h.Status, h.Bytes, h.Took.Round(time.Millisecond))
	if h.Size > h.Bytes && h.Method != "HEAD" {
		field(l, "size", fmt.Sprint(h.Size))
		l.Text += fmt.Sprintf(": broke off, %d bytes were to come", h.Size)
	}
	if h.Said != "" {
		field(l, "said", h.Said)
		l.Text += ": " + h.Said
	}
	if l.Times > 1 && h.packaged() {
		l.Text += ", the last of such files in a row"
	}
}

// A TFTP is a read request, or the end of a transfer.
type TFTP struct {
	Peer netip.Addr
	// Name is what MaskPath returns.
	Name string
	// Result is a constant: what became of the request, such as TFTPBegan.
	Result string
	Bytes  int64 // that were acknowledged
	Size   int64 // of the file; 0 when unknown
	Took   time.Duration
	Err    error
}

// What can become of a TFTP request.
const (
	TFTPBegan    = "begun"
	TFTPSent     = "sent"
	TFTPStopped  = "stopped"
	TFTPRefused  = "refused"
	TFTPRepeated = "repeated" // while it is being answered
)

func (t TFTP) who() (inventory.MAC, netip.Addr) { return inventory.MAC{}, t.Peer }

func (t TFTP) size() int { return 160 + len(t.Name) + sizeOf(t.Err) }

func (t TFTP) again(f Fact) bool {
	before, ok := f.(TFTP)
	return ok && before.Name == t.Name && before.Result == t.Result && (t.Result == TFTPRefused || t.Result == TFTPRepeated)
}

func (t TFTP) tell(l *Line) {
	l.Kind, l.Sent = "tftp", t.Result == TFTPSent
	field(l, "name", t.Name)
	field(l, "result", t.Result)
	field(l, "peer", t.Peer.String())
	switch t.Result {
	case TFTPBegan:
		l.Text = fmt.Sprintf("TFTP asks for %q, %d bytes", t.Name, t.Size)
	case TFTPSent:
		field(l, "milliseconds", fmt.Sprint(t.Took.Milliseconds()))
		l.Text = fmt.Sprintf("TFTP %q sent, %d bytes in %s", t.Name, t.Bytes, t.Took.Round(time.Millisecond))
	case TFTPStopped:
		l.Text = fmt.Sprintf("TFTP %q stopped after %d of %d bytes", t.Name, t.Bytes, t.Size)
	case TFTPRepeated:
		l.Text = fmt.Sprintf("TFTP asks for %q again while it is being answered", t.Name)
	default:
		l.Text = fmt.Sprintf("TFTP asks for %q: refused", t.Name)
	}
	if t.Result == TFTPSent || t.Result == TFTPStopped {
		field(l, "bytes", fmt.Sprint(t.Bytes))
	}
	if t.Size > 0 {
		field(l, "size", fmt.Sprint(t.Size))
	}
	if t.Err != nil {
		field(l, "error", t.Err.Error())
		l.Text += ": " + t.Err.Error()
	}
}
