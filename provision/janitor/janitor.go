// Package janitor removes network namespaces and a folder when the program that made
// them closes the janitor or ends in any way, including kill -9.
package janitor

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

//go:embed janitor.sh
var script string

// A Janitor is a small shell script that cleans up when this process closes the pipe or
// dies. It is a program of its own, so a program that uses a rack needs no hook in main.
type Janitor struct {
	cmd  *exec.Cmd
	pipe *os.File // our end; the only copy, so that our death closes it
}

// patience bounds Sweep: a killed process may take a while to go.
const patience = 30 * time.Second

// Start starts one before anything exists that it has to clear away: the namespaces of
// these names with all that runs in them, and a rack's folder unless it is empty.
func Start(dir string, namespaces ...string) (*Janitor, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("pipe to the janitor: %w", err)
	}
	cmd := exec.Command("/bin/sh", append([]string{"-c", script, "rackhand-janitor", dir}, namespaces...)...)
	cmd.Stdin = r
	cmd.Dir = "/"
	// A session of its own: Ctrl-C in a terminal goes to the whole process group,
	// and the janitor must outlive that.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = r.Close()
	if err != nil {
		_ = w.Close()
		return nil, fmt.Errorf("start the janitor: %w", err)
	}
	return &Janitor{cmd: cmd, pipe: w}, nil
}

// Sweep makes the janitor clean up and waits until it has.
func (j *Janitor) Sweep() error {
	_ = j.pipe.Close()
	done := make(chan error, 1)
	go func() { done <- j.cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("the janitor couldn't clear everything away (see `ip netns list`): %w", err)
		}
		return nil
	case <-time.After(patience):
		return errors.New("the janitor is still removing namespaces; `ip netns list` shows the rest")
	}
}
