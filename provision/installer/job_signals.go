package installer

import (
	"os"
	"os/signal"
	"syscall"
)

// busybox's reboot, halt and poweroff tell process 1 what is wanted by a signal (its
// init/halt.c), and its shell runs them instead of what stands in PATH. Process 1
// without a handler would end of it, and the kernel panic.
//
// hearOrders hands them on to the installer, whose process the returned function names.
func hearOrders() (child func(pid int)) {
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

// orderOf is what the installer is told: SIGUSR1 to reboot, SIGUSR2 to power off.
func orderOf(s os.Signal) syscall.Signal {
	if s == syscall.SIGTERM {
		return syscall.SIGUSR1
	}
	return syscall.SIGUSR2
}

// passOver has this process take those orders without doing anything, until somebody
// listens: a script that says reboot must not end an install in its middle. What it
// starts is not concerned (signal.Ignore would be inherited).
func passOver() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1, syscall.SIGUSR2)
}
