// Package kernel reads the kernel's information: attributes in /sys and /proc, its
// command line, and names with numbers in them.
package kernel

import (
	"os"
	"strconv"
	"strings"
)

// ReadText is the text of an attribute in /sys or /proc, without blanks at its ends and
// without NULs; "" when it can't be read.
func ReadText(path string) string {
	b, _ := os.ReadFile(path)
	return strings.TrimSpace(strings.ReplaceAll(string(b), "\x00", ""))
}

// ReadInt reads an attribute that is a decimal number; 0 for any other.
func ReadInt(path string) int64 {
	n, _ := strconv.ParseInt(ReadText(path), 10, 64)
	return n
}
