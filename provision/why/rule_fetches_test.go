package why

import (
	"slices"
	"testing"
)

// lease is a box that is powered on and gets an address, and program has its boot program.
var (
	lease   = healthy[:4:4]
	program = healthy[:5:5]
	script  = healthy[:7:7]
	initrd  = healthy[:9:9]
)

// then is a journal with more lines.
func then(journal []string, more ...string) []string { return append(slices.Clip(journal), more...) }

func TestNothingAsked(t *testing.T) {
	anotherBoot := []string{"200s bmc power-cycle", "290s dhcp ack addressed client=PXE"}
	runRules(t, []ruleTest{
		{name: "two minutes after its lease", at: "4m", journal: lease},
		{name: "a lease and nothing more", at: "7m", journal: lease, rule: "nothing-asked", said: []string{"UDP port 69", "Another PXE server", "rackhand doctor"}, not: []string{"port 80"}},
		{name: "again and again", at: "7m", journal: then(lease, anotherBoot...), rule: "nothing-asked", said: []string{"UDP port 69"}},
		{name: "UEFI HTTP Boot", at: "7m", journal: []string{healthy[0], healthy[1], "96s dhcp ack addressed client=HTTP_boot"}, rule: "nothing-asked", said: []string{"TCP port 80"}},
		{name: "beside another server", at: "7m", journal: []string{healthy[0], healthy[1], "96s dhcp observed addressed client=PXE"}, rule: "nothing-asked", said: []string{"UDP port 69"}},
		{name: "iPXE has a lease and asks for no script", at: "8m", journal: healthy[:6], rule: "nothing-asked", said: []string{"TCP port 80"}},
		{
			name: "another server's name", at: "7m", journal: then(lease, "98s tftp no-such-file! name=pxelinux.0"), rule: "nothing-asked",
			said: []string{"to boot pxelinux.0", "PXELINUX", "option 67"}, not: []string{"firewall"},
		},
		{name: "another server's name over HTTP", at: "7m", journal: []string{healthy[0], healthy[1], "96s dhcp ack addressed client=HTTP_boot", "98s http no-such-file! name=bootmgfw.efi"}, rule: "nothing-asked", said: []string{"boot bootmgfw.efi", "Windows"}},
		{name: "another server's name, a moment ago", at: "3m", journal: then(lease, "98s tftp no-such-file! name=pxelinux.0")},
		// Names that loaders try in vain tell nothing, and the box is asking.
		{name: "names in vain", at: "7m", journal: then(lease, "98s tftp no-such-file name=revocations.efi"), rule: "nothing-asked", not: []string{"revocations"}},
		// The tempting wrong ones.
		{name: "the old system asked", at: "4m", journal: []string{healthy[0], healthy[1], "96s dhcp ack client=other"}},
		{name: "it asked after all", at: "9m", journal: then(lease, "98s tftp no-such-file! name=pxelinux.0", "99s tftp fetch bootfile name=snponly.efi"), rule: "program-silent"},
		{name: "firmware's second boot gets further", at: "8m", journal: then(lease, "200s bmc power-cycle", "400s dhcp ack addressed client=PXE", "401s tftp fetch bootfile name=snponly.efi", "402s http attempt script", "403s http fetch kernel file=initrd.img")},
		{name: "its kernel was silent before", at: "11m", journal: then(initrd, "590s bmc power-cycle", "650s dhcp ack addressed client=PXE"), rule: "initramfs-silent"},
	})
}

