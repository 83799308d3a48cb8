package config

import (
	"regexp"
	"strconv"
	"strings"

	"rackhand/config/schema"
)

// sizeForm is how the cache's size is written: up to 999 TiB.
var sizeForm = regexp.MustCompile(`^[1-9][0-9]{0,5}(GiB|TiB)$`)

// mirrorSize reads mirror.size.
func (r *reader) mirrorSize(n schema.Node) {
	text, ok := n.Text("mirror.size")
	if !ok {
		return
	}
	size, ok := ParseSize(text)
	if !ok {
		n.Problem("write a whole number with its unit: 50GiB, 2TiB", "mirror.size must be a size from 1GiB to 999TiB, not %q", text)
		return
	}
	r.config.Mirror.Size = size
}

// ParseSize reads a size in GiB or TiB, in bytes.
func ParseSize(text string) (bytes int64, ok bool) {
	if !sizeForm.MatchString(text) {
		return 0, false
	}
	n, err := strconv.ParseInt(text[:len(text)-3], 10, 64)
	if err != nil {
		return 0, false
	}
	if strings.HasSuffix(text, "TiB") {
		n <<= 10
	}
	return n << 30, n <= 999<<10
}

// bytesForm is how smaller sizes are written.
var bytesForm = regexp.MustCompile(`^[1-9][0-9]{0,5}(KiB|MiB|GiB)$`)

// parseBytes reads a size in KiB, MiB or GiB, in bytes.
func parseBytes(text string) (bytes int64, ok bool) {
	if !bytesForm.MatchString(text) {
		return 0, false
	}
	n, err := strconv.ParseInt(text[:len(text)-3], 10, 64)
	return n << map[byte]int{'K': 10, 'M': 20, 'G': 30}[text[len(text)-3]], err == nil
}

// plainBytes writes a size as it is written in the configuration.
func plainBytes(n int64) string {
	unit := "KiB"
	n >>= 10
	for _, next := range []string{"MiB", "GiB"} {
		if n%1024 != 0 {
			break
		}
		n, unit = n>>10, next
	}
	return strconv.FormatInt(n, 10) + unit
}
