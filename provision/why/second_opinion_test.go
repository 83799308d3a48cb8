package why

import "testing"

// These journals are written from what the appliance's parts record, apart from the rules:
// each fault beside two that look alike and have another cause.

const (
	armed      = "0s operator armed requested"
	onBMC      = "5s bmc powered-on powered power=on"
	asks       = "95s dhcp discover client=PXE arch=x64_UEFI mac=" + mac + " secs=0 tries=1 offered=10.77.0.11"
	lineLease  = "96s dhcp ack addressed client=PXE arch=x64_UEFI mac=" + mac + " address=10.77.0.11 file=snponly.efi"
	nbp        = "98s tftp fetch bootfile name=snponly.efi address=10.77.0.11 bytes=250000"
	ipxe       = "102s dhcp ack addressed client=iPXE mac=" + mac + " address=10.77.0.11"
	begun      = "103s http attempt script | the boot script was sent, attempt 1 of 3"
	lineKernel = "106s http fetch kernel file=vmlinuz address=10.77.0.11 bytes=8000000"
	lineInitrd = "112s http fetch kernel file=initrd.img address=10.77.0.11 bytes=60000000"
)

func upTo(last string, more ...string) []string {
	var out []string
	for _, line := range []string{armed, onBMC, asks, lineLease, nbp, ipxe, begun, lineKernel, lineInitrd} {
		out = append(out, line)
		if line == last {
			break
		}
	}
	return append(out, more...)
}

func TestSecondOpinionPower(t *testing.T) {
	runRules(t, []ruleTest{
		{name: "1 wrong password", at: "10s", rule: "power-failed", said: []string{"password"}, not: []string{"cable"}, journal: []string{
			armed, "3s bmc power-failed!! why=password | the box was not powered on: log in to 10.0.0.1: wrong password; press its button, it is still armed",
		}},
		{name: "1 no answer", at: "10s", rule: "power-failed", said: []string{"answer"}, not: []string{"password is wrong"}, journal: []string{
			armed, "3s bmc power-failed!! why=silence | the box was not powered on: 10.0.0.1 does not answer; press its button, it is still armed",
		}},
		{name: "1 but someone pressed the button", at: "130s", journal: []string{
			armed, "3s bmc power-failed!! why=silence | x", asks, lineLease, nbp, ipxe, begun, lineKernel, lineInitrd,
		}},
		{name: "1 power failed, then its firmware stopped at the offers", at: "8m", rule: "offers-lost", journal: []string{
			armed, "3s bmc power-failed!! why=silence | x", asks, "2m15s dhcp discover! client=PXE mac=" + mac + " secs=28 tries=4 offered=10.77.0.11",
		}},
		{name: "2 the old system boots", at: "6m", rule: "override-ignored", said: []string{"the system on its disk", "boot order"}, journal: []string{
			armed, onBMC, "80s dhcp ack client=other mac=" + mac + " address=10.77.0.11 | 10.77.0.11 is leased to it",
		}},
		{name: "2 a BMC-less box whose old system renews its lease before the button", at: "30m", journal: []string{
			armed, "60s dhcp ack client=other mac=" + mac + " address=10.77.0.11 | 10.77.0.11 is leased to it",
		}},
		{name: "3 nothing of its MAC", at: "6m", rule: "not-on-the-wire", said: []string{"cable", "VLAN"}, journal: []string{armed, onBMC}},
		{name: "3 not before five minutes", at: "5m", journal: []string{armed, onBMC}},
		{name: "4 another card", at: "6m", rule: "another-card", said: []string{"rackhand set hosts.web1.mac"}, journal: []string{
			armed, onBMC, "90s dhcp another-card! by=uuid mac=52:54:00:00:00:99 expected=" + mac + " address=10.77.0.200",
		}},
		{name: "4 another card once, then the right one and an install", at: "130s", journal: []string{
			armed, onBMC, "60s dhcp another-card! by=uuid mac=52:54:00:00:00:99 expected=" + mac + " address=10.77.0.200", asks, lineLease, nbp, ipxe, begun, lineKernel, lineInitrd,
		}},
		{name: "5 spanning tree: the first packet gets through late, then it gives up", at: "8m", rule: "port-waits", said: []string{"panning tree"}, journal: []string{
			armed, onBMC, "2m dhcp discover client=PXE mac=" + mac + " secs=60 tries=1 offered=10.77.0.11",
		}},
		{name: "5 secs is high, and it got on", at: "4m", journal: []string{
			armed, onBMC, "2m dhcp discover client=PXE mac=" + mac + " secs=60 tries=1 offered=10.77.0.11", "121s dhcp ack addressed client=PXE mac=" + mac,
			"122s tftp fetch bootfile name=snponly.efi", "125s dhcp ack addressed client=iPXE", "126s http attempt script", "130s http fetch kernel file=vmlinuz", "140s http fetch kernel file=initrd.img",
			"160s dhcp ack client=other", "161s http answer", "170s installer started installer", "230s installer progress | 1 of 2 MB",
		}},
		{name: "6 offers, no REQUEST", at: "8m", rule: "offers-lost", said: []string{"offer"}, journal: upTo(asks,
			"2m15s dhcp discover! client=PXE mac="+mac+" secs=28 tries=4 offered=10.77.0.11")},
		{name: "6 no offer since the network has no address for it", at: "8m", rule: "no-address", not: []string{"snooping"}, journal: []string{
			armed, onBMC, "95s dhcp discover client=PXE mac=" + mac + " secs=0 tries=1 offered=",
		}},
		{name: "7 another server", at: "8m", rule: "other-server", said: []string{"10.77.0.66"}, journal: upTo(asks,
			"97s dhcp chosen-other! client=PXE mac="+mac+" server=10.77.0.66 address=10.77.0.150")},
		{name: "7 another server at first, and ours later stops after kernel", at: "20m", rule: "initramfs-silent", journal: []string{
			armed, onBMC, "60s dhcp chosen-other! client=PXE mac=" + mac + " server=10.77.0.66 address=10.77.0.150", asks, lineLease, nbp, ipxe, begun, lineKernel, lineInitrd,
		}},
	})
}

