package role

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision/catalog"
)

// sources are files of templates/.
func sources(t *testing.T) (func(*Input), string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now()}, &x509.Certificate{}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return func(in *Input) {
		in.Source = func(name string) (Source, error) {
			return map[string]Source{"ca.pem": {Text: ca}, "ca.der": {SHA256: strings.Repeat("0", 64), Size: 5}, "motd": {Text: "hello"}}[name], nil
		}
	}, ca
}

// TestChecks: what the checks of a role become for a host.
func TestChecks(t *testing.T) {
	files, ca := sources(t)
	outside := func(c catalog.Check) catalog.Check {
		c.From, c.Source, c.Within = catalog.FromAppliance, "roles/r.yaml:2:5", 60
		if c.Deadline == 0 {
			c.Deadline = 5
		}
		return c
	}
	inside := func(c catalog.Check) catalog.Check {
		c = outside(c)
		c.From = catalog.FromHost
		return c
	}
	web := func(change func(*catalog.HTTPCheck)) *catalog.HTTPCheck {
		h := &catalog.HTTPCheck{Address: "10.77.0.11", Port: 80, Path: "/", Method: "GET", Status: []int{200}}
		change(h)
		return h
	}
	for text, want := range map[string]catalog.Check{
		"- http: {}": outside(catalog.Check{HTTP: web(func(*catalog.HTTPCheck) {})}),
		"- http:":    outside(catalog.Check{HTTP: web(func(*catalog.HTTPCheck) {})}),
		"- http: {port: \"${var.port}\", path: \"/${host.name}\", status: [200, 301], method: HEAD, host: www.example.com, headers: [\"Accept: a\", \"X: ${host.name}\"]}": outside(catalog.Check{HTTP: web(func(h *catalog.HTTPCheck) {
			h.Port, h.Path, h.Status, h.Method, h.Host, h.Headers = 8080, "/web1", []int{200, 301}, "HEAD", "www.example.com", []string{"Accept: a", "X: web1"}
		})}),
		"- http: {contains: \"by ${host.name}\", matches: '^a+$'}": outside(catalog.Check{HTTP: web(func(h *catalog.HTTPCheck) { h.Content = catalog.Content{Contains: "by web1", Matches: "^a+$"} })}),
		"- http: {tls: yes}": outside(catalog.Check{HTTP: web(func(h *catalog.HTTPCheck) { h.Port, h.Host, h.TLS = 443, "web1", &catalog.TLSCheck{Name: "web1"} })}),
		"- http: {tls: true, host: www.example.com, ca: ca.pem, certificate_days: 14, port: 8443}": outside(catalog.Check{HTTP: web(func(h *catalog.HTTPCheck) {
			h.Port, h.Host, h.TLS = 8443, "www.example.com", &catalog.TLSCheck{Name: "www.example.com", CA: ca, Days: 14}
		})}),
		"- http: {tls: true, verify: no}\n    from: host": inside(catalog.Check{HTTP: web(func(h *catalog.HTTPCheck) {
			h.Address, h.Port, h.Host, h.TLS = "127.0.0.1", 443, "web1", &catalog.TLSCheck{Name: "web1", Unverified: true}
		})}),
		"- tcp: {port: 22, expect: SSH-2.0}\n    deadline: 1500ms": outside(catalog.Check{Deadline: 2, TCP: &catalog.TCPCheck{Address: "10.77.0.11", Port: 22, Expect: "SSH-2.0"}}),
		"- tcp: {port: 6379, send: \"PING\\r\\n\", expect: PONG, address: \"${host.address}\"}\n    from: host": inside(catalog.Check{
			TCP: &catalog.TCPCheck{Address: "10.77.0.11", Port: 6379, Send: "PING\r\n", Expect: "PONG"},
		}),
		"- exec: {command: [psql, -c, \"select '${host.name}'\"], user: postgres, exit: 1, contains: x}": inside(catalog.Check{
			Deadline: 30, Exec: &catalog.ExecCheck{Command: []string{"psql", "-c", "select 'web1'"}, User: "postgres", Exit: 1, Content: catalog.Content{Contains: "x"}},
		}),
		"- exec: {command: \"${var.words}\"}":                                       inside(catalog.Check{Deadline: 30, Exec: &catalog.ExecCheck{Command: []string{"nginx", "-t"}}}),
		"- exec: {command: \"true\"}\n    from: host":                               inside(catalog.Check{Deadline: 30, Exec: &catalog.ExecCheck{Command: []string{"true"}}}),
		"- systemd: {failed: 0}":                                                    inside(catalog.Check{Deadline: 30, Systemd: &catalog.SystemdCheck{}}),
		"- systemd: {failed: 2, except: [a.service, \"user@*\"]}\n    deadline: 1m": inside(catalog.Check{Deadline: 60, Systemd: &catalog.SystemdCheck{Failed: 2, Except: []string{"a.service", "user@*"}}}),
	} {
		c, err := compileText(t, "checks:\n  "+text+"\n", files)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff([]catalog.Check{want}, c.Checks); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
		if n := len(c.Catalog.Checks); (n == 1) != (want.From == catalog.FromHost) {
			t.Errorf("%s: %d checks stand in the catalog", text, n)
		}
	}
}

