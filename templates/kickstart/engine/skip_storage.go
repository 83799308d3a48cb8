package engine

import (
	"slices"
	"strings"

	"rackhand/templates/kickstart"
)

// skipStorage is about disks. Skipping a line must not destroy data, and must not leave it
// unencrypted.
func skipStorage() []Treatment {
	var out []Treatment
	for _, c := range []string{"part", "logvol", "raid"} {
		out = append(out,
			options(Refused, c, "the data on it would not be encrypted", "--encrypted", "--passphrase", "--escrowcert", "--hw-passphrase"),
			options(Meaningless, c, "it is about --encrypted", "--backuppassphrase", "--cipher", "--luks-version", "--pbkdf", "--pbkdf-memory", "--pbkdf-time", "--pbkdf-iterations"),
			options(Refused, c, "existing data would be lost", "--useexisting", "--noformat", "--resize", "--onpart", "--onbiosdisk"),
			options(Warned, c, "the file system is made with the usual settings", "--fsprofile", "--mkfsoptions"),
		)
	}
	return slices.Concat(out, []Treatment{
		{Command: "part", When: "prepboot, appleboot", Fate: Warned, Why: "it is for PowerPC firmware", line: func(b *looseCommand) bool { return slices.Contains([]string{"prepboot", "appleboot"}, b.arg()) }},
		{Command: "part", When: "btrfs.NAME", Fate: Refused, Why: "there is no btrfs", line: func(b *looseCommand) bool { return strings.HasPrefix(b.arg(), "btrfs.") }},
		{Command: "part", Options: []string{"--fstype"}, When: "of a pv. or raid. member: lvmpv, mdmember", Fate: Meaningless, Why: "it is the default here", line: member, value: anyOf("lvmpv", "mdmember")},
		{Command: "raid", Options: []string{"--fstype"}, When: "of a pv. member: lvmpv", Fate: Meaningless, Why: "it is the default here", line: member, value: anyOf("lvmpv")},
		{Command: "part", Options: []string{"--fstype", "--label", "--fsoptions", "--recommended"}, When: "of a pv. or raid. member", Fate: Warned, Why: "a member has no file system", line: member},
		{Command: "raid", Options: []string{"--fstype", "--label", "--fsoptions"}, When: "of a pv. member", Fate: Warned, Why: "a member has no file system", line: member},
		{Command: "part", Options: []string{"--fstype"}, When: "other than efi, of /boot/efi", Fate: Warned, Why: "it becomes an EFI system partition", line: at("/boot/efi"), value: anyBut("efi"), instead: to("efi")},
		{Command: "part", Options: []string{"--fstype"}, When: "xfs below 300 MiB", Fate: Warned, Why: "mkfs.xfs refuses so small a file system; it becomes ext4", line: small, value: anyOf("xfs"), instead: to("ext4")},
		{Command: "logvol", Options: []string{"--fstype"}, When: "xfs below 300 MiB", Fate: Warned, Why: "mkfs.xfs refuses so small a file system; it becomes ext4", line: small, value: anyOf("xfs"), instead: to("ext4")},
		{Command: "part", Options: []string{"--label"}, When: "too long for its file system", Fate: Warned, Why: "the file system has no label", value: longLabel},
		{Command: "logvol", Options: []string{"--label"}, When: "too long for its file system", Fate: Warned, Why: "the file system has no label", value: longLabel},
		{Command: "part", Options: []string{"--recommended"}, When: "not of swap, beside --size or --grow", Fate: Warned, Why: "the size counts", line: func(b *looseCommand) bool { return b.arg() != "swap" && (b.has("--size") || b.has("--grow")) }},
		{Command: "logvol", Options: []string{"--recommended"}, When: "not of swap, beside --size", Fate: Warned, Why: "the size counts", line: func(b *looseCommand) bool { return b.arg() != "swap" && b.has("--size") }},
		{Command: "part", Options: []string{"--hibernation"}, Fate: Warned, Why: "swap gets the recommended size", line: at("swap"), rewrite: recommended},
		{Command: "logvol", Options: []string{"--hibernation"}, Fate: Warned, Why: "swap gets the recommended size", line: at("swap"), rewrite: recommended},
		options(Meaningless, "part", "GPT has no active partition", "--active"),
		options(Refused, "logvol", "volumes of a thin pool may be larger than the disk", "--thinpool", "--thin", "--poolname", "--chunksize", "--metadatasize", "--profile"),
		options(Refused, "logvol", "the cache's disk would become part of the group", "--cachepvs", "--cachesize", "--cachemode"),
		options(Refused, "raid", "the array would have no spare disk", "--spares"),
		options(Warned, "raid", "chunks have the usual size", "--chunksize"),
		options(Refused, "volgroup", "existing data would be lost", "--useexisting", "--noformat"),
		{Command: "volgroup", Options: []string{"--pesize"}, When: "not 4096", Fate: Warned, Why: "extents have 4 MiB", value: anyBut("4096")},
		options(Warned, "volgroup", "the volumes may take all of the group", "--reserved-space", "--reserved-percent"),

		options(Refused, "autopart", "the disk would not be encrypted", "--encrypted", "--passphrase", "--escrowcert", "--hw-passphrase"),
		options(Meaningless, "autopart", "it is about --encrypted", "--backuppassphrase", "--cipher", "--luks-version", "--pbkdf", "--pbkdf-memory", "--pbkdf-time", "--pbkdf-iterations"),
		options(Warned, "autopart", "swap gets the recommended size", "--hibernation"),
		{Command: "autopart", Options: []string{"--type"}, When: "thinp", Fate: Warned, Why: "the volumes are plain LVM ones", value: anyOf("thinp"), instead: to("lvm")},
		{Command: "autopart", Options: []string{"--type"}, When: "btrfs", Fate: Warned, Why: "the partitions are plain ones with ext4", value: anyOf("btrfs"), instead: to("plain")},
		{Command: "autopart", Options: []string{"--type"}, When: "partition", Fate: Meaningless, Why: "it is another word for plain", value: anyOf("partition"), instead: to("plain")},
		{Command: "autopart", Options: []string{"--fstype"}, When: "not ext4, xfs, ext3 or ext2", Fate: Warned, Why: "the file system is ext4", value: anyBut("ext4", "xfs", "ext3", "ext2"), instead: to("ext4")},

		{Command: "clearpart", Options: []string{"--none", "--linux", "--list"}, Fate: Warned, Why: keepWhy},
		{Command: "clearpart", When: "without --all, or no clearpart line", Fate: Warned, Why: keepWhy, line: func(*looseCommand) bool { return false }},
		options(Meaningless, "clearpart", "it is for disks of IBM Z", "--cdl"),
		{Command: "clearpart", Options: []string{"--disklabel"}, When: "not gpt", Fate: Warned, Why: "the partition table is a GPT", value: anyBut("gpt")},
		options(Refused, "ignoredisk", "it asks a person to choose the disk; name the disk with --only-use", "--interactive"),
		options(Refused, "ignoredisk", "it lets an install go on without a disk", "--nonfatal"),
	},
		whole(Refused, "the disk would get another layout", "btrfs", "mount", "snapshot", "dmraid", "multipath"),
		whole(Refused, "its disk would be missing, and another one might be used instead", "iscsi", "iscsiname", "fcoe", "zfcp", "nvdimm"),
	)
}

