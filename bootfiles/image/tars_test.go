package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// A tarred is one entry of a tar that a test makes.
type tarred struct {
	name, text, link string
	kind             byte // regular without
	mode             int64
	records          map[string]string
}

func makeTar(t testing.TB, list []tarred) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range list {
		h := &tar.Header{
			Typeflag: e.kind, Name: e.name, Linkname: e.link, Mode: e.mode, Size: int64(len(e.text)),
			ModTime: time.Unix(1700000000, 5), Uname: "me", Uid: 7, PAXRecords: e.records, Format: tar.FormatPAX,
		}
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// packed packs data by a program's name.
func packed(t testing.TB, kind string, data []byte) []byte {
	t.Helper()
	var (
		b   bytes.Buffer
		w   io.WriteCloser
		err error
	)
	switch kind {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zstd":
		w, err = zstd.NewWriter(&b)
	case "xz":
		w, err = xz.NewWriter(&b)
	case "lz4":
		w = lz4.NewWriter(&b)
	default:
		return data
	}
	if err == nil {
		_, err = w.Write(data)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const testKernel = "6.6.6-1-test"

// wholeRoot is a root that would boot: a kernel with packed modules, an initrd, GRUB.
func wholeRoot(t testing.TB) []tarred {
	t.Helper()
	list := []tarred{
		{name: "./", kind: tar.TypeDir, mode: 0o755},
		{name: "./bin", kind: tar.TypeSymlink, link: "usr/bin"},
		{name: "./lib", kind: tar.TypeSymlink, link: "usr/lib"},
		{name: "./sbin", kind: tar.TypeSymlink, link: "usr/sbin"},
		{name: "./usr/bin/sh", text: "#!shell", mode: 0o755},
		{name: "./usr/bin/ping", text: "ping", mode: 0o755, records: map[string]string{
			xattrPrefix + "security.capability": "\x01\x00", xattrPrefix + "security.selinux": "label", "SCHILY.dev": "1",
		}},
		{name: "./usr/bin/ping6", kind: tar.TypeLink, link: "./usr/bin/ping"},
		{name: "./aaa", kind: tar.TypeLink, link: "usr/bin/ping"}, // before its target, once sorted
		{name: "./etc/os-release", text: "ID=\"made-up\"\nVERSION_ID='7'\n"},
		{name: "./etc/machine-id", text: "0123456789abcdef0123456789abcdef\n"},
		{name: "./etc/ssh/ssh_host_rsa_key", text: "secret", mode: 0o600},
		{name: "./etc/ssh/sshd_config", text: "kept"},
		{name: "./etc/rackhand/enrol-token", text: "secret", mode: 0o600},
		{name: "./var/lib/rackhand-agent/key.pem", text: "secret", mode: 0o600},
		{name: "./var/lib/rackhand-agent/cert.pem", text: "CN=web1", mode: 0o600},
		{name: "./usr/sbin/sshd", text: "sshd", mode: 0o755},
		{name: "./usr/lib/systemd/systemd", text: "systemd", mode: 0o755},
		{name: "./dev/null", kind: tar.TypeChar, mode: 0o666},
		{name: "./boot/vmlinuz-" + testKernel, text: "the kernel"},
		{name: "./boot/initrd.img-" + testKernel, text: "its initrd"},
		{name: "./usr/sbin/grub-install", text: "grub", mode: 0o755},
		{name: "./usr/lib/grub/i386-pc/normal.mod", text: "mod"},
		{name: "./usr/lib/firmware/intel/here.bin", text: "firmware"},
		{name: "./var/lib/dpkg/status", text: "Package: base-files\nStatus: install ok installed\nArchitecture: amd64\nVersion: 7+1\n"},
	}
	dir := "./usr/lib/modules/" + testKernel + "/"
	var index strings.Builder
	for line := range strings.Lines(dep) {
		name, _, _ := strings.Cut(line, ":")
		ending, kind := ".xz", "xz"
		if strings.Contains(name, "ext4") {
			ending, kind = ".zst", "zstd"
		}
		content := []byte("module " + name)
		if strings.Contains(name, "e1000e") {
			content = elfModule(t, "firmware=intel/here.bin\x00firmware=intel/missing.bin\x00")
		}
		list = append(list, tarred{name: dir + name + ending, text: string(packed(t, kind, content))})
		index.WriteString(strings.ReplaceAll(strings.ReplaceAll(line, "ext4.ko", "ext4.ko.zst"), ".ko:", ".ko.xz:"))
	}
	text := strings.NewReplacer("ptp.ko\n", "ptp.ko.xz\n", "pps_core.ko\n", "pps_core.ko.xz\n", "jbd2.ko\n", "jbd2.ko.xz\n").Replace(index.String())
	return append(list, tarred{name: dir + "modules.dep", text: text}, tarred{name: dir + "modules.alias", text: "alias pci:v8086 e1000e\n"})
}

func without(list []tarred, part string) []tarred {
	return slices.DeleteFunc(slices.Clone(list), func(e tarred) bool { return strings.Contains(e.name, part) })
}

// fakeTools puts tools there that are scripts, so that none are fetched.
func fakeTools(t *testing.T, dir string) {
	t.Helper()
	if err := os.Rename(fakeRoot(t), toolsPlace(dir)); err != nil {
		t.Fatal(err)
	}
	write(t, toolsPlace(dir), map[string]string{appletsFile: "sh\nwget\n"})
}
