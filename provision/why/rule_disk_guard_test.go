package why

import "testing"

func TestDiskGuard(t *testing.T) {
	at := func(lines ...string) []string { return append(healthy[:12:12], lines...) }
	runRules(t, []ruleTest{
		{
			name: "Anaconda's", at: "3m", journal: at("130s installer disk-guard!! failed disk=sda found=/dev/sda:_gpt_xfs; | This disk carries data"),
			rule: "disk-guard", said: []string{"Disk sda carries data: gpt xfs.", "rackhand install web1 --wipe"},
		},
		{
			name: "two disks", at: "3m", journal: at("130s installer disk-guard!! failed disk=sda_sdb found=/dev/sda:_gpt;_/dev/sdb:_ext4;"),
			rule: "disk-guard", said: []string{"The disks sda, sdb carry data: /dev/sda: gpt; /dev/sdb: ext4."},
		},
		{
			name: "the Kickstart's in the image installer, before the failure of its script", at: "3m",
			journal: at("130s installer disk-guard!! disk=vda found=/dev/vda:_ext4; | carries data", "131s installer script-failed!! failed | %pre of line 4: exit status 1"),
			rule:    "disk-guard", said: []string{"Disk vda carries data: ext4."}, not: []string{"%pre"},
		},
		{
			name: "the image installer's", at: "3m", journal: at("130s installer disk-refused!! failed disk=sda_(480.0_GB,_SSD,_serial_S1) found=swap keep="),
			rule: "disk-guard", said: []string{"Disk sda (480.0 GB, SSD, serial S1) carries data: swap.", "--wipe"},
		},
		{
			name: "a Kickstart that clears nothing", at: "3m", journal: at("130s installer disk-refused!! failed disk=sda found=ext4 keep=clearpart_--none"),
			rule: "disk-guard", said: []string{"clearpart --all", `"clearpart --none"`},
		},
		{
			name: "in use", at: "3m", journal: at("130s installer disk-refused!! failed disk=sda uses=md127"),
			rule: "disk-guard", said: []string{"in use in the installer: md127", "%pre"}, not: []string{"--wipe"},
		},
		{
			name: "no disk at all", at: "3m", journal: at("130s installer disk-guard!! failed | There is no disk to install to. Wanted: any."),
			rule: "disk-guard", said: []string{"There is no disk to install to. Wanted: any."}, not: []string{"--wipe"},
		},
		{
			name: "--wipe for another box", at: "3m", journal: append(append(healthy[:7:7], "101s http no-wipe!"), "130s installer disk-guard!! failed disk=sda found=gpt"),
			rule: "disk-guard", said: []string{"for another box of this name"},
		},
		// Data that was wiped as asked, and a failure of another kind.
		{
			name: "a disk that was wiped", at: "4m", journal: at("130s installer disk-wiped! | disk sda carries data and is wiped, as asked: gpt", "200s installer packages-failed!! failed | no mirror"),
			rule: "failed", not: []string{"--wipe"},
		},
		{
			name: "a later attempt", at: "4m", journal: at("130s installer disk-guard!! disk=sda found=gpt", "190s dhcp ack addressed client=PXE", "200s http attempt script", "210s installer image-refused!! failed | the image is broken"),
			rule: "failed", said: []string{"the image is broken"},
		},
	})
}