// keepWhy is the text for a Kickstart that doesn't clear whole disks.
const keepWhy = "the install uses a whole blank disk: --wipe has no effect with this Kickstart"

func member(b *looseCommand) bool { return isMember(b.arg()) }

func at(mount string) func(*looseCommand) bool {
	return func(b *looseCommand) bool { return kickstart.MountPoint(b.arg()) == mount }
}

// small reports whether the partition or volume is too small for XFS.
func small(b *looseCommand) bool {
	return b.has("--size") && !b.has("--grow") && kickstart.Count(b.value("--size")) < 300
}

// longLabel reports whether no file system takes the label.
func longLabel(s string) bool { return kickstart.KindLabel.Check(s) != "" }

func recommended(*looseCommand) string { return "--recommended" }

// keepDisks turns every clearpart line into one that clears all partitions, and returns
// the reason why no disk that carries data may be cleared: "" when every line says --all.
// This never clears more disks, because with a reason the operator's permission to erase
// data doesn't count.
func (r *skipReader) keepDisks() string {
	keep, found := "", false
	for i, c := range r.out.Commands {
		if c.Name != "clearpart" {
			continue
		}
		found = true
		b := readLoosely(c)
		last := ""
		for _, o := range b.options {
			if slices.Contains([]string{"--all", "--none", "--linux", "--list"}, o.flag) {
				last = o.flag
			}
		}
		if last == "--all" && !b.has("--list") {
			// another clearpart may have come before it
			r.out.Commands[i] = b.without(func(o looseOption) bool { return o.flag == "--none" || o.flag == "--linux" })
			continue
		}
		line := "clearpart"
		if last != "" {
			line += " " + last
		}
		keep = line
		r.ps.Warnf(c.Pos, "write clearpart --all to let --wipe erase a disk that carries data", "%s: %s", line, keepWhy)
		c = b.without(func(o looseOption) bool {
			return slices.Contains([]string{"--all", "--none", "--linux", "--list"}, o.flag)
		})
		c.Words = append([]kickstart.Word{{Text: "--all", Pos: c.Pos}}, c.Words...)
		r.out.Commands[i] = c
	}
	if !found {
		top := kickstart.Pos{Line: 1, Col: 1}
		r.ps.Warnf(top, "write clearpart --all to let --wipe erase a disk that carries data", "there is no clearpart: %s", keepWhy)
		r.out.Commands = append(r.out.Commands, &kickstart.Command{Name: "clearpart", Pos: top, Words: []kickstart.Word{{Text: "--all", Pos: top}}, Line: "clearpart --all\n"})
		keep = "no clearpart"
	}
	return keep
}

// growing gives a partition that only grows the size with which Anaconda begins.
func growing(b *looseCommand) *kickstart.Command {
	if b.has("--grow") && !b.has("--size") && !b.has("--recommended") && b.value("--percent") == "" {
		c := *b.c
		c.Words = append(slices.Clone(c.Words), kickstart.Word{Text: "--size=1", Pos: c.Pos})
		return &c
	}
	return b.c
}
