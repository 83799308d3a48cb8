package installer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
	"rackhand/provision/installer/unpack"
)

func (m *machine) doImage(ctx context.Context, s plan.ImageStep) error {
	root, err := os.OpenRoot(m.target)
	if err != nil {
		return err
	}
	defer root.Close()
	m.Event(report.Event{Stage: "packages", Kind: "image", Message: "writing the image"})
	start := m.clk.Now()
	src := unpack.NewStream(ctx, m.client, m.clk, s.URL, m.Warnf, m.Con.Printf)
	defer src.Close()
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.progress(ctx, src)
	}()
	var got unpack.Extracted
	err = unpack.Unpack(ctx, src, s.SHA256, func(r io.Reader) (err error) {
		got, err = unpack.ExtractTar(root, r, true)
		return err
	})
	stop()
	<-done
	if errors.Is(err, unix.ENOSPC) {
		err = fmt.Errorf("%w: the image doesn't fit on the disk as the Kickstart lays it out: make the partition larger (--size, --grow)", err)
	}
	if err != nil {
		return &plan.Failure{Kind: plan.FailImage, Err: errors.New(printable(fmt.Sprintf("image %s: %v", s.URL, err)))}
	}
	if len(got.Lost) > 0 {
		m.Event(report.Event{Stage: "packages", Kind: "attributes-lost", Level: "warn", Message: lostAttributesText(got.Lost)})
	}
	m.Event(report.Event{Stage: "packages", Kind: "verified", Message: fmt.Sprintf(
		"the image is written and verified: %d files from %d MB in %.0f s",
		got.Files, report.Megabytes(src.At.Load()), m.clk.Now().Sub(start).Seconds())})
	return nil
}

// lostAttributesText says which attributes of the image the disk could not take.
func lostAttributesText(lost map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(lost)) {
		parts = append(parts, fmt.Sprintf("%s of %d files", name, lost[name]))
	}
	return printable("attributes in the image could not be kept: " + strings.Join(parts, ", "))
}

// printable replaces characters that could control a terminal: names in a tar are foreign
// text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsGraphic(r) {
			return '?'
		}
		return r
	}, s)
}

const (
	// progressEvery is the least time between two progress events.
	progressEvery = 2 * time.Second
	// stallAfter is how long nothing must arrive before that is worth an event.
	stallAfter = 10 * time.Second
)

// progress reports every two seconds how much has arrived, as long as the appliance keeps up,
// and once when nothing arrives.
func (m *machine) progress(ctx context.Context, s *unpack.Stream) {
	var (
		met  report.Meter
		last = m.clk.Now() // of the last byte that was seen
		told = false       // that nothing comes
		was  = int64(0)
	)
	met.Add(last, 0)
	for m.clk.Sleep(ctx, progressEvery) == nil {
		now, at := m.clk.Now(), s.At.Load()
		met.Add(now, at)
		e := report.Event{Stage: "packages", Kind: "progress", Message: met.Text(s.Size.Load())}
		switch {
		case at > was:
			was, last, told = at, now, false
		case now.Sub(last) < stallAfter || told:
			continue
		default:
			e.Message = fmt.Sprintf("%s, nothing has come for %.0f s", report.Amount(at, s.Size.Load()), now.Sub(last).Seconds())
			told = true
		}
		if !m.Rep.Busy() {
			m.Event(e)
		}
	}
}