func TestAnswersLost(t *testing.T) {
	const lost = "100s tftp fetch-stopped! name=snponly.efi stage=bootfile bytes=0 packets=0 blksize=1468 size=98760 why=silence"
	runRules(t, []ruleTest{
		{name: "after three minutes", at: "3m", journal: then(lease, lost)},
		{name: "no packet is acknowledged", at: "7m", journal: then(lease, lost), rule: "answers-lost", said: []string{"ports above 1023", "snponly.efi"}, not: []string{"MTU"}},
		{name: "again and again", at: "7m", journal: then(lease, lost, "200s dhcp ack addressed client=PXE", "203s tftp fetch-stopped! name=snponly.efi stage=bootfile bytes=0 packets=0"), rule: "answers-lost"},
		{
			name: "options are acknowledged, blocks are not", at: "7m", rule: "answers-lost", said: []string{"1500 bytes", "MTU", "networks.rack1.mtu"}, not: []string{"firewall"},
			journal: then(lease, "100s tftp fetch-stopped! name=snponly.efi stage=bootfile bytes=0 packets=1 blksize=1468 size=98760 why=silence"),
		},
		// The tempting wrong ones.
		{name: "some bytes came once", at: "7m", journal: then(lease, lost, "200s tftp fetch-stopped! name=snponly.efi stage=bootfile bytes=5120 packets=11 size=98760"), rule: "transfer-loss"},
		{name: "it came at last", at: "7m", journal: then(lease, lost, "400s tftp fetch bootfile name=snponly.efi", "401s dhcp ack client=iPXE")},
		{name: "the box refused it", at: "7m", journal: then(lease, "100s tftp fetch-stopped! name=snponly.efi stage=bootfile bytes=0 packets=1 blksize=1468 size=98760 why=error code=3 error=full"), rule: "transfer-loss", said: []string{"error 3: full", "no room"}},
	})
}

func TestTransferLoss(t *testing.T) {
	stop := func(at, bytes string) string {
		return at + " tftp fetch-stopped! name=snponly.efi stage=bootfile packets=9 blksize=1468 size=98760 why=silence bytes=" + bytes
	}
	runRules(t, []ruleTest{
		{name: "varying places", at: "7m", journal: then(lease, stop("110s", "5120"), stop("200s", "61440")), rule: "transfer-loss", said: []string{"after 5120", "61440 of 98760", "cable"}, not: []string{"firmware"}},
		{name: "varying places, early", at: "4m", journal: then(lease, stop("110s", "5120"), stop("200s", "61440"))},
		{name: "the same place", at: "7m", journal: then(lease, stop("110s", "5120"), stop("200s", "5120")), rule: "transfer-loss", said: []string{"byte 5120", "the model"}},
		{name: "once", at: "7m", journal: then(lease, stop("110s", "5120")), rule: "transfer-loss", said: []string{"link", "hung"}},
		{name: "over HTTP Boot", at: "7m", journal: []string{healthy[0], healthy[1], "96s dhcp ack addressed client=HTTP_boot", "160s http fetch-stopped! file=snponly.efi stage=bootfile bytes=70000 size=98760 why=stalled", "260s http fetch-stopped! file=snponly.efi stage=bootfile bytes=90000 size=98760 why=stalled"}, rule: "transfer-loss", said: []string{"loses packets"}},
		// The tempting wrong ones.
		{name: "it came at last", at: "8m", journal: then(lease, stop("110s", "5120"), stop("200s", "61440"), "290s tftp fetch bootfile name=snponly.efi", "291s http attempt script", "292s http fetch kernel file=initrd.img")},
		{name: "firmware asked for the size by GET", at: "7m", journal: []string{healthy[0], healthy[1], "96s dhcp ack addressed client=HTTP_boot", "97s http fetch-stopped file=snponly.efi stage=bootfile bytes=512 size=98760 why=closed", "98s http fetch bootfile file=snponly.efi", "99s dhcp ack client=iPXE", "100s http attempt script", "400s http fetch kernel file=initrd.img"}},
		{name: "a kernel", at: "7m", journal: then(script, "110s http fetch-stopped! file=vmlinuz bytes=9000000 size=20000000 why=stalled", "200s http fetch-stopped! file=vmlinuz bytes=1000000 size=20000000 why=stalled"), rule: "kernel-breaks"},
	})
}

