package config

import (
	"errors"
	"io/fs"
	"net/netip"
	"path/filepath"
	"time"

	"rackhand/config/problem"
	"rackhand/config/schema"
)

// Default is the configuration before the file is read: everything that may be
// left out has its value here.
func Default() *Config {
	return &Config{
		State:     "/var/lib/rackhand",
		Inventory: "/etc/rackhand/inventory",
		Secrets:   "/etc/rackhand/secrets",
		Socket:    "/run/rackhand/rackhand.sock",
		HTTP:      80,
		TFTP:      69,
		Agents:    8443,
		Page:      Page{Listen: "127.0.0.1:8080"},
		Mirror:    Mirror{Upstreams: map[string]string{}, Size: 50 << 30},
		Install:   Install{Attempts: 3, Expires: time.Hour},
		Limits:    Limits{Report: 1 << 20, Reports: 60, Events: 3000},
		Keep:      Keep{Days: 90, Events: 10000, Size: 256 << 20, Reports: 100, ReportDays: 30},
		Agent:     Agent{Grace: 90},
		BMC:       BMC{Poll: time.Minute, Sensors: 5 * time.Minute, Console: RecordInstalls},
	}
}

// Load reads the configuration from a file. Either it is complete and there are
// no problems, or it is nil. Relative paths in it start at the file's folder. Address is
// zero if the file doesn't give one. The code that opens the interfaces fills it in.
func Load(path string) (*Config, problem.Problems) {
	var list problem.List
	data, err := schema.ReadFile(path, schema.MaxSize)
	if err != nil {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = "`rackhand init /etc/rackhand` writes one; --config names another"
		}
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		list.Addf(problem.Place{File: path}, hint, "can't read the configuration: %v", err)
		return nil, list.Problems()
	}
	return Parse(path, data)
}

// Parse is Load for a file's bytes; path names it in problems and is where
// relative paths begin.
func Parse(path string, data []byte) (*Config, problem.Problems) {
	var list problem.List
	c := Default()
	root, ok := schema.Parse(path, data, &list)
	if !ok {
		return nil, list.Problems()
	}
	r := reader{config: c, dir: filepath.Dir(path), list: &list}
	root.Fields("configuration", r.fields())
	r.check(root)
	if list.Len() > 0 {
		return nil, list.Problems()
	}
	return c, nil
}

// A reader fills a Config from the file's nodes.
type reader struct {
	config *Config
	dir    string
	list   *problem.List
	// given are the nodes of keys that are looked at again in check.
	given map[string]schema.Node
}

// fields is the file's schema: every key that may stand in it.
func (r *reader) fields() schema.Fields {
	c := r.config
	r.given = map[string]schema.Node{}
	return schema.Fields{
		"state":        r.path("state", &c.State),
		"inventory":    r.path("inventory", &c.Inventory),
		"secrets":      r.path("secrets", &c.Secrets),
		"age":          r.age,
		"socket":       r.path("socket", &c.Socket),
		"socket_group": r.group("socket_group", &c.SocketGroup),
		"interfaces":   r.interfaces,
		"address":      r.address,
		"http":         r.port("http", &c.HTTP),
		"tftp":         r.port("tftp", &c.TFTP),
		"agents":       r.port("agents", &c.Agents),
		"page":         func(n schema.Node) { n.Fields("page", r.pageFields()) },
		"mirror":       func(n schema.Node) { n.Fields("mirror", r.mirrorFields()) },
		"bootfiles":    r.bootfiles,
		"install":      func(n schema.Node) { n.Fields("install", r.installFields()) },
		"limits":       func(n schema.Node) { n.Fields("limits", r.limitsFields()) },
		"keep":         func(n schema.Node) { n.Fields("keep", r.keepFields()) },
		"bmc":          func(n schema.Node) { n.Fields("bmc", r.bmcFields()) },
		"events":       func(n schema.Node) { n.Fields("events", r.eventsFields()) },
		"munin":        func(n schema.Node) { n.Fields("munin", r.muninFields()) },
		"metrics":      func(n schema.Node) { n.Fields("metrics", r.metricsFields()) },
		"agent":        func(n schema.Node) { n.Fields("agent", r.agentFields()) },
	}
}

func (r *reader) age(n schema.Node) {
	r.given["age"] = n
	n.Fields("age", r.ageFields())
}

func (r *reader) ageFields() schema.Fields {
	c := r.config
	return schema.Fields{
		"file":     r.path("age.file", &c.Age.File),
		"identity": r.path("age.identity", &c.Age.Identity),
	}
}

func (r *reader) pageFields() schema.Fields {
	return schema.Fields{"listen": r.keep("page.listen", r.listen), "names": r.pageNames, "operators": r.operators}
}

func (r *reader) mirrorFields() schema.Fields {
	return schema.Fields{
		"upstreams": r.upstreams, "via": r.via,
		"size": r.mirrorSize, "redirects": r.redirects,
		"offline": func(n schema.Node) {
			if v, ok := n.Bool("mirror.offline"); ok {
				r.config.Mirror.Offline = v
			}
		},
	}
}

func (r *reader) installFields() schema.Fields {
	c := r.config
	return schema.Fields{
		"attempts": func(n schema.Node) {
			if i, ok := n.Int("install.attempts", 1, 100); ok {
				c.Install.Attempts = i
			}
		},
		"expires": func(n schema.Node) {
			if d, ok := n.Duration("install.expires", time.Minute, 7*24*time.Hour); ok {
				c.Install.Expires = d
			}
		},
	}
}

// check looks at what only the whole shows.
func (r *reader) check(root schema.Node) {
	if _, ok := r.given["interfaces"]; !ok {
		r.list.Addf(problem.Place{File: root.At().File}, "add interfaces: [NAME]; `ip link` lists them. DHCP is answered on these links and on no other",
			"interfaces is missing")
	}
	if n, ok := r.given["age"]; ok && (r.config.Age.File == "" || r.config.Age.Identity == "") {
		n.Problem("write age: {file: secrets.age, identity: identity.txt}; `age-keygen -o identity.txt` makes an identity", "age must have file and identity")
	}
	r.checkPorts()
}

func (r *reader) address(n schema.Node) {
	text, ok := n.Text("address")
	if !ok {
		return
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || !addr.Is4() || addr.IsUnspecified() || addr.IsMulticast() {
		n.Problem("write one of the appliance's own addresses, such as 10.77.0.1", "address must be an IPv4 address, not %q", text)
		return
	}
	r.config.Address = addr
}
