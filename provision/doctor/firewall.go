package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// A packet is a packet that a firewall judges: it comes in on a link for a port of this
// machine, from a client that may have no address yet.
type packet4 struct {
	link  string
	proto string // udp or tcp
	port  uint16
}

// A truth says whether a rule matches. Some rules match on properties that are unknown
// here (sets, marks, rates).
type truth int

const (
	no truth = iota
	maybe
	yes
)

// and joins two conditions of one rule.
func (t truth) and(u truth) truth { return min(t, u) }

func known(b bool) truth {
	if b {
		return yes
	}
	return no
}

// The actions of a rule on a packet that it matches.
type action int

const (
	nothing action = iota // count, log, mark
	accept
	refuse
	jump   // to a chain, and come back
	goTo   // to a chain, and come back to where this one was called from
	goBack // return
)

type fwRule struct {
	match  truth
	action action
	target string // of jump and goTo
}

// A base is a chain that packets for this machine enter; chains are by name within
// its table.
type base struct {
	name   string
	policy action // accept or refuse
	rules  []fwRule
	chains map[string][]fwRule
}

// maxSteps bounds a walk through a ruleset.
const maxSteps = 100_000

// passes walks the chains that a packet enters. yes: it gets through all; no: one
// refuses it; maybe: that hangs on what isn't known here. by names the chain that
// refuses.
func passes(bases []base) (got truth, by string) {
	got = yes
	for _, b := range bases {
		w := walk{chains: b.chains}
		verdict, sure := w.chain(b.rules, 0)
		if verdict == nothing || verdict == goBack {
			verdict = b.policy
		}
		switch {
		case verdict == refuse && sure && !w.maybeAccepted:
			return no, b.name
		case verdict == refuse, w.maybeRefused:
			got, by = maybe, b.name
		}
	}
	return got, by
}

// A walk goes through one base chain.
type walk struct {
	chains                      map[string][]fwRule
	maybeAccepted, maybeRefused bool
	steps                       int
}

// chain walks a chain's rules. A rule that may match is noted and skipped.
func (w *walk) chain(rules []fwRule, depth int) (action, bool) {
	const deepest = 32
	for _, r := range rules {
		if w.steps++; w.steps > maxSteps || depth > deepest {
			return nothing, false
		}
		if r.match == no {
			continue
		}
		switch r.action {
		case nothing:
		case accept, refuse, goBack:
			if r.match == yes {
				return r.action, true
			}
			w.maybeAccepted = w.maybeAccepted || r.action == accept
			w.maybeRefused = w.maybeRefused || r.action == refuse
		case jump, goTo:
			got, sure := w.chain(w.chains[r.target], depth+1)
			if got == accept || got == refuse {
				if r.match == yes && sure {
					return got, true
				}
				w.maybeAccepted = w.maybeAccepted || got == accept
				w.maybeRefused = w.maybeRefused || got == refuse
			} else if r.action == goTo && r.match == yes {
				return nothing, true
			}
		}
	}
	return nothing, true
}

// A ruleset is a firewall as a tool printed it: the chains that a packet enters.
type ruleset func(packet4) ([]base, error)

// judgeFirewall says which of the ports a firewall keeps boxes from.
func judgeFirewall(tool, link string, ports []Port, rules ruleset) []Finding {
	var shut, unsure []string
	chains := map[string]bool{}
	for _, p := range ports {
		bases, err := rules(packet4{link, p.Network, p.Port})
		if err != nil {
			return []Finding{{Note, fmt.Sprintf("the firewall could not be checked: %s: %v", tool, err), "look at it yourself", true}}
		}
		what := fmt.Sprintf("%d/%s (%s)", p.Port, p.Network, p.For)
		switch got, by := passes(bases); got {
		case no:
			shut = append(shut, what)
			chains[by] = true
		case maybe:
			unsure = append(unsure, what)
		}
	}
	var out []Finding
	if len(shut) > 0 {
		var by []string
		for c := range chains {
			by = append(by, c)
		}
		out = append(out, Finding{
			Problem, fmt.Sprintf("the firewall (%s, %s) drops what boxes send to %s on %s", tool, strings.Join(by, ", "), strings.Join(shut, ", "), link),
			fmt.Sprintf("let boxes in on that link: `ufw allow in on %s`, `firewall-cmd --zone=trusted --add-interface=%s`, or an accepting rule for iifname %s before the one that drops", link, link, link), false,
		})
	}
	if len(unsure) > 0 {
		out = append(out, Finding{Note, fmt.Sprintf("whether the firewall (%s) lets %s in on %s hangs on sets or marks that can't be judged from its rules", tool, strings.Join(unsure, ", "), link), "try it with a box, or with `tcpdump`", false})
	}
	if len(out) == 0 {
		out = append(out, Finding{OK, fmt.Sprintf("the firewall (%s) lets boxes in", tool), "", false})
	}
	return out
}

// A Tool runs a program and returns what it printed.
type Tool func(ctx context.Context, name string, args ...string) ([]byte, error)

// toolTime bounds a tool's run, maxPrinted what is read of it.
const (
	toolTime   = 5 * time.Second
	maxPrinted = 16 << 20
)

// Run is the Tool that runs programs in truth.
func Run(ctx context.Context, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, toolTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(pipe, maxPrinted+1))
	if len(out) > maxPrinted {
		cancel()
		err = errors.New("it printed too much")
	}
	return out, errors.Join(err, cmd.Wait())
}

// Firewall looks at the machine's input filter for what comes in on a link: nft, and
// where that isn't there or can't be run, iptables-save.
func Firewall(ctx context.Context, run Tool, link string, ports []Port) []Finding {
	out, err := run(ctx, "nft", "-j", "list", "ruleset")
	if err == nil {
		return judgeFirewall("nft", link, ports, func(p packet4) ([]base, error) { return parseNFT(out, p) })
	}
	out, err2 := run(ctx, "iptables-save")
	if err2 == nil {
		return judgeFirewall("iptables", link, ports, func(p packet4) ([]base, error) { return parseIptables(string(out), p) })
	}
	if errors.Is(err, exec.ErrNotFound) && errors.Is(err2, exec.ErrNotFound) {
		return []Finding{{Note, "the firewall was not checked: nft and iptables-save are not installed", "", false}}
	}
	return []Finding{{Note, fmt.Sprintf("the firewall was not checked: nft: %v; iptables-save: %v", err, err2), "run it as root", true}}
}
