package rack

// BootDirect is a start past the firmware's own boot order.
const BootDirect = "direct"

// A DirectBoot is a kernel that QEMU itself puts into a box's memory. No real box can boot
// this way. It serves to measure the cost of the boot over the network.
type DirectBoot struct {
	Kernel, Initrd string // paths
	Cmdline        string
}

func (d DirectBoot) args() []string {
	return []string{"-kernel", d.Kernel, "-initrd", d.Initrd, "-append", d.Cmdline}
}

// BootNext makes the box's next start a direct one; those after it are as usual.
func (b *Box) BootNext(d DirectBoot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.direct = &d
}
