package why

import (
	"fmt"
	"strings"

	"rackhand/provision"
)

// powerFailed finds that the BMC did not power the box on, and that the box was not powered
// on or booted otherwise since. A plain lease doesn't count: the box may have been on all
// the time.
func powerFailed(s *story) *finding {
	e := latest(s.events, "bmc", "power-failed")
	if e == nil || reachedIn(s.after(e)) != "" || latest(s.after(e), "bmc", "powered-on", "power-on", "power-cycle", "power-reset") != nil {
		return nil
	}
	at, address, user, secret := "its BMC", "the BMC's address", "`bmc.user`", "`bmc.password`"
	status := provision.Remedy{Command: "rackhand power " + s.name() + " status"}
	if s.host != nil && s.host.BMC != nil {
		address = s.host.BMC.Address.Addr().String()
		at = "the BMC at " + address
		user = fmt.Sprintf("the user %q", s.host.BMC.User)
		if p := string(s.host.BMC.Password); p != "" {
			secret = "the secret " + p
		}
	} else {
		status.Command = ""
	}
	protocol, service, port := "IPMI", "IPMI over LAN", "UDP port 623"
	if e.Fields["protocol"] == "redfish" {
		protocol, service, port = "Redfish", "Redfish", "TCP port 443"
	}
	f := &finding{since: e.Counted, evidence: []provision.Event{*e}, remedy: status}
	switch e.Fields["why"] {
	case "address":
		f.causes = []provision.Cause{
			{Text: fmt.Sprintf("Nothing answers %s at %s: `bmc.address` is another machine's, or no machine's.", protocol, address), Decider: "If the BMC's own page or its label shows another address, it is the address."},
			{Text: service + " is switched off in the BMC.", Decider: "If the BMC's own page opens at that address, it is " + service + "."},
		}
		f.remedy.Text = "Correct `bmc.address`, or switch on " + service + ". Then ask the BMC."
	case "password":
		f.causes = cause(fmt.Sprintf("User or password are wrong: %s refused %s with %s, or the secret can't be read.", at, user, secret))
		f.remedy.Text = "Correct `bmc.user` and the secret. Then ask the BMC: many lock an account after a few wrong passwords."
	case "privilege":
		f.causes = cause(fmt.Sprintf("The account may not do it: %s grants %s less than operator privilege.", at, user))
		f.remedy.Text = "Give the account operator or administrator privilege over LAN. Then ask the BMC."
	case "silence":
		f.causes = []provision.Cause{
			{Text: fmt.Sprintf("No answer comes from %s: it has no power or no link, or another address.", at), Decider: "If a ping from the appliance gets no answer either, it is the cable, the VLAN or the address."},
			{Text: "A firewall drops " + port + ", or " + service + " is switched off.", Decider: "If the ping is answered, it is the firewall or " + service + "."},
		}
		f.remedy.Text = "Check the BMC's cable, VLAN and address, and " + service + ". Then ask the BMC."
	case "refused":
		f.causes = cause("The BMC refused the order, or did not keep it. " + sentence(e.Message))
		f.remedy.Text = "Do what the message says, or press the box's button: it is still armed."
	case "certificate":
		f.causes = cause(fmt.Sprintf("The certificate of %s isn't trusted, so neither user nor password were sent to it. %s", at, sentence(e.Message)))
		f.remedy.Text = "Compare the fingerprint in the message with the one on the BMC's own page. If it is the BMC's, write it as `bmc.fingerprint`, or its authority as `bmc.ca`. Then ask the BMC."
	case "sessions":
		f.causes = cause(fmt.Sprintf("All sessions of %s are taken, by other tools or by sessions that nobody closed.", at))
		f.remedy.Text = "Stop the other tools, or wait until the BMC ends their sessions. Then ask the BMC."
	case "locked":
		f.causes = cause(fmt.Sprintf("%s has locked %s for a while, after failed logins.", capital(at), user))
		f.remedy.Text = "Look for what logs in with a wrong password, and at " + secret + ". Wait until the BMC unlocks the account, often 5 to 30 minutes. Then ask the BMC."
	case "password-change":
		f.causes = cause(fmt.Sprintf("%s does nothing before the password of %s is changed: it is still the factory's, or has expired.", capital(at), user))
		f.remedy.Text = "Change it on the BMC's own page, and then " + secret + ". Then ask the BMC."
	case "busy":
		f.causes = cause(fmt.Sprintf("%s could not do it at that moment. %s", capital(at), sentence(e.Message)))
		f.remedy.Text = "Wait until the box is out of its firmware's start, and no other tool works at the BMC. Then ask the BMC."
	case "state":
		f.causes = cause("The BMC took the order, and the box did not follow. " + sentence(e.Message))
		f.remedy.Text = "Look at the box: its power may be locked or faulty, or a box needs longer than `bmc.settle`. Then ask the BMC."
	default:
		f.causes = cause(sentence(e.Message))
		f.remedy.Text = "Press the box's button, or ask the BMC what it is at."
	}
	if s.in.Stage.Ended() {
		f.remedy.Text += " Arm the install again after that."
		f.remedy.Command = s.in.Again()
	}
	return f
}

// capital makes the first letter of a text a capital.
func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
