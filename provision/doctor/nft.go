package doctor

import (
	"encoding/json"
	"fmt"
)

// The parts of the output of `nft -j list ruleset` that matter here
// (libnftables-json(5)).
type nftObject struct {
	Chain *nftChain `json:"chain"`
	Rule  *nftRule  `json:"rule"`
}

type nftChain struct {
	Family string `json:"family"`
	Table  string `json:"table"`
	Name   string `json:"name"`
	Hook   string `json:"hook"`
	Policy string `json:"policy"`
}

type nftRule struct {
	Family string                       `json:"family"`
	Table  string                       `json:"table"`
	Chain  string                       `json:"chain"`
	Expr   []map[string]json.RawMessage `json:"expr"`
}

// parseNFT reads a ruleset as a packet sees it. Packets of DHCP come in over the
// families ip and inet, and over netdev's ingress; bridge filters ports of a bridge.
func parseNFT(out []byte, p packet4) ([]base, error) {
	var all struct {
		NFTables []nftObject `json:"nftables"`
	}
	if err := json.Unmarshal(out, &all); err != nil {
		return nil, fmt.Errorf("read its output: %w", err)
	}
	tables := map[string]map[string][]fwRule{}
	key := func(family, table string) string { return family + " " + table }
	for _, o := range all.NFTables {
		if r := o.Rule; r != nil {
			k := key(r.Family, r.Table)
			if tables[k] == nil {
				tables[k] = map[string][]fwRule{}
			}
			tables[k][r.Chain] = append(tables[k][r.Chain], nftRules(r.Expr, p)...)
		}
	}
	var bases []base
	for _, o := range all.NFTables {
		c := o.Chain
		if c == nil || c.Family != "ip" && c.Family != "inet" || c.Hook != "input" && c.Hook != "prerouting" {
			continue
		}
		policy := accept
		if c.Policy == "drop" {
			policy = refuse
		}
		chains := tables[key(c.Family, c.Table)]
		bases = append(bases, base{fmt.Sprintf("table %s %s, chain %s", c.Family, c.Table, c.Name), policy, chains[c.Name], chains})
	}
	return bases, nil
}

// nftRules reads one rule; a verdict map becomes several.
func nftRules(expr []map[string]json.RawMessage, p packet4) []fwRule {
	match := yes
	for _, e := range expr {
		for what, raw := range e {
			switch what {
			case "match":
				match = match.and(nftMatch(raw, p))
			case "accept":
				return []fwRule{{match, accept, ""}}
			case "drop", "reject":
				return []fwRule{{match, refuse, ""}}
			case "return":
				return []fwRule{{match, goBack, ""}}
			case "jump", "goto":
				var to struct {
					Target string `json:"target"`
				}
				_ = json.Unmarshal(raw, &to) // a target that isn't there is an empty chain
				if what == "goto" {
					return []fwRule{{match, goTo, to.Target}}
				}
				return []fwRule{{match, jump, to.Target}}
			case "vmap":
				return nftMap(raw, match, p)
			case "counter", "log", "mangle", "comment", "notrack":
			default:
				match = match.and(maybe) // limit, quota, a lookup: not known here
			}
		}
	}
	return nil // it decides nothing
}

// nftMap reads a verdict map such as `iifname vmap { lo : accept, eth1 : jump rack }`.
func nftMap(raw json.RawMessage, match truth, p packet4) []fwRule {
	var m struct {
		Key  json.RawMessage `json:"key"`
		Data struct {
			Set [][2]json.RawMessage `json:"set"`
		} `json:"data"`
	}
	if json.Unmarshal(raw, &m) != nil || m.Data.Set == nil {
		return []fwRule{{match.and(maybe), accept, ""}, {match.and(maybe), refuse, ""}}
	}
	var out []fwRule
	for _, pair := range m.Data.Set {
		var verdict map[string]json.RawMessage
		if json.Unmarshal(pair[1], &verdict) != nil {
			continue
		}
		hit := match.and(nftCompare(m.Key, "==", pair[0], p))
		for _, r := range nftRules([]map[string]json.RawMessage{verdict}, p) {
			r.match = hit
			out = append(out, r)
		}
	}
	return out
}