func TestKernelBreaks(t *testing.T) {
	stop := func(at, bytes, why string) string {
		return at + " http fetch-stopped! file=initrd.img size=62914560 why=" + why + " bytes=" + bytes
	}
	runRules(t, []ruleTest{
		{name: "once, a moment ago", at: "2m", journal: then(script, stop("110s", "2896", "stalled"))},
		{name: "the same few bytes", at: "5m", journal: then(script, stop("165s", "2896", "stalled"), stop("260s", "2896", "stalled")), rule: "kernel-breaks", said: []string{"MTU", "2896", "networks.rack1.mtu"}, not: []string{"memory"}},
		{name: "the same few bytes, after a reboot", at: "7m", journal: then(script, stop("165s", "2896", "stalled"), "200s dhcp ack addressed client=PXE", "201s tftp fetch bootfile name=snponly.efi", "205s http attempt script", stop("270s", "2896", "stalled")), rule: "kernel-breaks", said: []string{"MTU"}},
		{name: "it is noticed after the reboot", at: "6m", journal: then(script, "140s dhcp ack addressed client=PXE", stop("165s", "2896", "stalled"), "200s tftp fetch bootfile name=snponly.efi", "205s http attempt script", "240s dhcp ack addressed client=PXE", stop("270s", "2896", "stalled")), rule: "kernel-breaks", said: []string{"MTU"}},
		{name: "megabytes, and it closed", at: "6m", journal: then(script, stop("110s", "31000000", "closed"), stop("260s", "33000000", "closed")), rule: "kernel-breaks", said: []string{"no memory for initrd.img (60 MiB)", "loses packets"}, not: []string{"MTU"}},
		{name: "megabytes, and silence", at: "6m", journal: then(script, stop("165s", "31000000", "stalled"), stop("260s", "8000000", "stalled")), rule: "kernel-breaks", said: []string{"loses packets", "memory"}, not: []string{"MTU"}},
		{name: "closed at once", at: "6m", journal: then(script, stop("110s", "0", "closed"), stop("260s", "0", "closed")), rule: "kernel-breaks", said: []string{"memory"}, not: []string{"MTU"}},
		{name: "TFTP's counter", at: "9m", journal: then(lease, "97s tftp fetch bootfile name=grubx64.efi", "98s tftp script script", "200s tftp fetch-stopped! name=image/d/initrd.img blksize=512 bytes=33553920 size=62914560 why=silence"), rule: "kernel-breaks", said: []string{"65535 blocks of 512"}},
		// The tempting wrong ones.
		{name: "it came at last", at: "5m", journal: then(script, stop("110s", "2896", "stalled"), stop("200s", "2896", "stalled"), "210s http fetch kernel file=initrd.img")},
		{name: "the root image, in the installer", at: "6m", journal: then(healthy[:13], "140s http fetch-stopped! file=root.tar.zst bytes=31000000 size=62914560 why=closed", "300s http fetch-stopped! file=root.tar.zst bytes=31000000 size=62914560 why=closed")},
	})
}

func TestSecureBoot(t *testing.T) {
	refused := then(program, "100s dhcp discover client=PXE", "101s dhcp ack addressed client=PXE")
	runRules(t, []ruleTest{
		{name: "it asks again after 3 s", at: "7m", journal: refused, rule: "secure-boot", said: []string{"snponly.efi", "rackhand set hosts.web1.boot.secure_boot true"}},
		{name: "the same, after three minutes", at: "3m", journal: refused},
		{name: "a program with drivers of its own", at: "7m", journal: then(lease, "97s tftp fetch bootfile name=ipxe.efi", "100s dhcp ack addressed client=PXE"), rule: "secure-boot", said: []string{"not signed", "no driver"}},
		{name: "as OVMF does it: HTTP Boot follows at once", at: "7m", journal: then(program, "97s dhcp discover client=HTTP_boot secs=0 tries=1 offered=10.77.0.11", "101s dhcp ack addressed client=HTTP_boot", "101s http fetch bootfile file=snponly.efi"), rule: "secure-boot", said: []string{"Secure Boot refuses snponly.efi"}},
		{name: "shim asks for MokManager", at: "7m", journal: then(lease, "97s tftp fetch bootfile name=shimx64.efi", "98s tftp fetch bootfile name=grubx64.efi", "99s tftp fetch bootfile name=mmx64.efi"), rule: "secure-boot", said: []string{"shim refuses", "apt-get install"}},
		// The tempting wrong ones.
		{name: "it asks again after a minute", at: "9m", journal: then(program, "160s dhcp ack addressed client=PXE", "161s tftp fetch bootfile name=snponly.efi"), rule: "program-silent"},
		{name: "the operator reset it", at: "9m", journal: then(program, "100s bmc power-reset", "105s dhcp ack addressed client=PXE", "106s tftp fetch bootfile name=snponly.efi"), rule: "program-silent"},
		{name: "BIOS", at: "9m", journal: then(lease, "97s tftp fetch bootfile name=undionly.kpxe", "100s dhcp ack addressed client=PXE", "101s tftp fetch bootfile name=undionly.kpxe"), rule: "program-silent", not: []string{"Secure Boot"}},
		{name: "iPXE asks", at: "130s", journal: healthy[:6]},
		{name: "the program broke off", at: "7m", journal: then(lease, "98s tftp fetch-stopped! name=snponly.efi stage=bootfile bytes=512 size=98760 packets=2 why=silence", "100s dhcp ack addressed client=PXE"), rule: "transfer-loss"},
		{name: "later it was signed", at: "7m", journal: then(refused, "300s dhcp ack addressed client=PXE", "301s tftp fetch bootfile name=shimx64.efi", "302s tftp script script", "310s tftp fetch kernel name=initrd.img")},
	})
	c := caseOf(t, refused...)
	c.Host.Boot.SecureBoot = true
	if got := diagnose(t, c, 7*60e9); got == nil || got.Rule != "secure-boot" || got.Remedy.Command != "" {
		t.Errorf("with signed programs: %+v", got)
	}
}

