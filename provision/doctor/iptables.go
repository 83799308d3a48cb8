package doctor

import (
	"fmt"
	"strconv"
	"strings"
)

// parseIptables reads what iptables-save prints (iptables-save(8)), as a packet sees
// it: the chains INPUT of the tables filter, mangle and raw's PREROUTING are bases.
func parseIptables(out string, p packet4) ([]base, error) {
	var bases []base
	table := ""
	chains := map[string][]fwRule{}
	policies := map[string]action{}
	for n, line := range strings.Split(out, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "", line[0] == '#':
		case line[0] == '*':
			table, chains, policies = line[1:], map[string][]fwRule{}, map[string]action{}
		case line[0] == ':':
			f := strings.Fields(line[1:])
			if len(f) < 2 {
				return nil, fmt.Errorf("line %d: no chain: %.60q", n+1, line)
			}
			chains[f[0]] = nil
			switch f[1] {
			case "DROP":
				policies[f[0]] = refuse
			case "ACCEPT":
				policies[f[0]] = accept
			}
		case strings.HasPrefix(line, "-A "):
			words := strings.Fields(line)
			if len(words) < 3 || table == "" {
				return nil, fmt.Errorf("line %d: no rule: %.60q", n+1, line)
			}
			chains[words[1]] = append(chains[words[1]], iptablesRule(words[2:], p))
		case line == "COMMIT":
			for _, name := range []string{"PREROUTING", "INPUT"} {
				if policy, ok := policies[name]; ok && table != "nat" {
					bases = append(bases, base{"table " + table + ", chain " + name, policy, chains[name], chains})
				}
			}
		}
	}
	return bases, nil
}

// iptablesRule reads one rule's words after its chain.
func iptablesRule(w []string, p packet4) fwRule {
	r := fwRule{match: yes}
	not := false
	next := func(i *int) string {
		if *i++; *i < len(w) {
			return w[*i]
		}
		return ""
	}
	on := func(t truth) {
		if not && t != maybe {
			t = yes - t
		}
		not = false
		r.match = r.match.and(t)
	}
	for i := 0; i < len(w); i++ {
		switch w[i] {
		case "!":
			not = true
		case "-m", "--match", "-c":
			next(&i) // the name of the following extension
		case "-i":
			on(known(ifaceIs(next(&i), p.link, "+")))
		case "-p":
			proto := next(&i)
			on(known(proto == p.proto || proto == "all"))
		case "--dport", "--dports", "--destination-port":
			on(known(portIn(next(&i), p.port, ":")))
		case "--ctstate", "--state":
			on(known(strings.Contains(next(&i), "NEW")))
		case "-s", "-d", "--sport", "--sports", "--source-port":
			next(&i)
			not = false
			r.match = r.match.and(maybe)
		case "--comment":
			for quoted := next(&i); strings.HasPrefix(quoted, `"`) && (len(quoted) == 1 || !strings.HasSuffix(quoted, `"`)) && i < len(w); {
				quoted = `"` + next(&i)
			}
		case "-j", "-g":
			word := w[i]
			r.action, r.target = iptablesTarget(next(&i), word == "-g")
			return r // the rest are the target's own options
		default:
			if strings.HasPrefix(w[i], "-") {
				r.match, not = r.match.and(maybe), false // a match that isn't known here
			}
		}
	}
	return r
}

func iptablesTarget(name string, goes bool) (action, string) {
	switch name {
	case "ACCEPT":
		return accept, ""
	case "DROP", "REJECT", "TARPIT":
		return refuse, ""
	case "RETURN":
		return goBack, ""
	}
	if goes {
		return goTo, name
	}
	return jump, name // LOG and MARK are not chains, and empty chains do nothing
}

// ifaceIs compares an interface with a pattern that may end in a wild card.
func ifaceIs(pattern, link, wild string) bool {
	if prefix, ok := strings.CutSuffix(pattern, wild); ok {
		return strings.HasPrefix(link, prefix)
	}
	return pattern == link
}

// portIn reports whether a port stands in a list such as 67,68 or 60:70.
func portIn(list string, port uint16, dash string) bool {
	for part := range strings.SplitSeq(list, ",") {
		first, last, ok := strings.Cut(part, dash)
		if !ok {
			last = first
		}
		a, err1 := strconv.ParseUint(first, 10, 16)
		b, err2 := strconv.ParseUint(last, 10, 16)
		if err1 == nil && err2 == nil && uint64(port) >= a && uint64(port) <= b {
			return true
		}
	}
	return false
}
