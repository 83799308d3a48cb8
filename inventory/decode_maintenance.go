package inventory

import (
	"rackhand/config/schema"
	"rackhand/provision/catalog/window"
)

// The keys of maintenance:, which every layer may give, each for itself.
const (
	keyMaintenanceWindows = "maintenance.windows"
	keyMaintenanceZone    = "maintenance.zone"
)

// Maintenance says when a change may restart a host's services.
type Maintenance struct {
	// Windows are such as "Sat 02:00-04:00" (see window.Parse); none: at any time.
	Windows []string
	// Zone is the time zone that they are meant in, such as Europe/Berlin; "" means UTC.
	Zone string
}

// maintenanceFields reads a maintenance mapping.
func maintenanceFields(what string, n schema.Node, to layer) {
	what += ": maintenance"
	n.Fields(what, schema.Fields{
		"windows": func(n schema.Node) {
			to.put(what, keyMaintenanceWindows, n, orNil(parseWindows(what+" windows", n)))
		},
		"zone": func(n schema.Node) {
			text, ok := n.Text(what + " zone")
			if ok {
				if _, err := window.Zone(text); err != nil {
					n.Problem("write a name of the IANA database, such as Europe/Berlin or UTC", "%s: %q is not a time zone", what, text)
					ok = false
				}
			}
			to.put(what, keyMaintenanceZone, n, orNil(text, ok))
		},
	})
}

// parseWindows reads one window, or a list.
func parseWindows(what string, n schema.Node) (windows []string, ok bool) {
	items, ok := n.List(what)
	for i, item := range items {
		text, read := item.Text(what)
		if !read {
			ok = false
			continue
		}
		if _, err := window.Parse(text); err != nil {
			item.Problem("write the days on which it begins, and the times: Sat 02:00-04:00, Mon-Fri 22:00-02:00, or 03:00-05:00 for every day", "%s: %v", what, err)
			ok = false
			continue
		}
		if i == window.MaxWindows {
			item.Problem("put some of them together, such as Mon-Fri 22:00-02:00", "%s: more than %d", what, window.MaxWindows)
			return nil, false
		}
		windows = append(windows, text)
	}
	return windows, ok
}

// maintenance puts together what the layers say, each key for itself.
func (m merged) maintenance() Maintenance {
	windows, _ := m.value(keyMaintenanceWindows).([]string)
	return Maintenance{Windows: windows, Zone: m.text(keyMaintenanceZone)}
}
