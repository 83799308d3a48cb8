package templates

import (
	"fmt"
	"net/url"

	"rackhand/inventory"
)

// What the shipped templates ask of their data beside the host's own settings.

// Refuse is always an error: what a template says of a value that it can't use.
func (Data) Refuse(format string, args ...any) (string, error) {
	return "", fmt.Errorf(format, args...)
}

// ApplianceHost is the host of the appliance's URL, without its port: where the
// installer's syslog goes. "" when there is none.
func (d Data) ApplianceHost() string {
	u, err := url.Parse(d.Appliance.URL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Anaconda reports whether the host's system is installed by Anaconda; false for
// a host without a system.
func (d Data) Anaconda() bool {
	return d.Host.System != nil && d.Host.System.Installer == inventory.InstallerAnaconda
}
