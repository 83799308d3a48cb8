package media

import "testing"

// TestBootISOLabels: whose a boot.iso is, by labels and .discinfo as distributions have
// them.
func TestBootISOLabels(t *testing.T) {
	for _, tt := range []struct{ label, discinfo, family, version, arch, release string }{
		{"RHEL-9-4-0-BaseOS-x86_64", "1712890496.28\n9.4\nx86_64\n", "Red Hat Enterprise Linux", "9.4", "x86_64", "RHEL9"},
		{"RHEL-8-10-0-BaseOS-x86_64", "", "Red Hat Enterprise Linux", "8.10", "x86_64", "RHEL8"},
		{"RHEL-10-0-BaseOS-aarch64", "", "Red Hat Enterprise Linux", "10.0", "aarch64", "RHEL10"},
		{"Rocky-8-7-x86_64-boot", "", "Rocky Linux", "8.7", "x86_64", "RHEL8"},
		{"rocky-8-7-x86_64-boot", "", "Rocky Linux", "8.7", "x86_64", "RHEL8"},
		{"AlmaLinux-9-4-aarch64-boot", "1714953600.1\n9.4\naarch64\n", "AlmaLinux", "9.4", "aarch64", "RHEL9"},
		{"CentOS-Stream-9-BaseOS-x86_64", "", "CentOS Stream", "9", "x86_64", "RHEL9"},
		{"CentOS 7 x86_64", "1604000000.1\n7.9\nx86_64\n", "CentOS", "7.9", "x86_64", "RHEL7"},
		{"OL-9-4-0-BaseOS-x86_64", "", "Oracle Linux", "9.4", "x86_64", "RHEL9"},
		{"Fedora-E-dvd-x86_64-44", "", "Fedora", "44", "x86_64", "F44"},
		{"Fedora-S-dvd-aarch64-43", "1745000000.1\nFedora Server 43\naarch64\nALL\n", "Fedora Server", "43", "aarch64", "F43"},
		{"ProLinux-8.2 Server.x86_64", "1600000000.1\nProLinux 8.2\nx86_64\n", "ProLinux", "8.2", "x86_64", "RHEL8"},
		{"", "1600000000.1\nFedora 42\nx86_64\n", "Fedora", "42", "x86_64", "F42"},
		{"CDROM", "", "", "", "", ""},
		{"CDROM", "1600000000.1\nRawhide\nx86_64\n", "", "", "x86_64", ""},
		{"RHEL-9-4-0-BaseOS-x86_64", "1\n2\n", "Red Hat Enterprise Linux", "9.4", "x86_64", "RHEL9"},
	} {
		family, version, arch := identify(tt.label, tt.discinfo)
		if family != tt.family || version != tt.version || arch != tt.arch {
			t.Errorf("%q: %q %q %q", tt.label, family, version, arch)
		}
		ti := Treeinfo{Family: family, Version: version, Arch: arch, Kernel: "k", Initrd: "i", Stage2: "s"}
		if err := ti.check(); (err == nil) != (tt.release != "") {
			t.Errorf("%q: %v", tt.label, err)
		} else if err == nil && ti.Release() != tt.release {
			t.Errorf("%q is %s", tt.label, ti.Release())
		}
	}
}

// FuzzBootISO: any label and .discinfo lead to a sound result or an error.
func FuzzBootISO(f *testing.F) {
	f.Add("RHEL-9-4-0-BaseOS-x86_64", "1712890496.28\n9.4\nx86_64\n")
	f.Add("CentOS 7 x86_64", "")
	f.Fuzz(func(t *testing.T, label, discinfo string) {
		m := Manifest{Tree: Treeinfo{Kernel: "images/pxeboot/vmlinuz", Initrd: "images/pxeboot/initrd.img", Stage2: "images/install.img"}}
		m.Tree.Family, m.Tree.Version, m.Tree.Arch = identify(label, discinfo)
		if m.Tree.check() != nil {
			return
		}
		again, err := ParseTreeinfo(m.text())
		if err != nil || again.Release() != m.Tree.Release() || again.Processor() != m.Tree.Processor() || again.Stage2 != m.Tree.Stage2 {
			t.Errorf("%q %q: %+v, %v", label, discinfo, again, err)
		}
	})
}
