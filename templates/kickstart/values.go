package kickstart

import (
	"path"
	"slices"
	"strings"
)

// typeForms are the values of the types that are Red Hat's parser's own functions
// (rules 7: storage).
var typeForms = map[string]struct {
	good func(string) bool
	hint string
}{
	"_level_cb": {raidLevel, "0, 1, 4, 5, 6, 10 or RAID0 to RAID10"},
	"level_cb":  {btrfsLevel, "single, raid0, raid1, raid10"},
	"_type_cb":  {oneOf("lvm", "btrfs", "plain", "partition", "thinp"), "lvm, btrfs, plain, partition, thinp"},
	"_when_cb":  {oneOf("pre-install", "post-install"), "pre-install, post-install"},
}

// oneOf accepts these words in any case.
func oneOf(words ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(words, strings.ToLower(s)) }
}

func raidLevel(s string) bool {
	level := strings.TrimPrefix(strings.ToLower(s), "raid")
	return slices.Contains([]string{"0", "1", "4", "5", "6", "10"}, level)
}

func btrfsLevel(s string) bool {
	return oneOf("single", "raid0", "0", "raid1", "1", "raid10", "10")(s)
}

// normalPath is a mount point as Red Hat's parser compares it: /home/ and
// /var/../home are /home; a value that is not a path stays as it is.
func normalPath(s string) string {
	if strings.HasPrefix(s, "/") {
		return path.Clean(s)
	}
	return s
}
