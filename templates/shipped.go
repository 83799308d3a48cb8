package templates

import (
	"fmt"
	"net/url"

	"rackhand/inventory"
)

// Methods that the shipped templates need beside the host's own settings.

// Refuse always returns an error: a template's message about a value that it can't use.
func (Data) Refuse(format string, args ...any) (string, error) {
	return "", fmt.Errorf(format, args...)
}

// ApplianceHost is the host of the appliance's URL, without its port. The installer's
// syslog goes there. "" without a URL.
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
