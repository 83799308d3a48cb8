package bmcapi

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/provision/bmc/console"
	"rackhand/provision/operate"
)

// consoleProtocol is what a connection is upgraded to (RFC 9110 §7.8). What the box prints
// comes as it is. What is typed goes as it is, but for breakMark.
const consoleProtocol = "rackhand-console"

// breakMark is a serial break among what is typed, and 00h 00h is the byte 00h.
var breakMark = [2]byte{0, 'B'}

// sendPatience bounds how long a client may take no output.
const sendPatience = 10 * time.Second

// consoleRoutes are the routes of a host's serial console.
func consoleRoutes(e *echo.Echo, a api, o *operate.Operator) {
	const at = "/api/hosts/:host/console"
	e.GET(at+"/log", a.answer(func(_ context.Context, c echo.Context) (any, error) { return o.ConsoleLog(c.Param("host")) }))
	e.GET(at, func(c echo.Context) error {
		how := console.How{Takeover: c.QueryParam("takeover") != "", ReadOnly: c.QueryParam("readonly") != ""}
		if c.Request().Header.Get("Upgrade") != consoleProtocol {
			return echo.NewHTTPError(http.StatusUpgradeRequired, "a console is an upgrade to "+consoleProtocol)
		}
		attached, err := o.Console(c.Request().Context(), c.Param("host"), how)
		if err != nil {
			return a.failed(err)
		}
		defer attached.Close()
		return connect(c, attached)
	})
}

// connect hands a connection over to an attachment until one of them ends.
func connect(c echo.Context, attached *console.Attachment) error {
	conn, buffered, err := http.NewResponseController(c.Response()).Hijack()
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Time{})
	if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+consoleProtocol+"\r\n\r\n"); err != nil {
		return nil
	}
	go func() {
		defer attached.Close()
		var typed typing
		b := make([]byte, 1024)
		for {
			n, err := buffered.Read(b)
			if err != nil {
				return
			}
			if err := typed.pass(b[:n], attached); err != nil {
				_ = conn.SetWriteDeadline(time.Now().Add(sendPatience))
				_, _ = io.WriteString(conn, "\r\n[rackhand: "+err.Error()+"]\r\n")
			}
		}
	}()
	for b := range attached.Output() {
		_ = conn.SetWriteDeadline(time.Now().Add(sendPatience))
		if _, err := conn.Write(b); err != nil {
			return nil
		}
	}
	return nil
}

// A terminal takes what is typed.
type terminal interface {
	io.Writer
	Break() error
}

// typing reads breaks out of what is typed; its zero value is ready.
type typing struct{ marked bool }

func (t *typing) pass(b []byte, to terminal) error {
	var plain []byte
	flush := func() error {
		if len(plain) == 0 {
			return nil
		}
		_, err := to.Write(plain)
		plain = plain[:0]
		return err
	}
	for _, c := range b {
		switch {
		case t.marked && c == breakMark[1]:
			t.marked = false
			if err := flush(); err != nil {
				return err
			}
			if err := to.Break(); err != nil {
				return err
			}
		case t.marked:
			t.marked = false
			plain = append(plain, 0)
		case c == breakMark[0]:
			t.marked = true
		default:
			plain = append(plain, c)
		}
	}
	return flush()
}
