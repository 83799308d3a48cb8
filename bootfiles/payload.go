package bootfiles

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

// The programs that rackhand carries for the hosts it installs, as names for
// [Payload].
const (
	PayloadAgent     = "rackhand-agent"     // runs on every host
	PayloadInstaller = "rackhand-installer" // /init of the image installer
)

// ErrNoPayload: this rackhand was built without the program asked for.
var ErrNoPayload = errors.New("this rackhand was built without it: run make build")

// payload holds what lay in the folder when rackhand was built: with a plain
// go build, the README only.
//
//go:embed all:payload
var payload embed.FS

// Payload returns one of the static programs that the Makefile builds into
// rackhand: PayloadAgent or PayloadInstaller, linux/amd64 ELF. The slice is the
// caller's own. An absent one is ErrNoPayload.
func Payload(name string) ([]byte, error) {
	return payloadFrom(payload, name)
}

func payloadFrom(files fs.FS, name string) ([]byte, error) {
	if name != PayloadAgent && name != PayloadInstaller {
		return nil, fmt.Errorf("payload %q: there are only %s and %s", name, PayloadAgent, PayloadInstaller)
	}
	b, err := fs.ReadFile(files, "payload/"+name)
	if err != nil {
		return nil, fmt.Errorf("payload %s: %w", name, ErrNoPayload)
	}
	return b, nil
}
