package role

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"rackhand/inventory/role/kind"
	"rackhand/provision/catalog"
)

// netSpecs are the fields of every check over the network.
func netSpecs(to map[string]spec) map[string]spec {
	to["port"] = spec{Type: kind.Number, Low: 1, High: 65535}
	to["address"] = spec{Valid: withoutHint(catalog.ValidAddress)}
	to["tls"] = spec{Type: kind.Boolean}
	to["host"] = spec{Valid: withoutHint(catalog.ValidServer)}
	to["ca"] = spec{Type: kind.Filename}
	to["verify"] = spec{Type: kind.Boolean}
	to["certificate_days"] = spec{Type: kind.Number, Low: 1, High: catalog.MaxDays}
	return to
}

// tlsShape says which fields of TLS don't go together; those in plain may stand without TLS.
func tlsShape(d *checkDeclaration, plain ...string) error {
	secure := d.has("tls") && !d.is("tls", "false", "no")
	for _, name := range []string{"host", "ca", "verify", "certificate_days"} {
		if d.has(name) && !secure && !slices.Contains(plain, name) {
			return fmt.Errorf("%s goes with tls: true", name)
		}
	}
	if d.has("ca") && d.is("verify", "false", "no") {
		return errors.New("ca and verify: false exclude each other")
	}
	return nil
}

// addressOf is where a check connects to.
func addressOf(f *resolver, c *catalog.Check) string {
	if c.From == catalog.FromHost {
		return f.textOr("address", "127.0.0.1")
	}
	return f.c.in.Host.Address.String()
}

// tlsOf is how a check judges a certificate; nil without TLS.
func tlsOf(f *resolver) *catalog.TLSCheck {
	if !f.flag("tls", false) {
		return nil
	}
	t := &catalog.TLSCheck{Name: f.textOr("host", f.c.in.Host.Name), Unverified: !f.flag("verify", true), Days: f.number("certificate_days", 0)}
	name := f.text("ca")
	if name == "" {
		return t
	}
	source, err := f.c.readSource(name)
	if err == nil && source.SHA256 != "" {
		err = errors.New("it is not text")
	}
	if err == nil {
		t.CA = source.Text
		err = catalog.ValidCA(t.CA)
	}
	if err != nil {
		f.c.addf(f.fields["ca"].at, "", "ca %s, for host %s: %v", name, f.c.in.Host.Name, err)
	}
	return t
}

func httpKind() checkKind {
	fields := contentSpecs(netSpecs(map[string]spec{
		"path":    {Type: kind.URLPath},
		"method":  {Type: kind.OneOf, Known: []string{"GET", "HEAD"}},
		"status":  {Type: kind.Words, Valid: validStatus, Form: "[0-9]+"},
		"headers": {Type: kind.Words, Valid: withoutHint(catalog.ValidHeader)},
	}))
	return checkKind{
		name: "http", fields: fields, deadline: 5 * time.Second,
		shape: func(d *checkDeclaration) error {
			if d.is("method", "HEAD") && (d.has("contains") || d.has("matches")) {
				return errors.New("the answer to HEAD has no body: contains and matches need GET")
			}
			return tlsShape(d, "host")
		},
		make: func(f *resolver, c *catalog.Check) {
			h := &catalog.HTTPCheck{
				Address: addressOf(f, c), Path: f.textOr("path", "/"), Method: f.textOr("method", "GET"), Host: f.text("host"),
				Headers: f.texts("headers"), Content: contentOf(f), TLS: tlsOf(f),
			}
			port := 80
			if h.TLS != nil {
				port, h.Host = 443, h.TLS.Name
			}
			h.Port = f.number("port", port)
			for _, text := range f.texts("status") {
				n, _ := strconv.Atoi(text) // validStatus has read it
				h.Status = append(h.Status, n)
			}
			if !f.has("status") {
				h.Status = []int{200}
			}
			c.HTTP = h
		},
	}
}

func validStatus(text string) (hint string, err error) {
	if n, err := strconv.Atoi(text); err != nil || n < 100 || n > 599 {
		return "", fmt.Errorf("%.40q is not a number from 100 to 599", text)
	}
	return "", nil
}

func tcpKind() checkKind {
	return checkKind{
		name: "tcp", deadline: 5 * time.Second,
		fields: netSpecs(map[string]spec{"send": {}, "expect": {}}),
		shape: func(d *checkDeclaration) error {
			if err := d.needs("port"); err != nil {
				return err
			}
			return tlsShape(d)
		},
		make: func(f *resolver, c *catalog.Check) {
			c.TCP = &catalog.TCPCheck{
				Address: addressOf(f, c), Port: f.number("port", 0), Send: f.text("send"), Expect: f.text("expect"), TLS: tlsOf(f),
			}
		},
	}
}
