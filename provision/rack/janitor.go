package rack

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

//go:embed janitor.sh
var janitorScript string

// A janitor is a small shell that clears the rack away when this process closes
// the pipe or dies. It is a program of its own rather than this one started
// again, so that whoever uses a rack needs no hook in main.
type janitor struct {
	cmd  *exec.Cmd
	pipe *os.File // our end; the only copy, so that our death closes it
}

// janitorPatience bounds Close: a killed process may take a while to go.
const janitorPatience = 30 * time.Second

// startJanitor starts it before anything exists that it has to clear away.
func startJanitor(dir string, namespaces ...string) (*janitor, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("rack: pipe to the janitor: %w", err)
	}
	cmd := exec.Command("/bin/sh", append([]string{"-c", janitorScript, "rackhand-janitor", dir}, namespaces...)...)
	cmd.Stdin = r
	cmd.Dir = "/"
	// A session of its own: Ctrl-C in a terminal goes to the whole process group,
	// and the janitor must outlive that.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = r.Close()
	if err != nil {
		_ = w.Close()
		return nil, fmt.Errorf("rack: start the janitor: %w", err)
	}
	return &janitor{cmd: cmd, pipe: w}, nil
}

// sweep tells the janitor to clear away and waits until it has.
func (j *janitor) sweep() error {
	_ = j.pipe.Close()
	done := make(chan error, 1)
	go func() { done <- j.cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("rack: the janitor couldn't clear everything away (see `ip netns list`): %w", err)
		}
		return nil
	case <-time.After(janitorPatience):
		return errors.New("rack: the janitor is still clearing away; see `ip netns list` for what is left")
	}
}

// dirFor names the rack's own folder. The name is what lets the janitor remove
// it, so it is chosen here and nowhere else.
func dirFor(parent, id string) (string, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	abs, err := filepath.Abs(parent)
	if err != nil {
		return "", fmt.Errorf("rack: folder %s: %w", parent, err)
	}
	return filepath.Join(abs, "rackhand-rack-"+id), nil
}
