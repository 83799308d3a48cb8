package rehearse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rackhand/provision"
	"rackhand/provision/web/show"
)

// DemoOptions are those of `rackhand demo`.
type DemoOptions struct {
	Program  string
	Boxes    int
	Firmware string
	// Accelerator is kvm or tcg; "" for kvm if a first guest boots with it.
	Accelerator string
	Keep        bool
	Images      string
	Logs        string
	Page        string
	Out         io.Writer
}

// maxBoxes is the number of boxes that a /24 holds beside BMCs and the inventory's addresses.
const maxBoxes = 64

// Demo rehearses the whole path and reports it on Out. It returns nil when every box
// serves. Otherwise the error names the stage, the reason, and the folder of the logs.
func Demo(ctx context.Context, o DemoOptions) (err error) {
	if os.Geteuid() != 0 {
		return errors.New("the demo makes network namespaces: run it as root, or with sudo")
	}
	if o.Boxes < 1 || o.Boxes > maxBoxes {
		return fmt.Errorf("%d boxes: 1 to %d are wanted", o.Boxes, maxBoxes)
	}
	if err := freshLogs(o.Logs); err != nil {
		return err
	}
	defer func() { // the last of all: a demo that went well leaves no logs either
		if err == nil {
			if err = freshLogs(o.Logs); err == nil {
				_ = os.Remove(o.Logs) // unless somebody else keeps something there
			}
		}
	}()
	log, closeLog, err := demoLog(o.Logs)
	if err != nil {
		return err
	}
	defer closeLog()
	var boxes []Box
	for i := range o.Boxes {
		boxes = append(boxes, Box{Name: fmt.Sprintf("web%d", i+1), Firmware: o.Firmware})
	}
	fmt.Fprintf(o.Out, "Putting up a virtual rack: %d bare %s box(es), simulated BMCs, an appliance.\n", o.Boxes, strings.ToUpper(o.Firmware))
	r, err := Start(ctx, Options{Program: o.Program, Images: o.Images, Boxes: boxes, Accelerator: o.Accelerator, Logs: o.Logs, Page: o.Page, Log: log})
	if err != nil {
		return fmt.Errorf("%w\nThe logs: %s", err, o.Logs)
	}
	defer func() {
		fmt.Fprintln(o.Out, "Taking the rack down.")
		if cerr := r.Close(); cerr != nil {
			err = errors.Join(err, fmt.Errorf("taking the rack down: %w", cerr))
		}
	}()
	fmt.Fprintf(o.Out, "Guests run with %s. The status page: %s\nCommands: %s status --socket %s\n\n", r.Rack.Accelerator(), r.PageURL, o.Program, r.Socket())
	if err := r.demo(ctx, o); err != nil {
		return fmt.Errorf("%w\nThe logs: %s", err, o.Logs)
	}
	return nil
}

func (r *Rehearsal) demo(ctx context.Context, o DemoOptions) error {
	st, err := r.Client.Status(ctx)
	if err != nil {
		return err
	}
	waiting := make(map[string]bool)
	for _, b := range r.o.Boxes {
		if _, err := r.Client.Install(ctx, b.Name, provision.InstallRequest{Power: true}); err != nil {
			return err
		}
		waiting[b.Name] = true
	}
	// The demo waits for twice the budget, so it reports late installs instead of stopping them.
	limit, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	after := st.Seq
	for len(waiting) > 0 {
		var werr error
		after, werr = r.Client.Watch(limit, after, func(e provision.Event) bool {
			_ = show.Event(o.Out, e)
			if e.Stage.Ended() {
				delete(waiting, e.Host)
			}
			return len(waiting) > 0
		})
		if err := r.over(ctx, limit, werr, waiting); err != nil {
			return err
		}
	}
	return r.tell(ctx, o)
}

// over says why watching ended too early, if it did.
func (r *Rehearsal) over(ctx, limit context.Context, werr error, waiting map[string]bool) error {
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case len(waiting) == 0:
		return nil
	}
	select {
	case <-r.ApplianceEnded():
		return errors.New("the appliance ended in the middle of it")
	default:
	}
	if limit.Err() != nil {
		return fmt.Errorf("%w\n%s", r.stuck(waiting), r.consoles(waiting))
	}
	return werr
}

// stuck names the stage that each box hangs in.
func (r *Rehearsal) stuck(waiting map[string]bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	st, err := r.Client.Status(ctx)
	if err != nil {
		return err
	}
	var where []string
	for _, h := range st.Hosts {
		if waiting[h.Host] && h.Install != nil {
			where = append(where, fmt.Sprintf("%s at %s", h.Host, h.Install.Stage))
		}
	}
	return errors.New("not serving after 30 minutes: " + strings.Join(where, ", "))
}

// consoles are the last lines that each box wrote to its serial port.
func (r *Rehearsal) consoles(waiting map[string]bool) string {
	var out strings.Builder
	for _, b := range r.o.Boxes {
		if !waiting[b.Name] {
			continue
		}
		text, err := os.ReadFile(r.Rack.Box(b.Name).SerialLog())
		if err != nil {
			continue
		}
		lines := strings.Split(strings.TrimSpace(strings.ToValidUTF8(string(text[max(0, len(text)-8000):]), "?")), "\n")
		fmt.Fprintf(&out, "The end of %s's serial console:\n", b.Name)
		for _, line := range lines[max(0, len(lines)-40):] {
			fmt.Fprintf(&out, "  %q\n", strings.TrimRight(line, "\r"))
		}
	}
	return out.String()
}

// tell prints the tables, asks each box from outside, and keeps the rack if asked.
func (r *Rehearsal) tell(ctx context.Context, o DemoOptions) error {
	st, err := r.Client.Status(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, h := range st.Hosts {
		if h.Install == nil {
			continue
		}
		fmt.Fprintln(o.Out)
		if err := show.Stages(o.Out, *h.Install); err != nil {
			return err
		}
		if h.Install.Stage != provision.Serving {
			failed = append(failed, fmt.Errorf("%s: %s: %s", h.Host, h.Install.Stage, h.Install.Reason))
			continue
		}
		status, err := r.Ask(ctx, h.Address)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s serves, says the appliance, but asked from outside: %w", h.Host, err))
			continue
		}
		fmt.Fprintf(o.Out, "http://%s/ answers, asked from outside: %s\n", h.Address, status)
	}
	if o.Keep && ctx.Err() == nil {
		fmt.Fprintf(o.Out, "\nIt stays until Ctrl-C. The status page: %s\nThe inventory, to edit: %s\n", r.PageURL, r.Inventory)
		<-ctx.Done()
	}
	return errors.Join(failed...)
}

// Ask gets a box's front page over HTTP from the appliance's network.
func (r *Rehearsal) Ask(ctx context.Context, address string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c := http.Client{Transport: &http.Transport{DialContext: r.Rack.DialContext, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return "", err
	}
	res, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)); err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", errors.New(res.Status)
	}
	return res.Status, nil
}

// freshLogs empties the folder of logs of an earlier run. It removes only what a
// run leaves there.
func freshLogs(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("the folder of logs: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		return err
	}
	for _, f := range old {
		if err := os.Remove(f); err != nil {
			return fmt.Errorf("the folder of logs: %w", err)
		}
	}
	return nil
}

func demoLog(dir string) (*slog.Logger, func(), error) {
	f, err := os.Create(filepath.Join(dir, "demo.log"))
	if err != nil {
		return nil, nil, err
	}
	return slog.New(slog.NewTextHandler(f, nil)), func() { _ = f.Close() }, nil
}