func nftMatch(raw json.RawMessage, p packet4) truth {
	var m struct {
		Op    string          `json:"op"`
		Left  json.RawMessage `json:"left"`
		Right json.RawMessage `json:"right"`
	}
	if json.Unmarshal(raw, &m) != nil {
		return maybe
	}
	return nftCompare(m.Left, m.Op, m.Right, p)
}

// nftCompare decides one condition, as far as the packet is known.
func nftCompare(left json.RawMessage, op string, right json.RawMessage, p packet4) truth {
	var l struct {
		Meta *struct {
			Key string `json:"key"`
		} `json:"meta"`
		Payload *struct {
			Protocol string `json:"protocol"`
			Field    string `json:"field"`
		} `json:"payload"`
		CT *struct {
			Key string `json:"key"`
		} `json:"ct"`
	}
	if json.Unmarshal(left, &l) != nil {
		return maybe
	}
	var got truth
	switch {
	case l.Meta != nil && (l.Meta.Key == "iifname" || l.Meta.Key == "iif"):
		got = nftIn(right, func(v any) truth { s, ok := v.(string); return known(ok && ifaceIs(s, p.link, "*")) })
	case l.Meta != nil && l.Meta.Key == "l4proto", l.Payload != nil && l.Payload.Protocol == "ip" && l.Payload.Field == "protocol":
		got = nftIn(right, func(v any) truth { return known(v == p.proto || v == protoNumber(p.proto)) })
	case l.Meta != nil && (l.Meta.Key == "nfproto" || l.Meta.Key == "protocol"):
		got = nftIn(right, func(v any) truth { return known(v == "ipv4" || v == "ip") })
	case l.Payload != nil && l.Payload.Field == "dport" && l.Payload.Protocol == "th", l.Payload != nil && l.Payload.Field == "dport" && l.Payload.Protocol == p.proto:
		got = nftIn(right, func(v any) truth { n, ok := v.(float64); return known(ok && n == float64(p.port)) })
	case l.Payload != nil && (l.Payload.Protocol == "udp" || l.Payload.Protocol == "tcp") && l.Payload.Protocol != p.proto:
		return no // the match implies its protocol
	case l.Payload != nil && (l.Payload.Protocol == "ip6" || l.Payload.Protocol == "icmp" || l.Payload.Protocol == "icmpv6"):
		return no
	case l.CT != nil && l.CT.Key == "state":
		// A box's first packet belongs to no connection yet.
		got = nftIn(right, func(v any) truth { return known(v == "new") })
	default:
		return maybe
	}
	if op == "!=" && got != maybe {
		return yes - got
	}
	return got
}

// nftIn reports whether is holds for a value, or for one of a set or range of them. A
// set by name (@set) is not known here.
func nftIn(right json.RawMessage, is func(any) truth) truth {
	var v any
	if json.Unmarshal(right, &v) != nil {
		return maybe
	}
	return nftValue(v, is, 0)
}

func nftValue(v any, is func(any) truth, depth int) truth {
	const deepest = 4
	if depth > deepest {
		return maybe
	}
	any1 := func(items []any) truth {
		got := no
		for _, i := range items {
			got = max(got, nftValue(i, is, depth+1))
		}
		return got
	}
	switch x := v.(type) {
	case []any:
		return any1(x)
	case string:
		if len(x) > 0 && x[0] == '@' {
			return maybe
		}
		return is(x)
	case map[string]any:
		if set, ok := x["set"].([]any); ok {
			return any1(set)
		}
		if r, ok := x["range"].([]any); ok && len(r) == 2 {
			return nftRange(r, is)
		}
		return maybe
	}
	return is(v)
}

// nftRange tries each number of a range; ports are the only ranges that are asked of.
func nftRange(r []any, is func(any) truth) truth {
	a, ok1 := r[0].(float64)
	b, ok2 := r[1].(float64)
	if !ok1 || !ok2 || a < 0 || b > 65535 {
		return maybe
	}
	for n := a; n <= b; n++ {
		if is(n) == yes {
			return yes
		}
	}
	return no
}

func protoNumber(proto string) float64 {
	if proto == "udp" {
		return 17
	}
	return 6
}
