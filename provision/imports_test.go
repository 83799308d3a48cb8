package provision_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// A rule names packages (by the beginning of their path), what they must not
// reach, and why.
type rule struct {
	from    string
	forbid  []string
	allowed []string // exceptions to forbid
	why     string
}

var bottom = []string{"rackhand/inventory", "rackhand/templates", "rackhand/bootfiles", "rackhand/config"}

// shells are the rooms around the wire, and the one that ties them together.
func shells() []string {
	return []string{
		"rackhand/provision/appliance", "rackhand/provision/dhcp", "rackhand/provision/tftp", "rackhand/provision/web", "rackhand/provision/power",
		"rackhand/provision/mirror", "rackhand/provision/syslog", "rackhand/provision/doctor",
	}
}

// rules are the arrows of docs/architecture.md.
func rules() []rule {
	r := []rule{
		{
			from: "rackhand/cmd/rackhand-agent", forbid: []string{"rackhand/"},
			allowed: []string{"rackhand/cmd/rackhand-agent", "rackhand/provision/converge", "rackhand/provision/catalog"},
			why:     "the agent runs as root on every host and links nothing that it does not need",
		},
		{
			from: "rackhand/cmd/rackhand-agent", forbid: []string{"github.com/insomniacslk/dhcp", "github.com/pin/tftp", "github.com/bougou/go-ipmi", "text/template", "html/template"},
			why: "the agent links no DHCP, TFTP, IPMI or template code",
		},
		{
			from: "rackhand/cmd/rackhand-installer", forbid: []string{"rackhand/"},
			allowed: []string{"rackhand/cmd/rackhand-installer", "rackhand/provision/installer", "rackhand/templates/kickstart", "rackhand/bootfiles/compressed", "rackhand/provision/mask"},
			why:     "the installer is /init of an initramfs of a few MB",
		},
		{
			from: "rackhand/provision/installer/plan", forbid: []string{"rackhand/", "os/exec", "net/http", "golang.org/x/sys", "github.com"},
			allowed: []string{"rackhand/provision/installer/plan", "rackhand/provision/installer/netconf", "rackhand/templates/kickstart", "rackhand/provision/mask"},
			why:     "a plan is data: it is made without a disk, a network or a program",
		},
		{
			from: "rackhand/provision/installer/netconf", forbid: []string{"rackhand/", "os/exec", "net/http", "golang.org/x/sys", "github.com"},
			allowed: []string{"rackhand/provision/installer/netconf", "rackhand/templates/kickstart"},
			why:     "network lines become text, whatever machine they are for",
		},
		{
			from: "rackhand/provision/installer/unpack", forbid: []string{"rackhand/"},
			allowed: []string{"rackhand/provision/installer/unpack", "rackhand/provision/installer/report", "rackhand/provision/installer/kernel", "rackhand/provision/mask", "rackhand/bootfiles/compressed"},
			why:     "an image is unpacked in the same way, whatever is installed",
		},
		{
			from: "rackhand/provision/installer/report", forbid: []string{"rackhand/"},
			allowed: []string{"rackhand/provision/installer/report", "rackhand/provision/installer/kernel", "rackhand/provision/mask"},
			why:     "every room of the installer reports, so reporting knows none of them",
		},
		{
			from: "rackhand/provision/installer/hardware", forbid: []string{"rackhand/provision/installer/disk", "rackhand/provision/installer/job", "rackhand/provision/installer/unpack", "rackhand/bootfiles"},
			why: "hardware is found before anything is done with it",
		},
		{
			from: "rackhand/provision/installer/disk", forbid: []string{"rackhand/provision/installer/job", "rackhand/provision/installer/unpack", "rackhand/bootfiles"},
			why: "disks don't know what they are written for",
		},
		{
			from: "rackhand/provision/installer/job", forbid: []string{"rackhand/provision/installer/unpack", "rackhand/bootfiles"},
			why: "a job is no install",
		},
		{
			from: "rackhand/provision/rack/simulated", forbid: []string{"rackhand/"},
			allowed: []string{"rackhand/provision/rack/simulated", "rackhand/bootfiles/media", "rackhand/templates/kickstart", "rackhand/config/file"},
			why:     "a simulated installer that shared code with the appliance would agree with its mistakes",
		},
		{from: "rackhand/bootfiles/media", forbid: []string{"rackhand/"}, allowed: []string{"rackhand/bootfiles/media", "rackhand/config/file"}, why: "media and images are two engines that don't know each other"},
		{from: "rackhand/bootfiles/image", forbid: []string{"rackhand/"}, allowed: []string{"rackhand/bootfiles/image", "rackhand/bootfiles/compressed", "rackhand/config"}, why: "media and images are two engines that don't know each other"},
		{
			from: "rackhand/provision/converge/drift", forbid: []string{"rackhand/", "os/exec"},
			allowed: []string{"rackhand/provision/converge/drift", "rackhand/provision/catalog"},
			why:     "the cause of a change is a pure decision",
		},
		{
			from: "rackhand/provision/converge/packages", forbid: []string{"rackhand/"},
			allowed: []string{"rackhand/provision/converge/packages", "rackhand/provision/converge/apt", "rackhand/provision/converge/command", "rackhand/provision/catalog"},
			why:     "a package manager knows neither the engine nor the agent's files",
		},
		{
			from: "rackhand/provision/converge/files", forbid: []string{"rackhand/"},
			allowed: []string{"rackhand/provision/converge/files", "rackhand/provision/converge/backup", "rackhand/provision/converge/provider", "rackhand/provision/converge/edit", "rackhand/provision/converge/command", "rackhand/provision/catalog"},
			why:     "a file is brought about in the same way, whatever declares it",
		},
		{
			from: "rackhand/provision/converge/provider", forbid: []string{"rackhand/"},
			allowed: []string{"rackhand/provision/converge/provider", "rackhand/provision/converge/edit", "rackhand/provision/converge/command", "rackhand/provision/catalog"},
			why:     "a provider knows neither the engine nor the agent's files",
		},
		{
			from: "rackhand/provision/converge/edit", forbid: []string{"rackhand/", "os/exec", "golang.org/x/sys"},
			allowed: []string{"rackhand/provision/converge/edit", "rackhand/provision/catalog"},
			why:     "an edit is a function of two texts",
		},
		{
			from: "rackhand/provision/reports", forbid: []string{"rackhand/provision/journal", "rackhand/provision/web", "rackhand/provision/retention", "rackhand/provision/appliance"},
			why: "an archive of reports knows neither its readers nor the journal",
		},
		{from: "rackhand/provision/catalog", forbid: []string{"rackhand/"}, allowed: []string{"rackhand/provision/catalog"}, why: "the catalog is wire types alone"},
		{from: "rackhand/templates/kickstart", forbid: []string{"rackhand/"}, allowed: []string{"rackhand/templates/kickstart"}, why: "the Kickstart language is linked into the installer"},
		{from: "rackhand/provision/boot", forbid: []string{"rackhand/provision/store", "rackhand/provision/journal", "rackhand/config", "rackhand/bootfiles"}, allowed: []string{"rackhand/config/problem", "rackhand/config/schema", "rackhand/config/file"}, why: "a boot decision is pure: it knows what it is given"},
	}
	// These are of use by themselves: what an ISO, an archive or a log is doesn't hang on
	// who reads it, and what is to be cleared away not on who made it.
	for _, alone := range []string{"config/file", "config/visible", "bootfiles/compressed", "bootfiles/media/iso9660", "provision/mirror/apt", "provision/mirror/rpm", "provision/installlog", "provision/mask", "provision/janitor", "provision/dhcpwire", "provision/connlimit", "provision/intake", "provision/limit", "provision/content", "provision/converge/command", "provision/converge/backup"} {
		r = append(r, rule{from: "rackhand/" + alone, forbid: []string{"rackhand/"}, allowed: []string{"rackhand/" + alone}, why: "it needs nothing else of rackhand"})
	}
	r = append(r, rule{
		from: "rackhand/provision/why", forbid: []string{"rackhand/provision/", "rackhand/templates", "rackhand/bootfiles", "os/exec", "net/http"},
		allowed: []string{"rackhand/provision/why", "rackhand/provision/catalog"},
		why:     "a diagnosis is a function of the record",
	}, rule{
		from: "rackhand/provision/diagnosis", forbid: []string{"rackhand/provision/web", "rackhand/provision/dhcp", "rackhand/provision/tftp", "rackhand/provision/power", "rackhand/provision/appliance", "rackhand/provision/operate"},
		why: "a diagnosis is computed from journal and inventory alone",
	})
	r = append(r, rule{
		from: "rackhand/inventory/role/expression", forbid: []string{"rackhand/"}, allowed: []string{"rackhand/inventory/role/expression", "rackhand/config/problem"},
		why: "an expression knows names and types, whatever they stand for",
	})
	for _, b := range bottom {
		r = append(r, rule{
			from: b, forbid: []string{"rackhand/provision", "rackhand/cmd"}, allowed: []string{"rackhand/provision/catalog"},
			why: "the bottom four rooms know nothing of those above",
		})
	}
	r = append(r, rule{
		from: "rackhand/provision/orders", forbid: []string{"rackhand/"}, allowed: []string{"rackhand/provision/orders", "rackhand/provision/store", "rackhand/provision/catalog"},
		why: "what an agent is to do is on record, whatever asks for it",
	}, rule{
		from: "rackhand/provision/rollout", forbid: []string{"rackhand/provision/appliance", "rackhand/provision/operate", "rackhand/provision/dhcp", "rackhand/provision/tftp", "rackhand/provision/power", "rackhand/provision/mirror", "rackhand/cmd"},
		why: "a roll-out runs in the operator's command, not in the appliance",
	}, rule{
		from: "rackhand/provision/converge/facts", forbid: []string{"rackhand/"}, allowed: []string{"rackhand/provision/converge/facts"},
		why: "what a host is depends on nothing that it should become",
	}, rule{
		from: "rackhand/provision/hostfacts", forbid: []string{"rackhand/"},
		allowed: []string{"rackhand/provision/hostfacts", "rackhand/provision/store", "rackhand/provision/limit", "rackhand/provision/catalog"},
		why:     "what a host says of itself is kept as it is, whatever is made of it",
	}, rule{
		from: "rackhand/provision/retention", forbid: []string{"rackhand/inventory", "rackhand/provision/web", "rackhand/provision/dhcp", "rackhand/provision/appliance"},
		why: "what is kept is decided by what is on record alone",
	})
	r = append(r, rule{
		from:   "rackhand/provision/preview",
		forbid: append(shells(), "rackhand/provision/rack", "rackhand/provision/setup", "rackhand/cmd"),
		why:    "a command that renders a text runs no appliance",
	}, rule{
		from:   "rackhand/provision/operate",
		forbid: append(shells(), "rackhand/provision/preview", "rackhand/cmd", "net/http"),
		why:    "a request of the operator is the same, over whatever it came",
	}, rule{
		from: "rackhand/provision/prefetch",
		forbid: []string{
			"rackhand/provision/appliance", "rackhand/provision/dhcp", "rackhand/provision/tftp", "rackhand/provision/web", "rackhand/provision/power",
			"rackhand/provision/syslog", "rackhand/provision/doctor", "rackhand/provision/journal", "rackhand/cmd",
		},
		why: "packages are fetched ahead into a mirror cache, whoever asks",
	}, rule{
		from:   "rackhand/provision/metrics",
		forbid: append(shells(), "rackhand/provision/operate", "rackhand/provision/journal", "rackhand/cmd"),
		why:    "what happens is counted from traces and events: no part knows that it is counted",
	}, rule{
		from: "rackhand/provision/muninnode", forbid: []string{"rackhand/"}, allowed: []string{"rackhand/provision/muninnode"},
		why: "Munin sees what Prometheus sees: the node draws metrics, whatever they count",
	}, rule{
		from:   "rackhand/provision/eventlog",
		forbid: append(shells(), "rackhand/provision/operate", "rackhand/provision/journal", "rackhand/cmd"),
		why:    "events are sent as the journal has them",
	}, rule{
		from: "rackhand/provision/backup", forbid: append(shells(), "rackhand/provision/operate", "rackhand/cmd"),
		why: "a backup is files: it is written and restored without an appliance",
	}, rule{
		from: "rackhand/provision/web/client", forbid: []string{"rackhand/provision/web", "rackhand/provision/power", "rackhand/provision/operate", "rackhand/templates", "rackhand/bootfiles"},
		allowed: []string{"rackhand/provision/web/client"},
		why:     "requests, results and errors of the operator are in packages provision and provision/bmc: a client links no server",
	}, rule{
		from: "rackhand/provision/web/show", forbid: []string{"rackhand/provision/web"}, allowed: []string{"rackhand/provision/web/show"},
		why: "a result is shown from its type in package provision",
	}, rule{
		from:   "rackhand/provision/handout",
		forbid: append(shells(), "rackhand/provision/rack", "rackhand/provision/store", "rackhand/provision/journal", "rackhand/provision/preview", "rackhand/cmd", "net/http"),
		why:    "a text for a host is the same, whether a protocol carries it or a preview shows it",
	}, rule{
		from: "rackhand/provision/gate",
		forbid: []string{
			"rackhand/provision/appliance", "rackhand/provision/dhcp", "rackhand/provision/tftp", "rackhand/provision/web", "rackhand/provision/power",
			"rackhand/provision/mirror", "rackhand/provision/syslog", "rackhand/provision/store", "rackhand/cmd",
		},
		why: "whether a link may be served is known before anything serves it",
	}, rule{
		from: "rackhand/provision/conduct",
		forbid: []string{
			"rackhand/provision/appliance", "rackhand/provision/dhcp", "rackhand/provision/tftp", "rackhand/provision/web", "rackhand/provision/mirror",
			"rackhand/provision/syslog", "rackhand/provision/doctor", "rackhand/provision/gate", "rackhand/provision/preview", "rackhand/cmd",
		},
		why: "what an install needs is done from what is on record, whoever recorded it",
	}, rule{
		from: "rackhand/provision/setup", forbid: []string{"rackhand/provision", "rackhand/cmd"}, allowed: []string{"rackhand/provision/setup", "rackhand/provision/catalog"},
		why: "a first configuration is written before there is an appliance",
	}, rule{
		from: "rackhand/provision/links", forbid: []string{"rackhand/provision"}, allowed: []string{"rackhand/provision/links"},
		why: "an address is found before anything is served at it",
	}, rule{
		from: "rackhand/provision/routeradvert", forbid: []string{"rackhand/provision"}, allowed: []string{"rackhand/provision/routeradvert", "rackhand/provision/links"},
		why: "router advertisements don't depend on the inventory or on an install",
	})
	r = append(r, rule{
		from: "rackhand/provision/catalogs", forbid: []string{"rackhand/provision"}, allowed: []string{"rackhand/provision/catalogs", "rackhand/provision/catalog"},
		why: "the catalogs of hosts depend on their roles alone",
	})
	r = append(r, rule{
		from: "rackhand/provision/dhcp/boots", forbid: []string{"rackhand/provision"}, allowed: []string{"rackhand/provision/dhcp/boots", "rackhand/provision/catalog"},
		why: "how a card boots is counted the same, whatever is sent or recorded",
	})
	shells := []string{"dhcp", "routeradvert", "tftp", "web", "power", "mirror", "rack", "doctor", "syslog"}
	for _, s := range shells {
		x := rule{
			from: "rackhand/provision/" + s, forbid: []string{"rackhand/provision/appliance", "rackhand/cmd"},
			why: "shells around the wire know neither each other nor the appliance that ties them",
		}
		for _, other := range shells {
			if other != s {
				x.forbid = append(x.forbid, "rackhand/provision/"+other)
			}
		}
		r = append(r, x)
	}
	r = append(r, rule{
		from: "rackhand/provision/bmc/scan", forbid: []string{"rackhand/provision/"}, allowed: []string{"rackhand/provision/bmc/scan", "rackhand/provision/catalog"},
		why: "a search needs no account, no journal and no inventory",
	}, rule{
		from: "rackhand/provision/installer/bmcsetup", forbid: []string{"rackhand/"}, allowed: []string{"rackhand/provision/installer/bmcsetup"},
		why: "a box sets up its BMC in the same way, whatever is installed",
	})
	for _, p := range []string{"ipmi", "redfish", "console"} {
		r = append(r, rule{
			from: "rackhand/provision/bmc/" + p, forbid: []string{"rackhand/provision/power", "rackhand/provision/journal", "rackhand/provision/store", "rackhand/provision/web", "rackhand/provision/appliance", "rackhand/provision/operate", "rackhand/provision/conduct"},
			why: "a protocol sends and judges answers; when and why is decided elsewhere",
		})
	}
	r = append(r, rule{
		from: "rackhand/provision/bmc/poll", forbid: []string{"rackhand/provision/power", "rackhand/provision/journal", "rackhand/provision/store", "rackhand/provision/web", "rackhand/provision/appliance", "rackhand/provision/operate", "rackhand/provision/conduct"},
		why: "it is given how a BMC is asked, and where events go",
	})
	return append(r, rule{
		from: "rackhand/provision/terminal", forbid: []string{"rackhand/"}, allowed: []string{"rackhand/provision/terminal", "rackhand/config/visible"},
		why: "a terminal's text may be about anything",
	}, rule{
		from: "rackhand/provision/usage", forbid: []string{"rackhand/"}, allowed: []string{"rackhand/provision/usage", "rackhand/provision/terminal", "rackhand/config/visible", "rackhand/config/problem"},
		why: "the help knows the command line's model, and not what the commands do",
	}, rule{
		from: "rackhand/provision/await", forbid: []string{"rackhand/provision/"}, allowed: []string{"rackhand/provision/await", "rackhand/provision/catalog"},
		why: "a wait is given the appliance's status and events",
	}, rule{
		from: "rackhand/provision/appliance", forbid: []string{"rackhand/provision/rack", "rackhand/provision/converge", "rackhand/provision/installer", "rackhand/provision/bench"},
		why: "the appliance knows neither the virtual rack nor what runs on hosts",
	})
}

