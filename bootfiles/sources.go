package bootfiles

import "path/filepath"

// A source is a boot program that a distribution's package brings.
type source struct {
	name   string // as firmware and boot loaders ask for it
	folder string
	file   string // in the folder, where its name may be another
	pkg    string
	// fetch is the processor whose programs `rackhand bootfiles fetch` gets; "" for
	// a package that is installed on this machine.
	fetch string
}

// remedy says how to get a program that isn't there.
func (s source) remedy() string {
	if s.name == GRUBHTTPARM64 {
		return "install the package grub-common and run `rackhand bootfiles fetch " + s.fetch + "`"
	}
	if s.fetch != "" {
		return "run `rackhand bootfiles fetch " + s.fetch + "`"
	}
	return "install the package " + s.pkg
}

// Where Debian's packages put their programs.
const (
	ipxeDir = "/usr/lib/ipxe"
	shimDir = "/usr/lib/shim"
	grubDir = "/usr/lib/grub/x86_64-efi-signed"
)

// packaged lists the programs that rackhand serves without a file of the operator, and where
// Debian's packages put them. shim asks for its loader by a name that it derives
// from its own, and for mmx64.efi when a key is to be enrolled. The GRUB is the
// one for the network: its memdisk's menu asks for grub/x86_64-efi/grub.cfg where it
// came from.
func packaged() []source {
	return []source{
		{name: "undionly.kpxe", folder: ipxeDir, file: "undionly.kpxe", pkg: "ipxe"},
		{name: "ipxe.efi", folder: ipxeDir, file: "ipxe.efi", pkg: "ipxe"},
		{name: "snponly.efi", folder: ipxeDir, file: "snponly.efi", pkg: "ipxe"},
		{name: "shimx64.efi", folder: shimDir, file: "shimx64.efi.signed", pkg: "shim-signed"},
		{name: "mmx64.efi", folder: shimDir, file: "mmx64.efi.signed", pkg: "shim-helpers-amd64-signed"},
		{name: "grubx64.efi", folder: grubDir, file: "grubnetx64.efi.signed", pkg: "grub-efi-amd64-signed"},
	}
}

// A Wanted is a program that fetch gets for another processor, and where it lies in
// its package.
type Wanted struct {
	Name    string // as firmware asks for it
	Package string
	Path    string // in the package, below /
}

// ARM64 lists the programs that `rackhand bootfiles fetch arm64` gets.
func ARM64() []Wanted {
	return []Wanted{
		{"shimaa64.efi", "shim-signed", "usr/lib/shim/shimaa64.efi.signed"},
		{"mmaa64.efi", "shim-helpers-arm64-signed", "usr/lib/shim/mmaa64.efi.signed"},
		{"grubaa64.efi", "grub-efi-arm64-signed", "usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed"},
	}
}

// GRUBHTTPARM64 is a GRUB that `rackhand bootfiles fetch arm64` makes out of Debian's
// modules, for UEFI HTTP Boot: the signed one has no HTTP. It asks for its menu at
// /grub/grub.cfg of the server that it came from.
const GRUBHTTPARM64 = "grubhttpaa64.efi"

// fetched lists the programs of other processors, as they lie below dir.
func fetched(dir string) []source {
	list := []source{{name: GRUBHTTPARM64, folder: filepath.Join(dir, "arm64"), file: GRUBHTTPARM64, pkg: "grub-efi-arm64-bin", fetch: "arm64"}}
	for _, w := range ARM64() {
		list = append(list, source{name: w.Name, folder: filepath.Join(dir, "arm64"), file: w.Name, pkg: w.Package, fetch: "arm64"})
	}
	return list
}
