package port

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"

	"rackhand/inventory"
)

// asJSON writes a value for programs and people.
func asJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

// hosts lists the hosts by name.
func hosts(s *inventory.Snapshot) []*inventory.Host {
	all := make([]*inventory.Host, 0, len(s.Hosts))
	for _, name := range s.HostNames() {
		all = append(all, s.Hosts[name])
	}
	return all
}

// Hosts writes lines for /etc/hosts (hosts(5)), by address: the name with its
// network's domain before the bare one, and BMCs as NAME-bmc.
func Hosts(s *inventory.Snapshot) []byte {
	all := hosts(s)
	slices.SortFunc(all, func(a, b *inventory.Host) int { return a.Address.Compare(b.Address) })
	var b bytes.Buffer
	line := func(address string, n *inventory.Network, name string) {
		b.WriteString(address)
		if n != nil && n.Domain != "" {
			fmt.Fprintf(&b, " %s.%s", name, n.Domain)
		}
		fmt.Fprintf(&b, " %s\n", name)
	}
	for _, h := range all {
		line(h.Address.String(), h.Network, h.Name)
		// A BMC on another port shares its address with others: it is simulated.
		if name := h.Name + "-bmc"; h.BMC != nil && (h.BMC.Address.Port() == 623 || h.BMC.Address.Port() == 443) && s.Hosts[name] == nil {
			a := h.BMC.Address.Addr()
			line(a.String(), s.NetworkOf(a), name)
		}
	}
	return b.Bytes()
}

// A target is an entry of Prometheus's HTTP service discovery.
type target struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// Prometheus writes the JSON of HTTP service discovery (prometheus.io,
// http_sd_config; file_sd_config reads it too): each host's address with a port,
// and what the inventory says of it as labels.
func Prometheus(s *inventory.Snapshot, port int) ([]byte, error) {
	targets := []target{} // [] and not null when there is no host
	for _, h := range hosts(s) {
		labels := map[string]string{"host": h.Name}
		add := func(name, value string) {
			if value != "" {
				labels[name] = value
			}
		}
		add("group", h.Group)
		add("role", h.Role())
		if h.System != nil {
			add("system", h.System.Name)
		}
		if h.Network != nil {
			add("network", h.Network.Name)
		}
		if h.Rack != nil {
			add("rack", h.Rack.Name)
			if h.Rack.Unit > 0 {
				add("unit", strconv.Itoa(h.Rack.Unit))
			}
		}
		address := net.JoinHostPort(h.Address.String(), strconv.Itoa(port))
		targets = append(targets, target{[]string{address}, labels})
	}
	return asJSON(targets)
}

// An ansibleGroup is a group of Ansible's dynamic inventory.
type ansibleGroup struct {
	Hosts    []string `json:"hosts,omitempty"`
	Children []string `json:"children,omitempty"`
}

// Ansible writes a dynamic inventory as its scripts print it (Ansible's developer
// guide, "Developing dynamic inventory"), with _meta, so that one call is enough.
// Groups are the inventory's own, and role_ROLE, system_SYSTEM, network_NETWORK
// and rack_RACK. A host's variables are its own by their names, without those that
// name secrets. The variable rackhand holds rackhand's own data about the host.
func Ansible(s *inventory.Snapshot) ([]byte, error) {
	groups := map[string]*ansibleGroup{}
	source := map[string]string{}
	var clash error
	put := func(h *inventory.Host, prefix, name string) {
		if name == "" {
			return
		}
		group := groupName(prefix, name)
		if first, ok := source[group]; ok && first != prefix+name && clash == nil {
			clash = fmt.Errorf("%q and %q are both the group %s to Ansible, which knows letters, digits and _ only: rename one", first, prefix+name, group)
		}
		source[group] = prefix + name
		if groups[group] == nil {
			groups[group] = &ansibleGroup{}
		}
		groups[group].Hosts = append(groups[group].Hosts, h.Name)
	}
	vars := map[string]map[string]any{}
	var alone []string
	for _, h := range hosts(s) {
		vars[h.Name] = hostVars(h)
		put(h, "", h.Group)
		for _, role := range h.Roles {
			put(h, "role_", role)
		}
		if h.System != nil {
			put(h, "system_", h.System.Name)
		}
		if h.Network != nil {
			put(h, "network_", h.Network.Name)
		}
		if h.Rack != nil {
			put(h, "rack_", h.Rack.Name)
		}
		if h.Group == "" {
			alone = append(alone, h.Name)
		}
	}
	if clash != nil {
		return nil, clash
	}
	children := []string{"ungrouped"}
	out := map[string]any{
		"_meta":     map[string]any{"hostvars": vars},
		"ungrouped": ansibleGroup{Hosts: alone},
	}
	for name, group := range groups {
		out[name] = group
		children = append(children, name)
	}
	slices.Sort(children)
	out["all"] = ansibleGroup{Children: children}
	return asJSON(out)
}

var notInGroups = regexp.MustCompile(`[^A-Za-z0-9_]`)

// groupName makes a name that Ansible takes for a group.
func groupName(prefix, name string) string {
	group := notInGroups.ReplaceAllString(prefix+name, "_")
	if group == "all" || group == "ungrouped" || group == "_meta" || group[0] >= '0' && group[0] <= '9' {
		return "group_" + group
	}
	return group
}

// hostVars are the variables of a host.
func hostVars(h *inventory.Host) map[string]any {
	vars := map[string]any{}
	for name, value := range h.Variables {
		if open, ok := withoutSecrets(value); ok {
			vars[name] = open
		}
	}
	var macs []string
	for _, m := range h.MACs {
		macs = append(macs, m.String())
	}
	own := map[string]any{"macs": macs, "disk": h.Disk, "kickstart": h.Kickstart}
	if h.Network != nil {
		own["network"] = h.Network.Name
	}
	if h.System != nil {
		own["system"] = h.System.Name
		own["arch"] = h.System.Processor()
	}
	own["role"], own["group"] = h.Role(), h.Group
	if len(h.Roles) > 0 {
		own["roles"] = h.Roles
	}
	if h.BMC != nil {
		own["bmc"] = h.BMC.Address.String()
	}
	if h.Rack != nil {
		own["rack"] = map[string]any{"name": h.Rack.Name, "unit": h.Rack.Unit}
	}
	for key, value := range own {
		if value == "" {
			delete(own, key)
		}
	}
	vars["ansible_host"], vars["rackhand"] = cmp.Or(h.Address.String(), h.Name), own
	return vars
}

// withoutSecrets is a variable's value without what names a secret; ok is false
// when nothing is left.
func withoutSecrets(value any) (open any, ok bool) {
	switch v := value.(type) {
	case inventory.SecretRef:
		return nil, false
	case []any:
		list := []any{}
		for _, item := range v {
			if open, ok := withoutSecrets(item); ok {
				list = append(list, open)
			}
		}
		return list, len(list) > 0 || len(v) == 0
	case map[string]any:
		m := map[string]any{}
		for key, item := range v {
			if open, ok := withoutSecrets(item); ok {
				m[key] = open
			}
		}
		return m, len(m) > 0 || len(v) == 0
	}
	return value, true
}
