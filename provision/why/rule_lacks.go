package why

import (
	"fmt"
	"strings"

	"rackhand/provision"
)

// lacks finds that the appliance lacks what the box needs: an image, media, a secret, a
// template that renders, a boot program.
func lacks(s *story) *finding {
	var found, first *provision.Event
	fetched := false // a boot program
	for i := len(s.events) - 1; i >= 0; i-- {
		e := &s.events[i]
		what := lackOf(*e)
		switch {
		case what == "" && isProgram(*e):
			fetched = true
		case what == "" && further(*e):
			i = 0 // it had what it needed
		case what == "", fetched && (what == provision.LacksBootProgram || what == provision.LacksFile):
		case found == nil:
			found, first = e, e
		case what == lackOf(*found):
			first = e
		}
	}
	if found == nil {
		return nil
	}
	f := &finding{since: first.Counted, evidence: []provision.Event{*first}}
	if first.Seq != found.Seq {
		f.evidence = append(f.evidence, *found)
	}
	f.causes, f.remedy = s.lack(*found)
	return f
}

// lackOf is what an event says to be lacking, "" if it doesn't. Only the appliance's own events
// count: the fields of an installer's or agent's are the box's words, and the remedy is a command
// made of them.
func lackOf(e provision.Event) string {
	if e.Source != "appliance" && e.Source != "http" && e.Source != "tftp" {
		return ""
	}
	if e.Fields["lacks"] == "" && is(e, "tftp", "fetch-failed") {
		return provision.LacksFile
	}
	return e.Fields["lacks"]
}

// further reports whether an event shows that the box has its script, or that its installer
// runs.
func further(e provision.Event) bool {
	return e.Stage != provision.Failed && (reachedBy(e).Rank() >= provision.Script.Rank() || e.Source == "installer")
}

// lack says what is lacking, and how to mend it.
func (s *story) lack(e provision.Event) ([]provision.Cause, provision.Remedy) {
	name := e.Fields["name"]
	switch lackOf(e) {
	case provision.LacksImage:
		return cause(fmt.Sprintf("The root image %s is not built.", name)), provision.Remedy{Text: "Build it.", Command: "rackhand image build " + name}
	case provision.LacksOtherImage:
		return cause(fmt.Sprintf("The root image %s can't be used: %s.", name, reason(e))), provision.Remedy{Text: "Build it again, or name another one.", Command: "rackhand image list"}
	case provision.LacksMedia:
		return cause(fmt.Sprintf("The media %s were not added.", name)), provision.Remedy{Text: "Add them from their ISO.", Command: fmt.Sprintf("rackhand media add %s FILE.iso", name)}
	case provision.LacksOtherMedia:
		return cause(fmt.Sprintf("The media %s don't fit the host's system: %s.", name, reason(e))), provision.Remedy{Text: "Name other media, or correct the system.", Command: "rackhand media list"}
	case provision.LacksWholeMedia:
		return cause(fmt.Sprintf("The media %s can't be read: %s.", name, reason(e))), provision.Remedy{Text: "Compare them with their checksum, or add them again.", Command: "rackhand media verify " + name}
	case provision.LacksSecret:
		r := provision.Remedy{Text: "Put the secret into its file, and check the inventory with `rackhand check`."}
		if path := e.Fields["path"]; path != "" {
			r.Text, r.Command = "Type the secret into its file, and end it with Enter and Ctrl-D.", "install -D -m 600 /dev/stdin "+path
		}
		return cause(fmt.Sprintf("The secret %s is missing or can't be read.", name)), r
	case provision.LacksTemplate:
		return cause(fmt.Sprintf("A template does not render: %s.", reason(e))), provision.Remedy{Text: fmt.Sprintf("Correct %s, and look at the result.", name), Command: "rackhand render " + s.name()}
	case provision.LacksSystem:
		return cause("The host has no system that can be installed."), provision.Remedy{Text: "Give it one.", Command: fmt.Sprintf("rackhand set hosts.%s.system NAME", s.name())}
	case provision.LacksBootProgram:
		r := provision.Remedy{Text: "Install its package on the appliance.", Command: "apt-get install " + e.Fields["package"]}
		if arch := e.Fields["fetch"]; arch != "" {
			r = provision.Remedy{Text: "Fetch it.", Command: "rackhand bootfiles fetch " + arch}
		}
		return cause(fmt.Sprintf("The boot program %s is missing on the appliance.", name)), r
	}
	return cause(fmt.Sprintf("The appliance can't read a file of its own: %s.", reason(e))), provision.Remedy{Text: "Look at the appliance's disk and log.", Command: "rackhand bootfiles"}
}

// reason is an event's message within a sentence.
func reason(e provision.Event) string {
	return strings.TrimRight(strings.TrimPrefix(e.Message, "it is armed, but can't get its installer yet: "), ".")
}