// TestImports holds the code against the rules, over what is linked in truth.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Deps " "}}`, "rackhand/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := make(map[int]bool)
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg, deps := fields[0], fields[1:]
		// The rehearsal ties rack and appliance's client: it stands on the
		// appliance's own level, above the shells.
		if under(pkg, "rackhand/provision/rack/rehearse") {
			continue
		}
		for i, r := range rules() {
			if !under(pkg, r.from) {
				continue
			}
			seen[i] = true
			for _, d := range deps {
				if anyUnder(d, r.forbid) && !anyUnder(d, r.allowed) {
					t.Errorf("%s must not reach %s: %s", pkg, d, r.why)
				}
			}
		}
	}
	for i, r := range rules() {
		if !seen[i] {
			t.Errorf("the rule about %s holds for no package: was it renamed?", r.from)
		}
	}
}

// TestPureRooms holds what must not act against what it imports itself: packages that it
// reaches by way of others, such as os by way of fmt, say nothing.
func TestPureRooms(t *testing.T) {
	acts := []string{"os", "os/exec", "os/signal", "syscall", "time", "net", "net/http", "unsafe", "log/slog", "math/rand", "crypto/rand"}
	for pkg, but := range map[string][]string{
		"rackhand/provision/installer/plan":    nil,
		"rackhand/provision/installer/netconf": {"net"}, // to parse MACs
		"rackhand/templates/kickstart/engine":  nil,
	} {
		out, err := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, pkg).Output()
		if err != nil {
			t.Fatalf("go list %s: %v", pkg, err)
		}
		for _, i := range strings.Fields(string(out)) {
			if slices.Contains(acts, i) && !slices.Contains(but, i) {
				t.Errorf("%s must not import %s: it decides, and does nothing", pkg, i)
			}
		}
	}
}

func under(pkg, prefix string) bool {
	return pkg == prefix || strings.HasPrefix(pkg, strings.TrimSuffix(prefix, "/")+"/")
}

func anyUnder(pkg string, prefixes []string) bool {
	for _, p := range prefixes {
		if under(pkg, p) {
			return true
		}
	}
	return false
}
