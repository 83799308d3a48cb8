package handout

import (
	"strings"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/templates"
)

// An Attempt is the data about one attempt of an install or job in a script and an answer
// file.
type Attempt struct {
	ID         string
	Job        provision.Job // NoJob for an install
	MAC        inventory.MAC // of the card that boots
	Token      string        // in the URLs
	EnrolToken string        // the agent's
	Another    bool          // an attempt is left after this one
	Wipe       bool
	// Overwritable are the ids of the disks that an earlier attempt found blank, separated by
	// blanks.
	Overwritable string
}

// install is the attempt as templates see it. The URLs are those of the routes below /i/
// of port 80.
func (a Attempt) install(appliance string) templates.Install {
	base := appliance + "/i/" + a.Token
	in := templates.Install{ID: a.ID, Job: string(a.Job), Report: base + "/event", BootIF: bootIF(a.MAC)}
	if a.Job != provision.NoJob {
		in.Order = base + "/job"
		return in
	}
	in.Another, in.Wipe, in.Ours, in.EnrolToken = a.Another, a.Wipe, a.Overwritable, a.EnrolToken
	in.Kickstart, in.Agent, in.CA = base+"/ks", base+"/agent", base+"/ca.pem"
	return in
}

// bootIF is a MAC as PXELINUX writes it: 01, the hardware type of Ethernet, and the bytes,
// with dashes.
func bootIF(mac inventory.MAC) string {
	return "01-" + strings.ReplaceAll(mac.String(), ":", "-")
}