func TestProgramSilent(t *testing.T) {
	runRules(t, []ruleTest{
		{name: "after three minutes", at: "3m", journal: program},
		{name: "silence", at: "7m", journal: program, rule: "program-silent", said: []string{"no driver", "spanning tree", "Secure Boot", "rackhand set hosts.web1.boot.program ipxe.efi"}},
		{name: "each boot", at: "9m", journal: then(program, "200s bmc power-cycle", "290s dhcp ack addressed client=PXE", "291s tftp fetch bootfile name=snponly.efi"), rule: "program-silent"},
		{name: "each boot, and it begins again", at: "9m", journal: then(program, "200s bmc power-cycle", "290s dhcp ack addressed client=PXE", "291s tftp fetch bootfile name=snponly.efi", "530s bmc power-cycle"), rule: "program-silent"},
		// The tempting wrong ones.
		{name: "iPXE has a lease", at: "8m", journal: healthy[:6], rule: "nothing-asked"},
		{name: "the install expired", at: "2h", journal: then(program, "60m appliance expired!! failed | it never came"), rule: "program-silent"},
		{name: "its installer failed", at: "2h", journal: then(healthy[:12], "200s installer report!! failed | no disk"), rule: "failed", said: []string{"no disk"}},
		{name: "powered on again, and nothing at all", at: "30m", journal: then(program, "600s bmc power-cycle"), rule: "not-on-the-wire"},
		{name: "it runs", at: "8m", journal: then(program, "400s http attempt script", "470s http fetch kernel file=initrd.img")},
		{name: "it lacks an image", at: "8m", journal: then(program, "100s http no-image! lacks=image name=debian12"), rule: "lacks"},
	})
}

func TestInitramfsSilent(t *testing.T) {
	runRules(t, []ruleTest{
		{name: "after four minutes", at: "5m", journal: initrd},
		{name: "silence", at: "8m", journal: initrd, rule: "initramfs-silent", said: []string{"driver or firmware", "VLAN"}},
		// The tempting wrong ones.
		{name: "it has an address", at: "5m", journal: healthy[:10]},
		{name: "it has an address, and no more", at: "12m", journal: healthy[:10], rule: "silent"},
		{name: "its installer runs", at: "8m", journal: healthy[:12]},
	})
	c := caseOf(t, initrd...)
	c.Host.Boot.VLAN = 10
	if got := diagnose(t, c, 10*60e9); got == nil || got.Rule != "initramfs-silent" || got.Causes[0].Decider != "If the switch port is not a member of VLAN 10, it is the VLAN." {
		t.Errorf("with a VLAN: %+v", got)
	}
}

