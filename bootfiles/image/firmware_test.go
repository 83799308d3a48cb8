package image

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// elfModule is the least of a kernel module: an ELF file with a .modinfo section.
func elfModule(t testing.TB, info string) []byte {
	t.Helper()
	const names = "\x00.modinfo\x00.shstrtab\x00"
	var b bytes.Buffer
	put := func(v any) {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	at := uint64(binary.Size(elf.Header64{}))
	h := elf.Header64{
		Type: uint16(elf.ET_REL), Machine: uint16(elf.EM_X86_64), Version: 1, Ehsize: uint16(at), Shentsize: 64,
		Shnum: 3, Shstrndx: 2, Shoff: at + uint64(len(info)+len(names)),
	}
	copy(h.Ident[:], elf.ELFMAG+"\x02\x01\x01")
	put(h)
	b.WriteString(info + names)
	put(elf.Section64{})
	put(elf.Section64{Name: 1, Type: uint32(elf.SHT_PROGBITS), Off: at, Size: uint64(len(info))})
	put(elf.Section64{Name: 10, Type: uint32(elf.SHT_STRTAB), Off: at + uint64(len(info)), Size: uint64(len(names))})
	return b.Bytes()
}

func TestModuleFirmware(t *testing.T) {
	got, err := moduleFirmware(elfModule(t, "license=GPL\x00firmware=b/two.fw\x00firmware=one.fw\x00firmware=b/two.fw\x00"+
		"firmware=../../etc/shadow\x00firmware=/etc/shadow\x00firmware=\x00xfirmware=no\x00firmware=."))
	if d := cmp.Diff([]string{"b/two.fw", "one.fw"}, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	if got, err := moduleFirmware([]byte("no module")); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := moduleFirmware(elfModule(t, "firmware=a\x00")[:80]); err == nil {
		t.Error("half a module was read")
	}
}

// Firmware for drivers is taken from the root as it is: a link with its file, a packed file
// packed. The manifest names missing files.
func TestTakeFirmware(t *testing.T) {
	root, folder := fakeRoot(t), t.TempDir()
	const kernel = "6.1.0-1-amd64"
	for name, info := range map[string]string{
		"kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko": "firmware=intel/link.pkg\x00firmware=packed.fw\x00firmware=gone.fw\x00",
		"kernel/fs/jbd2/jbd2.ko":                             "firmware=folder\x00",
		"kernel/sound/snd.ko":                                "firmware=sound.fw\x00", // isn't picked
	} {
		write(t, root, map[string]string{"usr/lib/modules/" + kernel + "/" + name: string(elfModule(t, info))})
	}
	write(t, root, map[string]string{
		"usr/lib/firmware/intel/link-1.2.pkg": "the package", "usr/lib/firmware/packed.fw.xz": "packed", "usr/lib/firmware/sound.fw": "sound",
		"usr/lib/firmware/folder/x": "x",
	})
	if err := os.Symlink("link-1.2.pkg", filepath.Join(root, "usr/lib/firmware/intel/link.pkg")); err != nil {
		t.Fatal(err)
	}
	if err := writeBase(folder, root, root, root, kernel, nil); err != nil {
		t.Fatal(err)
	}
	base, err := os.ReadFile(filepath.Join(folder, BaseFile))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, text := range unpack(t, base) {
		if rest, ok := strings.CutPrefix(name, "usr/lib/firmware/"); ok && text != "" {
			got[rest] = text
		}
	}
	want := map[string]string{"intel/link.pkg": "link-1.2.pkg", "intel/link-1.2.pkg": "the package", "packed.fw.xz": "packed"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("taken (-want +got):\n%s", d)
	}
	missing, err := missingFirmware(root, root, kernel)
	if d := cmp.Diff(map[string][]string{"e1000e": {"gone.fw"}, "jbd2": {"folder"}}, missing); d != "" || err != nil {
		t.Errorf("missing: %v (-want +got):\n%s", err, d)
	}
}

func FuzzModuleFirmware(f *testing.F) {
	f.Add(elfModule(f, "firmware=a/b.fw\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := moduleFirmware(data)
		for _, name := range list {
			if err != nil || strings.HasPrefix(name, "/") || strings.Contains(name, "..") && strings.Contains("/"+name+"/", "/../") {
				t.Errorf("%q, %v", name, err)
			}
		}
	})
}

func TestModuleWanted(t *testing.T) {
	for file, want := range map[string]bool{
		"kernel/drivers/net/ethernet/broadcom/bnx2x/bnx2x.ko":         true,
		"kernel/drivers/net/ethernet/mellanox/mlx5/core/mlx5_core.ko": true,
		"kernel/drivers/net/ethernet/mellanox/mlxsw/mlxsw_core.ko":    false,
		"kernel/drivers/net/ethernet/8390/pcnet_cs.ko":                false,
		"kernel/drivers/nvme/host/nvme.ko":                            true,
		"kernel/drivers/nvme/host/nvme-rdma.ko":                       false,
		"kernel/drivers/ata/ahci.ko":                                  true,
		"kernel/drivers/ata/pata_via.ko":                              false,
		"kernel/drivers/scsi/megaraid/megaraid_sas.ko":                true,
		"kernel/drivers/scsi/mpt3sas/mpt3sas.ko":                      true,
		"kernel/drivers/scsi/smartpqi/smartpqi.ko":                    true,
		"kernel/drivers/scsi/hpsa.ko":                                 true,
		"kernel/drivers/scsi/lpfc/lpfc.ko":                            false,
		"kernel/drivers/message/fusion/mptsas.ko":                     true,
		"kernel/drivers/pci/controller/vmd.ko":                        true,
		"kernel/drivers/block/virtio_blk.ko":                          true,
		"kernel/drivers/char/ipmi/ipmi_si.ko":                         true,
		"kernel/drivers/hid/usbhid/usbhid.ko":                         true,
		"kernel/drivers/infiniband/core/ib_core.ko":                   false,
		"kernel/sound/snd.ko":                                         false,
		"updates/dkms/vendor.ko":                                      true,
	} {
		if got := moduleWanted(file); got != want {
			t.Errorf("%s: %v, want %v", file, got, want)
		}
	}
	if _, err := modulesDep("updates/dkms/x.ko:\nextra/y.ko: kernel/z.ko\n"); err != nil {
		t.Error(err)
	}
}
