package media

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"rackhand/bootfiles/media/iso9660"
)

// discinfoFile describes a disc: a time, the release, the processor, and the disc's
// numbers, a line each (productmd's doc/discinfo-1.0.rst; lorax writes the first three).
const discinfoFile = ".discinfo"

// families are those that labels begin with, and their names. Others of RHEL's family
// keep the word of their label.
var families = map[string]string{
	"rhel": "Red Hat Enterprise Linux", "rocky": "Rocky Linux", "almalinux": "AlmaLinux", "centos": "CentOS",
	"centos-stream": "CentOS Stream", "ol": "Oracle Linux", "fedora": "Fedora",
}

var (
	// RHEL-9-4-0-BaseOS-x86_64, Rocky-8-7-x86_64-boot, CentOS-Stream-9-BaseOS-x86_64, CentOS 7 x86_64
	labelForm = regexp.MustCompile(`^([A-Za-z]+(?:-[A-Za-z]+)?)[- ]([0-9]{1,3})(?:[-.]([0-9]{1,3}))?(?:[-. ]|$)`)
	// Fedora-E-dvd-x86_64-44, Fedora-S-dvd-aarch64-44
	fedoraForm  = regexp.MustCompile(`^(Fedora)-.*-([0-9]{2,3})$`)
	archForm    = regexp.MustCompile(`(?:^|[-_ ])(x86_64|aarch64|ppc64le|s390x)(?:[-_ ]|$)`)
	versionForm = regexp.MustCompile(`(?:^|\s)([0-9]{1,3}(?:\.[0-9]{1,4})*)\s*$`)
)

// bootISO derives the data of a .treeinfo for an ISO without one: boot.iso, which holds only
// the installer. Its files have fixed places (lorax's templates). Its release is in
// .discinfo, which RHEL 8's ISO lacks, or in the volume's label.
func bootISO(v *iso9660.Volume) (*Treeinfo, error) {
	t := &Treeinfo{Kernel: "images/pxeboot/vmlinuz", Initrd: "images/pxeboot/initrd.img", Checksums: map[string]string{}}
	for _, p := range []string{"images/install.img", "LiveOS/squashfs.img"} { // RHEL 7's has the second
		if _, err := v.Open(p); err == nil {
			t.Stage2 = p
			break
		}
	}
	for _, p := range []string{t.Kernel, t.Initrd} {
		if _, err := v.Open(p); err != nil || t.Stage2 == "" {
			return nil, fmt.Errorf("it has neither a %s nor the files of a boot.iso (%s, images/install.img): an ISO of RHEL's family or Fedora that installs (DVD, minimal or boot) has one or the other", TreeinfoFile, t.Kernel)
		}
	}
	text, err := v.ReadFile(discinfoFile, 4<<10)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	t.Family, t.Version, t.Arch = identify(v.Label(), string(text))
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("it has no %s, and neither its %s nor its label %.40q says family, version and processor: %w", TreeinfoFile, discinfoFile, v.Label(), err)
	}
	return t, nil
}

// identify reads a volume's label and the text of its .discinfo, which may be empty. The
// .discinfo takes precedence. Unknown values are "".
func identify(label, discinfo string) (family, version, arch string) {
	m := fedoraForm.FindStringSubmatch(label)
	if m == nil {
		m = labelForm.FindStringSubmatch(label)
	}
	if m != nil {
		family, version = m[1], m[2]
		if name, ok := families[strings.ToLower(family)]; ok {
			family = name
		}
		if len(m) > 3 && m[3] != "" {
			version += "." + m[3]
		}
	}
	if m := archForm.FindStringSubmatch(label); m != nil {
		arch = m[1]
	}
	lines := strings.Split(discinfo, "\n")
	if len(lines) < 3 || !archForm.MatchString(strings.TrimSpace(lines[2])) {
		return family, version, arch // it is cut off, or none
	}
	release := strings.TrimSpace(lines[1]) // 9.4, Fedora 44, ProLinux 8.2
	if m := versionForm.FindStringSubmatchIndex(release); m != nil {
		version = release[m[2]:m[3]]
		if name := strings.TrimSpace(release[:m[2]]); name != "" {
			family = name
		}
	}
	return family, version, strings.TrimSpace(lines[2])
}

// text is a .treeinfo that says what is known, for media that have none: the initrd of
// every release looks there for the second stage first, and what it takes without one
// differs by release.
func (m *Manifest) text() []byte {
	t := m.Tree
	var b strings.Builder
	fmt.Fprintf(&b, "[general]\nfamily = %s\nversion = %s\narch = %s\n\n", t.Family, t.Version, t.Arch)
	fmt.Fprintf(&b, "[release]\nname = %s\nversion = %s\n\n[tree]\narch = %s\n\n", t.Family, t.Version, t.Arch)
	fmt.Fprintf(&b, "[images-%s]\nkernel = %s\ninitrd = %s\n\n[stage2]\nmainimage = %s\n\n[checksums]\n", t.Arch, t.Kernel, t.Initrd, t.Stage2)
	for _, p := range slices.Sorted(maps.Keys(m.Files)) {
		fmt.Fprintf(&b, "%s = sha256:%s\n", p, m.Files[p])
	}
	return []byte(b.String())
}