func TestSecondOpinionFetch(t *testing.T) {
	runRules(t, []ruleTest{
		{name: "8 lease, no read request", at: "8m", rule: "nothing-asked", said: []string{"69"}, journal: upTo(lineLease)},
		{name: "8 it asked for a name of another server", at: "8m", rule: "nothing-asked", said: []string{"pxelinux.0"}, not: []string{"firewall"}, journal: upTo(lineLease,
			"98s tftp no-such-file! name=pxelinux.0 address=10.77.0.11 | asked for pxelinux.0, and there is no such file")},
		{name: "8 HTTP boot has no port 69", at: "8m", rule: "nothing-asked", not: []string{"port 69"}, journal: []string{
			armed, onBMC, "95s dhcp discover client=HTTP_boot secs=0 tries=1 offered=10.77.0.11", "96s dhcp ack addressed client=HTTP_boot arch=x64_UEFI_HTTP mac=" + mac,
		}},
		{name: "9 nothing acknowledged", at: "8m", rule: "answers-lost", said: []string{"1023"}, journal: upTo(lineLease,
			"110s tftp fetch-stopped! name=snponly.efi why=silence bytes=0 size=250000 packets=0 stage=bootfile address=10.77.0.11 | asked for snponly.efi and acknowledged nothing: it answers no more")},
		{name: "9 options acknowledged, first big block lost", at: "8m", rule: "answers-lost", said: []string{"MTU"}, journal: upTo(lineLease,
			"110s tftp fetch-stopped! name=snponly.efi why=silence bytes=0 size=250000 packets=1 blksize=1468 stage=bootfile address=10.77.0.11 | stopped fetching snponly.efi after 0 of 250000 bytes: it answers no more")},
		{name: "9 lost once, fetched at the second try, stops in the kernel", at: "20m", rule: "initramfs-silent", journal: upTo(lineLease,
			"97s tftp fetch-stopped! name=snponly.efi why=silence bytes=0 size=250000 packets=0 stage=bootfile address=10.77.0.11", nbp, ipxe, begun, lineKernel, lineInitrd)},
		{name: "10 varying places", at: "8m", rule: "transfer-loss", said: []string{"cable"}, journal: upTo(lineLease,
			"110s tftp fetch-stopped! name=snponly.efi why=silence bytes=42000 size=250000 packets=30 stage=bootfile",
			"180s tftp fetch-stopped! name=snponly.efi why=silence bytes=170000 size=250000 packets=121 stage=bootfile",
			"250s tftp fetch-stopped! name=snponly.efi why=silence bytes=8000 size=250000 packets=7 stage=bootfile")},
		{name: "11 Secure Boot", at: "8m", rule: "secure-boot", said: []string{"Secure Boot"}, journal: upTo(nbp,
			"101s dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11", "102s dhcp ack addressed client=PXE arch=x64_UEFI", "104s tftp fetch bootfile name=snponly.efi",
			"107s dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11", "108s dhcp ack addressed client=PXE arch=x64_UEFI")},
		{name: "11 BIOS knows no Secure Boot", at: "8m", not: []string{"Secure Boot"}, rule: "program-silent", journal: []string{
			armed, onBMC, "95s dhcp discover client=PXE arch=x86_BIOS secs=0 tries=1 offered=10.77.0.11", "96s dhcp ack addressed client=PXE arch=x86_BIOS", "98s tftp fetch bootfile name=undionly.kpxe",
			"101s dhcp discover client=PXE arch=x86_BIOS secs=0 tries=1 offered=10.77.0.11", "102s dhcp ack addressed client=PXE arch=x86_BIOS", "104s tftp fetch bootfile name=undionly.kpxe",
		}},
		{name: "12 silence after the boot program", at: "8m", rule: "program-silent", said: []string{"driver"}, journal: upTo(nbp)},
		{name: "12 it runs, and asks for no script after its lease", at: "10m", rule: "nothing-asked", journal: upTo(ipxe)},
		{name: "13 no image", at: "2m", rule: "lacks", said: []string{"rackhand image build debian12"}, journal: upTo(ipxe,
			"103s http no-image! lacks=image name=debian12 | no image debian12")},
		{name: "13 no media", at: "2m", rule: "lacks", said: []string{"rackhand media add rocky9"}, journal: upTo(ipxe,
			"103s http no-image! lacks=media name=rocky9 | no media rocky9")},
		{name: "13 lacked, then built and it went on", at: "200s", journal: append(append(upTo(ipxe), "102s http no-image! lacks=image name=debian12"), begun, lineKernel, lineInitrd,
			"130s dhcp ack client=other", "131s http answer", "135s installer started installer")},
		{name: "14 the kernel breaks at the same few bytes", at: "8m", rule: "kernel-breaks", said: []string{"MTU"}, journal: upTo(begun,
			"170s http fetch-stopped! file=vmlinuz why=stalled bytes=1200 size=8000000 stage=kernel",
			"260s http fetch-stopped! file=vmlinuz why=stalled bytes=1200 size=8000000 stage=kernel")},
		{name: "14 at megabytes", at: "8m", rule: "kernel-breaks", said: []string{"memory"}, not: []string{"MTU"}, journal: upTo(lineKernel,
			"170s http fetch-stopped! file=initrd.img why=closed bytes=31000000 size=60000000 stage=kernel")},
		{name: "15 silence after the kernel", at: "12m", rule: "initramfs-silent", said: []string{"driver"}, journal: upTo(lineInitrd)},
		{name: "15 not when DHCP came", at: "12m", rule: "silent", journal: upTo(lineInitrd, "125s dhcp ack client=other mac="+mac)},
		{name: "15 its second DHCP is refused", at: "12m", rule: "address-taken", said: []string{"another machine answers"}, journal: upTo(lineInitrd, "125s dhcp decline! mac="+mac+" address=10.77.0.11 | it declined 10.77.0.11: another machine answers there")},
	})
}