// TestChecksOfItems: a check can be made for each item, and on a condition; one that needs facts
// that aren't known waits.
func TestChecksOfItems(t *testing.T) {
	files, _ := sources(t)
	c, err := compileText(t, `
checks:
  - tcp: {port: "${p.value}", expect: "${p.key}"}
    from: host
    within: "${p.value}s"
    each: {a: 80, b: 443}
    as: p
  - exec: {command: [test, -d, "${each.value}"]}
    each: [/a, /b]
    when: each.value != "/b"
  - systemd: {failed: 0}
    when: host.group == "db"
  - exec: {command: [id, "${facts.os.id}"]}
  - systemd: {failed: 0}
    when: facts.os.id == "debian"
`, files)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range c.Checks {
		got = append(got, k.Words())
	}
	if diff := cmp.Diff([]string{"tcp 127.0.0.1:80", "tcp 127.0.0.1:443", "exec test -d /a"}, got); diff != "" || c.Checks[1].TCP.Expect != "b" || c.Checks[1].Within != 443 {
		t.Errorf("%s %+v", diff, c.Checks)
	}
	want := []string{"check (roles/r.yaml:13:5) waits for the facts of the host", "check (roles/r.yaml:14:5) waits for the facts of the host"}
	if diff := cmp.Diff(want, c.Waiting); diff != "" {
		t.Error(diff)
	}
	_, err = compileText(t, "checks:\n  - tcp: {port: \"${each.value}\"}\n    each: [80, none]\n", files)
	if err == nil || !strings.Contains(err.Error(), `roles/r.yaml:2:17: port: for host web1: "none" is not a number`) {
		t.Errorf("a wrong item: %v", err)
	}
}

// TestCheckProblems: each mistake in a check is found, with its place; those that don't depend
// on a host when the role is read.
func TestCheckProblems(t *testing.T) {
	files, _ := sources(t)
	for text, want := range map[string]string{
		"- disk: {}":                                         `roles/r.yaml:2:5: check: unknown key "disk"`,
		"- htpp: {}":                                         `did you mean "http"?`,
		"- tcp: {port: 1}\n    http: {}":                     "roles/r.yaml:3:11: this check is a tcp already",
		"- [a]":                                              "roles/r.yaml:2:5: a check must be a mapping",
		"- http: {}\n    from: outside":                      `roles/r.yaml:3:11: from: unknown value "outside"`,
		"- http: {}\n    deadline: 11m":                      "deadline: 11m0s is not between 1s and 10m0s",
		"- http: {status: [200, 99]}":                        `roles/r.yaml:2:26: status: "99" is not a number from 100 to 599`,
		"- http: {status: ok}":                               `status: "ok" is not a number`,
		"- http: {method: POST}":                             `method: unknown value "POST"`,
		"- http: {method: HEAD, contains: x}":                "roles/r.yaml:2:5: http: the answer to HEAD has no body",
		"- http: {matches: \"(\"}":                           "roles/r.yaml:2:21: matches: error parsing regexp",
		"- http: {headers: [\"Authorization: x\"]}":          "headers: the header Authorization carries a secret",
		"- http: {headers: [\"X: ${secret.app/password}\"]}": "a secret can't stand here",
		"- http: {verify: false}":                            "roles/r.yaml:2:5: http: verify goes with tls: true",
		"- http: {tls: false, certificate_days: 5}":          "certificate_days goes with tls: true",
		"- tcp: {port: 1, host: a}":                          "host goes with tls: true",
		"- http: {tls: true, ca: ca.pem, verify: false}":     "ca and verify: false exclude each other",
		"- http: {tls: true, ca: ../ca.pem}":                 "name a file in templates/, without a folder",
		"- http: {tls: true, ca: motd}":                      "roles/r.yaml:2:27: ca motd, for host web1: it holds no certificate (PEM)",
		"- http: {tls: true, ca: ca.der}":                    "ca ca.der, for host web1: it is not text",
		"- http: {tls: true, certificate_days: 0}":           `certificate_days: "0" is not a number from 1 to 3650`,
		"- http: {tls: true, host: \"a b\"}":                 "neither a host name nor an IP address",
		"- http: {address: 10.0.0.1}":                        "address goes with from: host",
		"- http: {address: www.example.com}\n    from: host": "is not an IP address",
		"- tcp: {}":  "roles/r.yaml:2:5: tcp: port must be written",
		"- exec: {}": "roles/r.yaml:2:5: exec: command must be written",
		"- exec: {command: systemctl is-active nginx}":        "no shell reads the command: write its words as a list, [systemctl, is-active, nginx]",
		"- exec: {command: [-x]}":                             "roles/r.yaml:2:5: exec, for host web1: command must be a program and its arguments",
		"- exec: {command: [\"${secret.app/password}\"]}":     "a secret can't stand here",
		"- exec: {command: [a], user: \"-x\"}":                "not a valid user name",
		"- exec: {command: [a]}\n    from: appliance":         "exec: it runs on the host alone",
		"- systemd: {failed: 0}\n    from: appliance":         "systemd: it runs on the host alone",
		"- systemd: {except: [a]}":                            "systemd: failed must be written",
		"- systemd: {failed: none}":                           "is not a number from 0 to 1000",
		"- systemd: {failed: 0, except: [\"a b\"]}":           "is not the name of a unit",
		strings.Repeat("- http: {}\n  ", catalog.MaxChecks+1): "role r for host web1: more than 100 checks, with those of included roles",
	} {
		_, err := compileText(t, "checks:\n  "+text+"\n", files)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.100s: %v, want %q", text, err, want)
		}
	}
}
