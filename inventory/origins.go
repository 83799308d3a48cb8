package inventory

import "rackhand/config/problem"

// sources are the origins of a host's settings, small enough for 10,000 hosts. The layers'
// settings are kept once for all hosts, and combined on request.
type sources struct {
	name   string
	layers []*givenLayer // from the strongest to the weakest
	own    []given       // keys that no layer can have: mac, address, group, ...
	// network gives what the layers leave open; nil when it gives nothing of the kind.
	network   *Network
	networkAt string // where its answer stands
}

// A givenLayer holds the settings of one layer.
type givenLayer struct {
	name     string
	settings []given
}

// A given is one setting and where it stands.
type given struct {
	key   string
	value any
	at    problem.Place
}

// origins are the origins of a host's settings by key, the one in force first.
func (s *sources) origins() map[string][]Origin {
	o := map[string][]Origin{}
	for _, layer := range s.layers {
		for _, g := range layer.settings {
			o[g.key] = append(o[g.key], Origin{layer.name, g.value, g.at.String()})
		}
	}
	if from, ok := o[keyRoles]; ok {
		o[keyRoles] = roleOrigins(from)
	}
	o[keyInstall] = append(o[keyInstall], Origin{builtIn, defaultInstall, ""})
	if n := s.network; n != nil {
		o[keyAnswer] = append(o[keyAnswer], Origin{"network " + n.Name, n.Answer, s.networkAt})
	}
	o[keyAnswer] = append(o[keyAnswer], Origin{builtIn, defaultAnswer, ""})
	o[keyBudget] = append(o[keyBudget], Origin{builtIn, defaultBudget, ""})
	for _, g := range s.own {
		o[g.key] = []Origin{{"host " + s.name, g.value, g.at.String()}}
	}
	return o
}

// sourcesOf gathers where a host's settings come from; shared are the layers that
// were gathered before, by name.
func sourcesOf(d *hostDecl, m merged, shared map[string]*givenLayer) *sources {
	s := &sources{name: d.name, layers: make([]*givenLayer, 0, len(m.layers))}
	for i := len(m.layers) - 1; i >= 0; i-- {
		n := m.layers[i]
		layer := shared[n.name]
		if layer == nil {
			layer = &givenLayer{name: n.name, settings: make([]given, 0, len(n.layer))}
			for key, set := range n.layer {
				value := set.value
				if r, ok := value.(*roleSetting); ok {
					value = givenRoles{r.names, r.add}
				}
				layer.settings = append(layer.settings, given{key, value, set.node.At()})
			}
			if i < len(m.layers)-1 { // the last one is the host's own
				shared[n.name] = layer
			}
		}
		s.layers = append(s.layers, layer)
	}
	own := func(key string, value any, at problem.Place) { s.own = append(s.own, given{key, value, at}) }
	own("mac", d.macs, d.macNodes[0].At())
	own("address", d.address, d.addrNode.At())
	if group, ok := d.group.value.(string); ok {
		own("group", group, d.group.node.At())
	}
	if d.bmc.IsValid() {
		own("bmc.address", d.bmc, d.bmcNode.At())
	}
	if d.bmcMAC != (MAC{}) {
		own("bmc.mac", d.bmcMAC, d.bmcMACAt.At())
	}
	if d.rack != nil {
		own("rack", *d.rack, d.rackNode.At())
	}
	return s
}
