package bootfiles

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
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

// Processors are those that rackhand has hosts of, in Go's and Debian's words. Every
// rackhand carries the programs for all of them, whatever it runs on itself.
func Processors() []string { return []string{"amd64", "arm64"} }

// Payload returns one of the static programs that the Makefile builds into
// rackhand: PayloadAgent or PayloadInstaller, a Linux ELF for one of Processors.
// The slice is the caller's own. An absent one is ErrNoPayload.
func Payload(name, processor string) ([]byte, error) {
	return payloadFrom(payload, name, processor)
}

func payloadFrom(files fs.FS, name, processor string) ([]byte, error) {
	if name != PayloadAgent && name != PayloadInstaller || !slices.Contains(Processors(), processor) {
		return nil, fmt.Errorf("payload %q for %q: rackhand has only %s and %s, for %v", name, processor, PayloadAgent, PayloadInstaller, Processors())
	}
	b, err := fs.ReadFile(files, "payload/"+name+"-"+processor)
	if err != nil {
		return nil, fmt.Errorf("payload %s for %s: %w", name, processor, ErrNoPayload)
	}
	return b, nil
}