func TestSecondOpinionSystem(t *testing.T) {
	running := upTo(lineInitrd, "125s dhcp ack client=other mac="+mac, "126s http answer", "127s installer started installer")
	on := func(more ...string) []string { return append(running[:len(running):len(running)], more...) }
	packages := on("130s installer image packages", "140s installer progress | 1 of 980 MB")
	installed := append(packages[:len(packages):len(packages)], "220s installer installed installed", "222s bmc boot-disk")
	then := func(more ...string) []string { return append(installed[:len(installed):len(installed)], more...) }
	converging := then("300s dhcp ack client=other mac="+mac, "310s agent booted booted", "311s agent enrolled enrolled", "312s agent converging converging")
	and := func(more ...string) []string { return append(converging[:len(converging):len(converging)], more...) }
	runRules(t, []ruleTest{
		{name: "16 wrong MAC", at: "4m", rule: "refused", journal: upTo(lineInitrd,
			"126s http mac-refused!! address=10.77.0.11 macs=52:54:00:00:00:99 | 10.77.0.11 asked for the answer file of web1 and says that its interfaces are 52:54:00:00:00:99")},
		{name: "17 disk guard of the image installer", at: "4m", rule: "disk-guard", said: []string{"vda", "ext4", "--wipe"}, journal: on(
			"129s installer disk-refused!! failed disk=vda found=ext4 keep= | disk vda carries data: ext4. Nothing was written.")},
		{name: "17 the disk is in use", at: "4m", rule: "disk-guard", not: []string{"--wipe"}, journal: on(
			"129s installer disk-refused!! failed disk=vda uses=mounted_at_/mnt | disk vda is in use: mounted at /mnt. Nothing was written.")},
		{name: "18 steady reboots", at: "10m", rule: "reboots", said: []string{"console"}, journal: on(
			"200s dhcp ack addressed client=PXE", "205s dhcp ack addressed client=iPXE", "206s http attempt script", "208s http fetch kernel file=vmlinuz", "210s http fetch kernel file=initrd.img",
			"300s dhcp ack addressed client=PXE", "305s dhcp ack addressed client=iPXE", "306s http attempt script", "308s http fetch kernel file=vmlinuz", "310s http fetch kernel file=initrd.img",
			"400s dhcp ack addressed client=PXE", "405s dhcp ack addressed client=iPXE", "406s http spent!! failed | the box boots from the network again and may not have the installer: its attempts are spent")},
		{name: "19 PXE of the same mode after the install", at: "12m", rule: "not-from-disk", journal: then(
			"300s dhcp discover client=PXE arch=x64_UEFI secs=0 tries=1 offered=10.77.0.11", "301s dhcp ack client=PXE arch=x64_UEFI mac="+mac)},
		{name: "19 PXE of the other mode", at: "12m", rule: "not-from-disk", said: []string{"BIOS"}, journal: then(
			"300s dhcp discover client=PXE arch=x86_BIOS secs=0 tries=1 offered=10.77.0.11", "301s dhcp ack client=PXE arch=x86_BIOS mac="+mac)},
		{name: "19 lease, no agent", at: "15m", rule: "not-from-disk", said: []string{"8443"}, journal: then("300s dhcp ack client=other mac=" + mac)},
		{name: "19 PXE first in the order, falls through to its disk, agent comes", at: "330s", journal: then(
			"290s dhcp discover client=PXE arch=x64_UEFI secs=0 tries=1 offered=10.77.0.11", "291s dhcp ack client=PXE arch=x64_UEFI", "310s dhcp ack client=other", "320s agent booted booted")},
		{name: "20 a resource fails", at: "420s", rule: "converge", said: []string{"package nginx"}, journal: and(
			"330s agent converge-failed!! resource=package_nginx error=no_such_package | 1 of 4 resources failed; the agent tries again: package nginx: no such package")},
		{name: "20 a resource failed once, then it converged and serves soon", at: "440s", journal: and(
			"330s agent converge-failed!! resource=package_nginx error=no_such_package", "400s agent converged converged")},
		{name: "20 refused", at: "600s", rule: "check-failing", said: []string{"listen"}, journal: and("400s agent converged converged",
			"500s check check-failed!! name=GET_http://10.77.0.11/ source=roles/web.yaml:3:5 result=refused | after 1m0s it does not serve: connect: connection refused; tried on")},
		{name: "20 status", at: "600s", rule: "check-failing", said: []string{"status"}, journal: and("400s agent converged converged",
			"500s check check-failed!! name=GET_http://10.77.0.11/ source=roles/web.yaml:3:5 result=status | after 1m0s it does not serve: 503, not 200; tried on")},
		{name: "21 a dialog of which its log has no known word", at: "14m", rule: "silent", said: []string{"rackhand log web1", "Question?", "dialog"}, journal: on(
			"330s syslog log-tail lines=2 silent=180 | anaconda: ERROR:anaconda.ui: Something is waiting\nThe installation cannot continue: Question?")},
		{name: "21 an ordinary tail of packages is no trouble", at: "8m", rule: "", journal: append(packages[:len(packages):len(packages)],
			"330s syslog log-tail lines=2 silent=180 | packaging: Installed: kernel-core\npackaging: Configuring: kernel-core")},
	})
}
