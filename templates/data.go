package templates

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"text/template"

	"rackhand/inventory"
)

// Data is what a Kickstart or boot script is rendered from.
type Data struct {
	Host      *inventory.Host
	Appliance Appliance
	Install   Install
	Image     Image
	// Mirrors are the package mirrors that the appliance caches, name -> URL.
	Mirrors map[string]string
}

// Appliance is where this appliance answers.
type Appliance struct {
	URL    string // http://10.77.0.1
	Agents string // https://10.77.0.1:8443
}

// Install is what one install adds; its URLs carry the one-time token.
type Install struct {
	ID         string
	Wipe       bool
	Kickstart  string // URL of the answer file
	Report     string // URL for events
	Agent      string // URL of the agent's binary
	CA         string // URL of the appliance's CA certificate
	EnrolToken string
	BootIF     string // 01-aa-bb-...: the NIC that it boots from
}

// Image is the root image and its kernel.
type Image struct {
	URL, SHA256    string // root file system
	Kernel, Initrd string // URLs
}

// Gateway is the network's gateway, "" for none.
func (d Data) Gateway() string {
	if d.Host.Network == nil || !d.Host.Network.Gateway.IsValid() {
		return ""
	}
	return d.Host.Network.Gateway.String()
}

// DNS is the network's name servers, separated by commas.
func (d Data) DNS() string {
	if d.Host.Network == nil {
		return ""
	}
	var out []string
	for _, a := range d.Host.Network.DNS {
		out = append(out, a.String())
	}
	return strings.Join(out, ",")
}

// Funcs are the functions of a template for a host. secret looks a secret up by
// its name; its value goes into what is rendered and nowhere else.
func Funcs(host *inventory.Host, secret func(string) (string, error)) template.FuncMap {
	return template.FuncMap{
		"secret": secret,
		"netmask": func(p netip.Prefix) string {
			return net.IP(net.CIDRMask(p.Bits(), 32)).String()
		},
		"quote": Quote,
		"has":   func(name string) bool { _, ok := host.Variables[name]; return ok },
		// var NAME [DEFAULT]: a variable of the host, as the operator wrote it.
		"var": func(name string, deflt ...string) (any, error) {
			if v, ok := host.Variables[name]; ok {
				return v, nil
			}
			if len(deflt) > 0 {
				return deflt[0], nil
			}
			return nil, fmt.Errorf("host %s has no variable %q: set it on the host, its group or system, or give a default: {{ var %q \"...\" }}", host.Name, name, name)
		},
		// list NAME: a variable as a list; one value is a list of one, none is empty.
		"list": func(name string) []any {
			switch v := host.Variables[name].(type) {
			case nil:
				return nil
			case []any:
				return v
			default:
				return []any{v}
			}
		},
	}
}

// Quote makes a value one word of a Kickstart line or shell script.
func Quote(v any) (string, error) {
	s := fmt.Sprint(v)
	if strings.ContainsAny(s, "\n\x00") {
		return "", fmt.Errorf("a value with a line break cannot stand in a line: %.40q", s)
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'", nil
}
