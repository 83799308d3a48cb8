package plan

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"rackhand/templates/kickstart"
)

// Preview assumes a machine with this memory and these disks: enough for most layouts.
const (
	assumedDisk   = int64(100e9) // bytes
	assumedMemory = 8 << 10      // MiB
)

// Preview describes the plan for a Kickstart without the machine, one step after the other.
// known are the facts that are known; without disks it assumes those that the Kickstart
// names, and without memory 8 GiB. The first lines say what it assumed. UUIDs are stand-ins,
// so that two previews of the same Kickstart are the same. Secrets don't appear.
func Preview(f *kickstart.File, o ReadOptions, known Facts) (string, error) {
	r, err := ReadAs(f, o)
	if err != nil {
		return "", err
	}
	if r.WithIncludes != nil {
		return "", errors.New("the Kickstart includes files that %pre writes on the box, so its plan is known only there")
	}
	var b strings.Builder
	assume := func(format string, args ...any) { fmt.Fprintf(&b, "assumed: "+format+"\n", args...) }
	if len(known.Disks) == 0 {
		known.Disks = namedDisks(r.DiskWords())
		why := "the Kickstart names it"
		if len(r.DiskWords()) == 0 {
			why = "the Kickstart names none"
		}
		for _, d := range known.Disks {
			assume("disk %s; %s", d, why)
		}
	}
	if known.Memory == 0 {
		known.Memory = assumedMemory
		assume("%d GiB of memory", known.Memory>>10)
	}
	assume("stand-ins for UUIDs: each install makes its own")
	n := 0
	steps, err := Plan(r, known, Overwrite{}, func() string {
		n++
		return fmt.Sprintf("%08x-0000-4000-8000-000000000000", n)
	})
	if err != nil {
		return "", err
	}
	for _, line := range r.Skipped {
		fmt.Fprintf(&b, "skipped: %s\n", line)
	}
	for _, s := range r.Pre {
		fmt.Fprintln(&b, ScriptStep{s})
	}
	for _, s := range steps {
		fmt.Fprintln(&b, s)
	}
	fmt.Fprintln(&b, r.End)
	return b.String(), nil
}

// namedDisks are disks that words of a Kickstart mean, one each; a single one without words.
func namedDisks(words []string) []Disk {
	var out []Disk
	for _, w := range words {
		if slices.ContainsFunc(out, func(d Disk) bool { return d.matches(w) }) {
			continue
		}
		d := diskFor(w)
		for n := 0; d.Name == ""; n++ {
			name := fmt.Sprintf("sd%c", 'a'+n)
			if !slices.ContainsFunc(out, func(d Disk) bool { return d.Name == name }) {
				d.Name = name
			}
		}
		out = append(out, d)
	}
	if len(out) == 0 {
		out = []Disk{{Name: "sda", Size: assumedDisk, Sector: 512}}
	}
	return out
}

// charClass is [abc] of a shell pattern.
var charClass = regexp.MustCompile(`\[([^\]])[^\]]*\]`)

// diskFor is a disk that a word means. Its Name is "" when the word doesn't give it.
func diskFor(word string) Disk {
	word, _, _ = strings.Cut(word, "|")
	word = strings.TrimPrefix(strings.TrimSpace(word), "/dev/")
	plain := charClass.ReplaceAllString(strings.NewReplacer("*", "a", "?", "a").Replace(word), "$1")
	d := Disk{Size: assumedDisk, Sector: 512}
	switch {
	case strings.HasPrefix(plain, "disk/"):
		d.Links = []string{plain}
	case kickstart.KernelDisk(plain):
		d.Name = plain
	default:
		d.Serial = word
	}
	return d
}
