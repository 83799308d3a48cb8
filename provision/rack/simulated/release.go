package simulated

import (
	"fmt"
	"slices"
)

// A release is a release of Anaconda, named after its Kickstart language. Differences between
// releases are played as each release's code has them.
type release string

// waitsForEnter: a script with --erroronfail that fails opens a dialog that waits for
// ENTER; %onerror does not run, and nothing reboots. Where it doesn't, the script's failure
// ends the install as that of the packages does.
func (r release) waitsForEnter() bool {
	return slices.Contains([]release{"RHEL8", "RHEL9", "RHEL10", "F42"}, r)
}

const (
	mainTag   = "anaconda[1653]"
	moduleTag = "org.fedoraproject.Anaconda.Modules.Payloads[2012]"
	dnfModule = "anaconda.modules.payloads.payload.dnf."
	checksum  = "1706716459 7be1e6f5cf1b4b0d7a07b2ef2c9c3b0d5a0e6c4f3b2a19087f6e5d4c3b2a1908"
)

// A logged is a line as its rsyslog sends it: the program's tag, and its text.
type logged struct{ tag, text string }

// packageLines are a release's log lines for a number of packages: before the first, for
// each, and after the last. A later pass logs each package once more.
func (r release) packageLines(total int) (before []logged, each func(n int) logged, after []logged, again func(n int) logged) {
	name := func(n int) string { return fmt.Sprintf("simulated-%d-1.0-1.x86_64", n) }
	switch r {
	case "RHEL8", "RHEL9":
		return []logged{{mainTag, "packaging: checking dependencies: success"}, {mainTag, fmt.Sprintf("packaging: %d packages selected totalling 1.5 GiB", total)}},
			func(n int) logged { return logged{mainTag, "packaging: Installed: " + name(n) + " " + checksum} },
			[]logged{{mainTag, "packaging: Post installation setup phase started."}},
			func(n int) logged { return logged{mainTag, "packaging: Verifying: " + name(n) + " " + checksum} }
	case "RHEL10":
		at := "INFO:" + dnfModule
		return []logged{{moduleTag, fmt.Sprintf(at+"dnf_manager:The software selection has been resolved (%d packages selected).", total)}},
			func(n int) logged {
				return logged{moduleTag, at + "transaction_progress:Installed: " + name(n) + " " + checksum}
			},
			[]logged{{moduleTag, at + "transaction_progress:Post installation setup phase started."}},
			func(n int) logged {
				return logged{moduleTag, at + "transaction_progress:Verifying: " + name(n) + " " + checksum}
			}
	}
	at := "DEBUG:" + dnfModule + "transaction_progress:"
	return []logged{
			{moduleTag, fmt.Sprintf("INFO:"+dnfModule+"dnf_manager:The software selection has been resolved (%d packages selected).", total)},
			{moduleTag, fmt.Sprintf(at+"Starting the installation. Total packages: %d", total)},
		},
		func(n int) logged { return logged{moduleTag, at + "Installing - " + name(n)} },
		[]logged{{moduleTag, at + "Done - True"}},
		func(n int) logged { return logged{moduleTag, at + fmt.Sprintf("Verify %d/%d", n, total)} }
}
