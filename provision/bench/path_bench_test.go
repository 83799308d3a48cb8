//go:build bench

package bench

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/rack"
	"rackhand/provision/rack/rehearse"
)

const (
	envImages = "RACKHAND_IMAGES" // the folder with the root image debian12
	// pathLimit bounds one way from power-on to serving.
	pathLimit = 20 * time.Minute
)

var pathFirmwares = flag.String("firmwares", rack.BIOS+","+rack.UEFI, "whose way from power-on to serving is measured")

// A journey is the time at which a box reached each stage, in seconds from power-on.
type journey map[provision.Stage]float64

// TestPath measures the whole way from power-on to serving. It also measures the same box
// with kernel and initrd put into its memory by QEMU. The difference is the cost of
// firmware, DHCP, boot programs and the appliance's answers.
func TestPath(t *testing.T) {
	busy := otherWork(t)
	firmwares := strings.Split(*pathFirmwares, ",")
	found := map[string][]journey{}
	for round := range *rounds {
		for _, firmware := range firmwares {
			for _, direct := range []bool{round%2 == 0, round%2 != 0} {
				key := pathKey(firmware, direct)
				j := travel(t, firmware, direct)
				progress("path: round %d: %s: serving after %.1f s", round+1, key, j[provision.Serving])
				found[key] = append(found[key], j)
			}
		}
	}
	publish(t, "path", warning(busy)+pathTable(firmwares, found).Markdown())
}

func pathKey(firmware string, direct bool) string {
	if direct {
		return firmware + ", kernel by QEMU"
	}
	return firmware + ", over the network"
}

// travel takes one box from power-on to serving.
func travel(t *testing.T, firmware string, direct bool) journey {
	t.Helper()
	images := os.Getenv(envImages)
	if _, err := os.Stat(filepath.Join(images, "debian12")); err != nil {
		t.Fatalf("%s=%q holds no image debian12: run `make image` and set it to .cache/images", envImages, images)
	}
	ctx, cancel := context.WithTimeout(t.Context(), pathLimit)
	defer cancel()
	r, err := rehearse.Start(ctx, rehearse.Options{
		Program: program(t), Images: images, Logs: t.TempDir(), Log: slog.New(slog.DiscardHandler),
		Accelerator: "tcg", // KVM of a machine that is itself a guest may hang a box
		Boxes:       []rehearse.Box{{Name: "web1", Firmware: firmware}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := r.Client.Install(ctx, "web1", provision.InstallRequest{Power: !direct}); err != nil {
		t.Fatal(err)
	}
	var start time.Time
	if direct {
		next := kernelOf(t, ctx, r, filepath.Join(images, "debian12"))
		box := r.Rack.Box("web1")
		box.BootNext(next)
		start = time.Now()
		if err := box.PowerOn(); err != nil {
			t.Fatal(err)
		}
	}
	out := journey{}
	_, err = r.Client.Watch(ctx, 0, func(e provision.Event) bool {
		if e.Host == "web1" && e.Stage != "" {
			if e.Stage == provision.Powered && !direct {
				start = e.Time
			}
			if !start.IsZero() && e.Time.After(start) {
				if _, ok := out[e.Stage]; !ok {
					out[e.Stage] = e.Time.Sub(start).Seconds()
				}
			}
		}
		return !e.Stage.Ended()
	})
	if _, ok := out[provision.Serving]; !ok {
		t.Fatalf("%s: it doesn't serve (%v): %v", pathKey(firmware, direct), err, out)
	}
	return out
}

// scriptKernel is the line of an iPXE script that names the kernel.
var scriptKernel = regexp.MustCompile(`(?m)^\s*kernel\s+(.*)$`)

// kernelOf fetches a box's script in the box's name, over its own cable to the rack's
// bridge, and converts it for QEMU's direct boot.
func kernelOf(t *testing.T, ctx context.Context, r *rehearse.Rehearsal, image string) rack.DirectBoot {
	t.Helper()
	sh := func(args ...string) string {
		out, err := r.Rack.CommandBeside(ctx, args[0], args[1:]...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	mac, address := rehearse.MAC(0), rehearse.Address(0)
	sh("ip", "link", "add", "stand", "address", mac, "type", "veth", "peer", "name", "standin")
	sh("ip", "link", "set", "standin", "master", "br0", "up")
	sh("ip", "link", "set", "stand", "up")
	// As firmware does: a script is for a box that was heard to boot.
	sh("busybox", "udhcpc", "-i", "stand", "-V", "PXEClient:Arch:00000:UNDI:002001", "-n", "-q", "-f", "-s", "/bin/true")
	sh("ip", "addr", "add", address+"/24", "dev", "stand")
	script := sh("curl", "--silent", "--show-error", "--fail", "--interface", "stand", "http://10.77.0.1/boot/ipxe?mac="+mac)
	sh("ip", "link", "del", "stand")
	m := scriptKernel.FindStringSubmatch(script)
	if m == nil {
		t.Fatalf("no kernel in the script:\n%s", script)
	}
	words := strings.Fields(m[1])
	for len(words) > 0 && !strings.HasPrefix(words[0], "http") {
		words = words[1:] // iPXE's own options, such as --name
	}
	if len(words) < 2 {
		t.Fatalf("no arguments in %q", m[1])
	}
	var args []string
	for _, w := range words[1:] {
		if !strings.HasPrefix(w, "initrd=") {
			args = append(args, w)
		}
	}
	return rack.DirectBoot{
		Kernel: filepath.Join(image, "vmlinuz"), Initrd: filepath.Join(image, "initrd.img"), Cmdline: strings.Join(args, " "),
	}
}

func pathTable(firmwares []string, found map[string][]journey) Table {
	table := Table{Head: []string{"stage, seconds from power-on"}}
	for _, f := range firmwares {
		table.Head = append(table.Head, pathKey(f, false), pathKey(f, true))
	}
	median := func(key string, s provision.Stage) (float64, bool) {
		var all []float64
		for _, j := range found[key] {
			if v, ok := j[s]; ok {
				all = append(all, v)
			}
		}
		if len(all) == 0 {
			return 0, false
		}
		return Median(all), true
	}
	for _, s := range provision.Stages()[2:] {
		row := []string{string(s)}
		for _, f := range firmwares {
			for _, direct := range []bool{false, true} {
				text := "–"
				// A request that was made in the box's name before isn't a stage of the box.
				if v, ok := median(pathKey(f, direct), s); ok && (!direct || s.Rank() >= provision.Installer.Rank()) {
					text = fmt.Sprintf("%.1f", v)
				}
				row = append(row, text)
			}
		}
		table.Rows = append(table.Rows, row)
	}
	share := []string{"**added by the way over the network**"}
	for _, f := range firmwares {
		over, _ := median(pathKey(f, false), provision.Serving)
		by, _ := median(pathKey(f, true), provision.Serving)
		share = append(share, fmt.Sprintf("**%.1f s, %.1f %%**", over-by, 100*(over-by)/over), "")
	}
	table.Rows = append(table.Rows, share)
	table.Legend = []string{fmt.Sprintf(
		"One emulated box (tcg) in the virtual rack with 2 virtual processors, the appliance beside it; in turns, %d rounds, the median. Over the network: the BMC powers the box on, firmware and boot program fetch the kernel as on a real link. By QEMU: its kernel and initrd are in memory when it is switched on, with the same arguments. In both cases Kickstart, image and packages come from the appliance. The difference includes the firmware's own time, which an appliance can't reduce: OVMF's start alone takes seconds under emulation.",
		*rounds)}
	return table
}
