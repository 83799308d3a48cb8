package tftp

import (
	"fmt"
	"strconv"
	"strings"

	"rackhand/bootfiles"
)

// Limits of a name. pin/tftp reads 516 bytes of a request, and the deepest name that a boot
// loader builds (grub/x86_64-efi/...) has three parts.
const (
	maxName  = 512 // bytes
	maxParts = 8
)

// cleanName converts the name that a client asks for into a relative path with single
// slashes. bootfiles.CheckName accepts each part, so none is ".", ".." or hidden, and none
// has a NUL, a blank or a control byte. Firmware that was given a URL, shim and GRUB add or
// double slashes. Boot programs from the Windows world ask for \boot\x, so a backslash
// counts as a slash. That is safe since the parts are checked afterwards. Errors are
// bootfiles.ErrName.
func cleanName(raw string) (string, error) {
	if len(raw) > maxName {
		return "", fmt.Errorf("%w: %d bytes, at most %d", bootfiles.ErrName, len(raw), maxName)
	}
	if strings.HasSuffix(raw, "/") || strings.HasSuffix(raw, `\`) {
		return "", fmt.Errorf("%w: it ends in a slash, like the name of a folder", bootfiles.ErrName)
	}
	parts := strings.FieldsFunc(raw, func(c rune) bool { return c == '/' || c == '\\' })
	if len(parts) > maxParts {
		return "", fmt.Errorf("%w: %d folders deep, at most %d", bootfiles.ErrName, len(parts), maxParts)
	}
	if len(parts) == 0 {
		return "", bootfiles.CheckName("")
	}
	for _, p := range parts {
		if err := bootfiles.CheckName(p); err != nil {
			return "", err
		}
	}
	return strings.Join(parts, "/"), nil
}

// shown is a hostile text for an event: printable ASCII, shortened.
func shown(raw string) string {
	q := strconv.QuoteToASCII(raw[:min(len(raw), 80)])
	return q[1 : len(q)-1]
}

// quoted quotes and shortens a hostile name for the log.
func quoted(raw string) string {
	if len(raw) > 80 {
		return strconv.QuoteToASCII(raw[:80]) + "..."
	}
	return strconv.QuoteToASCII(raw)
}
