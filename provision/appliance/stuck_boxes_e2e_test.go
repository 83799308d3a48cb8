//go:build e2e

package appliance

import "time"

// A stuckBox is a box that gets stuck, or doesn't.
type stuckBox struct {
	inventory string // more keys of the host
	plays     func(p *player)
	rule      string // "" for none
	said      []string
	after     time.Duration // when it is looked at; 10 min when zero
	// steady: it plays before the others, which move all clocks. The time between two of its
	// acts is part of what it shows.
	steady bool
}

const goodKickstart = `text
clearpart --all --initlabel
part / --fstype=ext4 --size=1024 --grow
liveimg --url={{ .Image.URL }} --checksum={{ .Image.SHA256 }}
`

// stuckBoxes are played with real packets, against the whole appliance.
func stuckBoxes() map[string]stuckBox {
	return map[string]stuckBox{
		"another-name": {
			plays: func(p *player) { p.lease(); p.tftp("pxelinux.0") },
			rule:  "nothing-asked", said: []string{"boot pxelinux.0", "option 67"},
		},
		"no-request": {
			plays: func(p *player) {
				p.lease()
				p.run("ip", "rule", "add", "ipproto", "udp", "dport", "69", "blackhole")
				p.tftp("snponly.efi")
			},
			rule: "nothing-asked", said: []string{"UDP port 69"},
		},
		"no-answer": {
			plays: func(p *player) {
				p.lease()
				p.run("sh", "-c", "ip rule add pref 2 lookup local; ip rule del pref 0; ip rule add pref 1 iif eth0 ipproto udp sport 1024-65534 blackhole")
				p.tftp("snponly.efi")
				p.wait("fetch-stopped", 1)
			},
			rule: "answers-lost", said: []string{"ports above 1023"},
		},
		"small-mtu": {
			// Its card takes no frame of more than 1,000 bytes.
			plays: func(p *player) {
				p.lease()
				p.run("ip", "link", "set", "eth0", "mtu", "1000")
				p.tftp("snponly.efi", "-b", "1468")
				p.wait("fetch-stopped", 1)
			},
			rule: "answers-lost", said: []string{"1500 bytes", "networks.rack1.mtu"},
		},
		"loss": {
			plays: func(p *player) {
				p.lease()
				p.stop("snponly.efi", 10)
				p.wait("fetch-stopped", 1)
				p.minute()
				p.stop("snponly.efi", 40)
				p.wait("fetch-stopped", 2)
			},
			rule: "transfer-loss", said: []string{"after 5120, and after 20480"},
		},
		"no-image": {
			inventory: "system: later", plays: func(p *player) { p.lease() },
			rule: "lacks", said: []string{"rackhand image build later"}, after: time.Second,
		},
		"template": {
			inventory: "kickstart: broken.ks",
			plays: func(p *player) {
				// Edited while the appliance runs: at its start, a broken one would be refused.
				write(p, p.a.cfg.Inventory, "templates/broken.ks", "{{ .Nothing }}\n")
				p.lease()
			},
			rule: "lacks", said: []string{"broken.ks:1:4"}, after: time.Second,
		},
		"secret": {
			inventory: "kickstart: secret.ks", plays: func(p *player) { p.lease() },
			rule: "lacks", said: []string{"install -D -m 600 /dev/stdin ", "/secrets/rootpw/web"}, after: time.Second,
		},
		"kernel": {
			plays: func(p *player) {
				p.script()
				for i := range 2 {
					p.run("sh", "-c", "curl -s http://10.77.0.1/image/debian12/vmlinuz | head -c 100000 >/dev/null")
					p.wait("fetch-stopped", i+1)
					p.minute()
				}
			},
			rule: "kernel-breaks", said: []string{"no memory for vmlinuz"},
		},
		"silent-program": {
			plays: func(p *player) { p.lease(); p.tftp("snponly.efi"); p.wait("fetch", 1) },
			rule:  "program-silent", said: []string{"boot.program ipxe.efi"},
		},
		"silent-kernel": {
			plays: func(p *player) { p.script(); p.kernel() },
			rule:  "initramfs-silent",
		},
		"secure-boot": {
			plays:  func(p *player) { p.lease(); p.tftp("snponly.efi"); p.wait("fetch", 1); p.lease() },
			steady: true, rule: "secure-boot", said: []string{"boot.secure_boot true"},
		},
		// Firmware that asks for the size first, in two ways, and names in vain.
		"healthy": {
			plays: func(p *player) {
				p.lease()
				p.run("curl", "-sI", "-o", "/dev/null", "http://10.77.0.1/boot/file/snponly.efi")
				p.tftp("revocations.efi")
				p.script()
				p.run("curl", "-s", "-r", "0-4095", "-o", "/dev/null", "http://10.77.0.1/image/debian12/vmlinuz")
				p.kernel()
			},
			steady: true, after: 3 * time.Minute,
		},
	}
}
