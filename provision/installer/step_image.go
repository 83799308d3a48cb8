package installer

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

func (s imageStep) do(ctx context.Context, m *machine) error {
	root, err := os.OpenRoot(m.target)
	if err != nil {
		return err
	}
	defer root.Close()
	m.event(Event{Stage: "packages", Kind: "image", Message: "writing the image"})
	src := newStream(ctx, m.client, m.clk, s.URL, m.warnf)
	defer src.close()
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.progress(ctx, src)
	}()
	files := 0
	err = unpack(ctx, src, s.SHA256, func(r io.Reader) (err error) {
		files, err = extractTar(root, r, true)
		return err
	})
	stop()
	<-done
	if err != nil {
		return &Failure{FailImage, fmt.Errorf("image %s: %w", s.URL, err)}
	}
	m.event(Event{Stage: "packages", Kind: "verified", Message: fmt.Sprintf(
		"the image is written and verified: %d files from %d MB", files, megabytes(src.at.Load()))})
	return nil
}

// progress tells every two seconds how much has come, as long as the appliance
// keeps up.
func (m *machine) progress(ctx context.Context, s *stream) {
	last := int64(-1)
	for m.clk.Sleep(ctx, 2*time.Second) == nil {
		at, size := s.at.Load(), s.size.Load()
		if m.rep.busy() || megabytes(at) == last {
			continue
		}
		last = megabytes(at)
		msg := fmt.Sprintf("%d MB", last)
		if size > 0 {
			msg = fmt.Sprintf("%d of %d MB", last, megabytes(size))
		}
		m.event(Event{Stage: "packages", Kind: "progress", Message: msg})
	}
}

func megabytes(n int64) int64 { return (n + 500_000) / 1_000_000 }
