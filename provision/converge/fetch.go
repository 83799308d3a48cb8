package converge

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"rackhand/provision/catalog"
)

// stalled is how long a download may make no progress.
const stalled = 30 * time.Second

// content streams a content to a file, from its start.
func (c *client) content(ctx context.Context, to *os.File, file *catalog.File) error {
	return c.fetch(ctx, catalog.ContentPath+file.SHA256, func(r io.Reader) error {
		if err := rewind(to); err != nil {
			return &local{err}
		}
		v := &verifying{to: &localWriter{to}, hash: sha256.New()}
		// No ReadFrom: each piece is hashed before the next one is read.
		if _, err := io.Copy(v, io.LimitReader(r, file.Size+1)); err != nil {
			return err
		}
		return v.verify(file)
	})
}

// local is an error of this host, which another request can't solve.
type local struct{ error }

func (l *local) Unwrap() error { return l.error }

type localWriter struct{ to io.Writer }

func (w *localWriter) Write(b []byte) (int, error) {
	n, err := w.to.Write(b)
	if err != nil {
		err = &local{err}
	}
	return n, err
}

// fetch asks for a file that may be large, and passes its body to read. It retries when the
// connection breaks.
func (c *client) fetch(ctx context.Context, path string, read func(io.Reader) error) error {
	var here *local
	err := c.timely(ctx, func() error {
		err := c.fetchOnce(ctx, path, read)
		if errors.As(err, &here) {
			return nil
		}
		return err
	})
	if here != nil {
		return here
	}
	return err
}

func (c *client) fetchOnce(ctx context.Context, path string, read func(io.Reader) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(stalled, func() { cancel(fmt.Errorf("no data came for %s", stalled)) })
	defer timer.Stop()
	u := *c.base
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/")+path, "" // as it is, with any character
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	resp, err := c.mutual.Do(req)
	if err != nil {
		return fmt.Errorf("asking the appliance: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return newRefusal(resp, path)
	}
	if err := read(&going{resp.Body, timer}); err != nil {
		return fmt.Errorf("the appliance's answer to %s: %w", path, errors.Join(err, context.Cause(ctx)))
	}
	return nil
}

// going restarts the timer of stalled with each read.
type going struct {
	io.Reader
	timer *time.Timer
}

func (g *going) Read(b []byte) (int, error) {
	g.timer.Reset(stalled)
	return g.Reader.Read(b)
}
