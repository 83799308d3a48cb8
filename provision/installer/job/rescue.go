package job

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"rackhand/provision/installer/disk"
	"rackhand/provision/installer/hardware"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

const (
	// rescueIdle is how long a rescue waits for a login, and how long a silent connection is
	// kept.
	rescueIdle = 4 * time.Hour
	// rescueBeat is how often it sends an event: an installer that is silent for two hours is
	// given up.
	rescueBeat = 30 * time.Minute
	rescuePort = "22"
	rescueBin  = "/run/rescue"
)

// rescue lets the operator log in until they reboot the box.
func (m *Runner) rescue(ctx context.Context, o order, disks []plan.Disk, card *hardware.Lease) (outcome, error) {
	locked := readOnly(disks)
	if err := rescueCommands(rescueBin, os.Getpid()); err != nil {
		return outcome{}, fmt.Errorf("make the commands of the rescue shell: %w", err)
	}
	// For terminals (devpts, pty(7)). An install needs none.
	if err := os.MkdirAll("/dev/pts", 0o755); err != nil {
		return outcome{}, err
	}
	if err := unix.Mount("devpts", "/dev/pts", "devpts", 0, "mode=0600"); err != nil && err != unix.EBUSY {
		return outcome{}, fmt.Errorf("mount /dev/pts: %w", err)
	}
	signer, err := newHostKey()
	if err != nil {
		return outcome{}, err
	}
	r, err := newSSHServer(o.Keys, signer, m.Clk.Now, shellSession(rescueMotd(o, disks, locked)))
	if err != nil {
		return outcome{}, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(card.Address.IP.String(), rescuePort))
	if err != nil {
		return outcome{}, fmt.Errorf("open port 22: %w", err)
	}
	defer r.server.Close()
	failed := make(chan error, 1)
	go func() { failed <- r.server.Serve(l) }()
	said := make(chan os.Signal, 1)
	signal.Notify(said, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(said)

	print := gossh.FingerprintSHA256(signer.PublicKey())
	m.Event(report.Event{
		Kind:    "rescue-ready",
		Message: fmt.Sprintf("ssh root@%s waits for the operator's key; the host key is %s", card.Address.IP, print),
		Fields: map[string]string{
			"address": card.Address.IP.String(), "port": rescuePort, "fingerprint": print,
			"host_key": strings.TrimSpace(string(gossh.MarshalAuthorizedKey(signer.PublicKey()))),
		},
	})
	return m.untilRescued(ctx, r, said, failed)
}

func (m *Runner) untilRescued(ctx context.Context, r *sshServer, said <-chan os.Signal, failed <-chan error) (outcome, error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	beat := m.Clk.Now()
	for {
		select {
		case <-ctx.Done():
			return outcome{}, context.Cause(ctx)
		case err := <-failed:
			return outcome{}, fmt.Errorf("the ssh server ended: %w", err)
		case s := <-said:
			end := "reboot"
			if s == syscall.SIGUSR2 {
				end = "poweroff"
			}
			return outcome{"the operator has ended the rescue: " + end, end}, nil
		case <-tick.C:
		}
		now := m.Clk.Now()
		idle := r.idle(now)
		if idle > rescueIdle {
			return outcome{fmt.Sprintf("no one was logged in for %v: the rescue has ended", rescueIdle), "reboot"}, nil
		}
		if now.Sub(beat) >= rescueBeat {
			beat = now
			text := "somebody is logged in"
			if idle > 0 {
				text = fmt.Sprintf("no one has been logged in for %v; the rescue ends after %v", idle.Round(time.Minute), rescueIdle)
			}
			m.Event(report.Event{Kind: "progress", Message: text})
		}
	}
}

// rescueCommands writes the commands of a rescue shell that busybox doesn't have. pid is the
// installer's process, which reports the end to the appliance; the kernel's own reboot would
// not. busybox's reboot comes to the installer by way of process 1.
func rescueCommands(dir string, pid int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	leave := func(how, signal string) string {
		return fmt.Sprintf("#!/bin/sh\necho 'the rescue ends: %s'\nkill -%s %d\n", how, signal, pid)
	}
	for name, text := range map[string]string{
		"reboot": leave("reboot", "USR1"), "poweroff": leave("poweroff", "USR2"), "halt": leave("poweroff", "USR2"),
		"writable": `#!/bin/sh
# writable DISK: lets a disk and its partitions be written to
[ -b "/dev/$1" ] || { echo "usage: writable DISK, such as: writable sda" >&2; exit 2; }
for d in "/dev/$1" $(ls "/sys/block/$1" | sed -n "s|^\($1.*\)|/dev/\1|p"); do
  blockdev --setrw "$d" || exit 1
done
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// readOnly makes the kernel refuse writes to the disks and their partitions. left are those
// for which that failed.
func readOnly(disks []plan.Disk) (left []string) {
	for _, d := range disks {
		for _, n := range append([]string{d.Name}, slices.Sorted(maps.Keys(disk.KernelPartitions(d.Name)))...) {
			if err := setReadOnly("/dev/" + n); err != nil {
				left = append(left, n)
			}
		}
	}
	return left
}

func setReadOnly(path string) error { return disk.SetWriteFlag(path, 1) }

// rescueMotd is the text for people who log in.
func rescueMotd(o order, disks []plan.Disk, writable []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "This is the rescue shell of %s (%s), in memory: busybox, and no system of its own.\n", o.Host, o.ID)
	if len(disks) == 0 {
		b.WriteString("No disk was found.\n")
	}
	for _, d := range disks {
		fmt.Fprintf(&b, "  %s\n", d)
		parts := disk.KernelPartitions(d.Name)
		for _, name := range slices.Sorted(maps.Keys(parts)) {
			fmt.Fprintf(&b, "    %-12s %s\n", name, plan.Gigabytes(parts[name]))
		}
	}
	if len(disks) > 0 {
		b.WriteString("The disks are set read-only, and nothing of them is mounted. To look: mount -o ro,noload /dev/PARTITION /mnt\n" +
			"(noload: ext4 without its journal; xfs: ro,norecovery). To repair: writable DISK, then mount. blkid tells what they carry.\n")
	}
	if len(writable) > 0 {
		fmt.Fprintf(&b, "These could NOT be set read-only: %s.\n", strings.Join(writable, ", "))
	}
	fmt.Fprintf(&b, "`reboot` ends the rescue, and the box boots its disk; `exit` ends only the shell. After %v without a login the rescue ends.\n", rescueIdle)
	return b.String()
}