func TestLacks(t *testing.T) {
	ask := func(fields string) []string { return then(program, "100s http no-image! "+fields+" | the message") }
	runRules(t, []ruleTest{
		{name: "image, as it is armed", at: "10s", journal: []string{healthy[0], "1s appliance not-ready!! lacks=image name=debian12"}, rule: "lacks", said: []string{"rackhand image build debian12"}},
		{name: "image", at: "110s", journal: ask("lacks=image name=debian12"), rule: "lacks", said: []string{"rackhand image build debian12"}},
		{name: "another image", at: "110s", journal: ask("lacks=image-unfit name=debian12"), rule: "lacks", said: []string{"the message", "rackhand image list"}},
		{name: "media", at: "110s", journal: ask("lacks=media name=rocky9"), rule: "lacks", said: []string{"rackhand media add rocky9 FILE.iso"}},
		{name: "other media", at: "110s", journal: ask("lacks=media-unfit name=rocky9"), rule: "lacks", said: []string{"the message", "rackhand media list"}},
		{name: "broken media", at: "110s", journal: ask("lacks=media-broken name=rocky9"), rule: "lacks", said: []string{"rackhand media verify rocky9"}},
		{name: "secret", at: "110s", journal: ask("lacks=secret name=rootpw/web path=/etc/rackhand/secrets/rootpw/web"), rule: "lacks", said: []string{"rootpw/web", "install -D -m 600 /dev/stdin /etc/rackhand/secrets/rootpw/web"}},
		{name: "template", at: "110s", journal: ask("lacks=template name=templates/web.ks:12:3"), rule: "lacks", said: []string{"the message", "Correct templates/web.ks:12:3", "rackhand render web1"}},
		{name: "system", at: "110s", journal: ask("lacks=system name="), rule: "lacks", said: []string{"rackhand set hosts.web1.system NAME"}},
		{name: "boot program", at: "110s", journal: then(lease, "98s tftp fetch-failed!! lacks=boot-program name=snponly.efi package=ipxe"), rule: "lacks", said: []string{"snponly.efi", "apt-get install ipxe"}},
		{name: "boot program of arm64", at: "110s", journal: then(lease, "98s tftp fetch-failed!! lacks=boot-program name=grubaa64.efi fetch=arm64"), rule: "lacks", said: []string{"rackhand bootfiles fetch arm64"}},
		{name: "an unreadable file", at: "110s", journal: then(lease, "98s tftp fetch-failed!! name=snponly.efi | asked for snponly.efi: input/output error"), rule: "lacks", said: []string{"input/output error"}},
		{name: "it stays", at: "8h", journal: ask("lacks=image name=debian12"), rule: "lacks"},
		// The tempting wrong ones.
		{name: "it was mended", at: "130s", journal: then(ask("lacks=image name=debian12"), "120s http attempt script")},
		{name: "the program was mended", at: "110s", journal: then(lease, "98s tftp fetch-failed!! lacks=boot-program name=snponly.efi package=ipxe", "105s tftp fetch bootfile name=snponly.efi")},
		{name: "the program was mended, the image not", at: "110s", journal: then(lease, "90s appliance not-ready!! lacks=image name=debian12", "98s tftp fetch-failed!! lacks=boot-program name=snponly.efi package=ipxe", "105s tftp fetch bootfile name=snponly.efi"), rule: "lacks", said: []string{"image build"}},
		{name: "the box's own words", at: "200s", journal: then(healthy[:13], "140s installer report! lacks=secret name=x path=/root/.ssh/authorized_keys", "141s agent report! lacks=boot-program package=evil"), not: []string{"authorized_keys", "evil"}},
		{name: "the box's own words, and it failed", at: "200s", journal: then(healthy[:13], "140s installer report!! failed lacks=boot-program name=x package=-o_DPkg::Pre-Invoke::=/tmp/x_ipxe"), rule: "failed", not: []string{"apt-get", "Pre-Invoke"}},
		{name: "its installer has it", at: "200s", journal: then(healthy[:13], "140s http media-broken!! lacks=media-broken name=rocky9", "150s installer progress")},
	})
}
