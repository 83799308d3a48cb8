package installer

import (
	"os"
	"os/signal"
	"syscall"
)

// busybox's reboot, halt and poweroff send a signal to process 1 (its init/halt.c), and its
// shell runs them even if PATH has other programs of that name. A process 1 without a handler
// would end, and the kernel would panic.
//
// forwardSignals forwards these signals to the installer. The caller sets the installer's
// process with the returned function.
func forwardSignals() (child func(pid int)) {
	said := make(chan os.Signal, 4)
	signal.Notify(said, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2)
	named := make(chan int, 1)
	go func() {
		pid := <-named
		for s := range said {
			_ = syscall.Kill(pid, orderOf(s))
		}
	}()
	return func(pid int) { named <- pid }
}

// orderOf is the signal that the installer gets: SIGUSR1 to reboot, SIGUSR2 to power off.
func orderOf(s os.Signal) syscall.Signal {
	if s == syscall.SIGTERM {
		return syscall.SIGUSR1
	}
	return syscall.SIGUSR2
}

// ignoreSignals makes this process ignore these signals until it asks for them: a script that
// says reboot must not end an install. Its children don't inherit that, as they would with
// signal.Ignore.
func ignoreSignals() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1, syscall.SIGUSR2)
}
