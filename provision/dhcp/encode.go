package dhcp

import (
	"encoding/json"
	"time"

	"rackhand/provision"
)

// encodeLease returns the same bytes as json.Marshal of a lease, faster: each ACK writes
// one. A value that needs escapes goes to json.Marshal.
func encodeLease(l *provision.Lease) ([]byte, error) {
	e := encoder{b: make([]byte, 0, 256), plain: true}
	e.text(`{"mac":`, l.MAC)
	e.text(`,"address":`, l.Address)
	e.option(`,"host":`, l.Host)
	e.time(`,"since":`, l.Since)
	e.time(`,"expires":`, l.Expires)
	if !l.Booted.IsZero() {
		e.time(`,"booted":`, l.Booted)
	}
	if l.Ran {
		e.b = append(e.b, `,"ran":true`...)
	}
	e.option(`,"host_name":`, l.HostName)
	e.option(`,"vendor":`, l.Vendor)
	e.option(`,"uuid":`, l.UUID)
	if r := l.Relay; r != nil {
		e.text(`,"relay":{"address":`, r.Address)
		e.option(`,"circuit":`, r.Circuit)
		e.option(`,"remote":`, r.Remote)
		e.b = append(e.b, '}')
	}
	e.option(`,"server":`, l.Server)
	if !e.plain {
		return json.Marshal(l)
	}
	return append(e.b, '}'), nil
}

// An encoder appends fields of an object. plain becomes false with the first value that
// needs escapes.
type encoder struct {
	b     []byte
	plain bool
}

func (e *encoder) text(name, value string) {
	for i := range len(value) {
		c := value[i]
		e.plain = e.plain && c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
	}
	e.b = append(append(e.b, name...), '"')
	e.b = append(append(e.b, value...), '"')
}

// option omits an empty value.
func (e *encoder) option(name, value string) {
	if value != "" {
		e.text(name, value)
	}
}

func (e *encoder) time(name string, t time.Time) {
	b, err := t.AppendText(append(append(e.b, name...), '"'))
	e.plain = e.plain && err == nil
	e.b = append(b, '"')
}
