package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	maxFlights = 256 // fetches at a time
	maxResumes = 5   // how often a broken fetch is taken up again
	chunk      = 256 << 10
)

// fetch joins the flight of a path, or starts it; nil when too many are under way.
// The caller leaves the flight.
func (c *Cache) fetch(upstream, path string) *flight {
	key := upstream + path
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[key]; f != nil {
		f.join()
		return f
	}
	if len(c.flights) >= maxFlights || c.ctx.Err() != nil {
		return nil
	}
	f := newFlight()
	f.join()
	c.flights[key] = f
	c.running.Add(1)
	go func() {
		defer c.running.Done()
		defer f.leave()
		c.fly(f, upstream, path)
		c.mu.Lock()
		delete(c.flights, key)
		c.mu.Unlock()
	}()
	return f
}

// fly asks the upstream and takes in what it sends.
func (c *Cache) fly(f *flight, upstream, path string) {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	var have meta
	if k := c.open(upstream, path); k != nil {
		have = k.meta
		k.Close()
	}
	started := c.o.Clock()
	resp, err := c.ask(ctx, upstream, path, conditions(have))
	if err != nil {
		f.settle(unreachable, err)
		return
	}
	defer resp.Body.Close()
	switch s := resp.StatusCode; {
	case s == http.StatusNotModified && have.Path != "":
		c.checked(upstream, path, started)
		f.settle(unchanged, nil)
		return
	case s == http.StatusNotFound || s == http.StatusGone:
		c.drop(upstream, path)
		f.settle(absent, nil)
		return
	case s == http.StatusOK:
	case s >= 500 || s == http.StatusTooManyRequests || s == http.StatusRequestTimeout:
		f.settle(unreachable, fmt.Errorf("it answers %s", http.StatusText(s)))
		return
	default:
		f.settle(refused, fmt.Errorf("it answers %d", s))
		return
	}
	if resp.ContentLength > c.o.MaxBytes {
		f.settle(full, fmt.Errorf("the file has %d bytes, more than the whole cache may", resp.ContentLength))
		return
	}
	file, err := os.CreateTemp(c.partial(), "*")
	if err != nil {
		c.events.record(upstream, kindDisk, "the cache can't be written: "+err.Error())
		f.settle(full, err)
		return
	}
	f.file = file
	f.meta = metaOf(upstream, path, resp, started)
	f.settle(coming, nil)
	err = c.take(ctx, f, resp)
	if err == nil {
		m := f.meta
		m.Size = f.size
		err = c.keep(file, m)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // New removes what stays.
		if c.ctx.Err() == nil {
			c.events.record(upstream, kindBroken, "mirror "+upstream+": a file broke off under way: "+reason(err))
		}
	} else {
		c.checked(upstream, path, started)
		c.stored(f.size)
	}
	f.finish(err)
}

// conditions asks for a file only if it isn't the one that is kept.
func conditions(have meta) http.Header {
	h := http.Header{}
	if have.ETag != "" {
		h.Set("If-None-Match", have.ETag)
	}
	if have.LastModified != "" {
		h.Set("If-Modified-Since", have.LastModified)
	}
	return h
}

func metaOf(upstream, path string, resp *http.Response, now time.Time) meta {
	return meta{
		Upstream: upstream, Path: path, Size: resp.ContentLength, Stored: now.UTC(),
		Type: resp.Header.Get("Content-Type"), Encoding: resp.Header.Get("Content-Encoding"),
		ETag: resp.Header.Get("ETag"), LastModified: resp.Header.Get("Last-Modified"),
	}
}

// ask sends one request to an upstream.
func (c *Cache) ask(ctx context.Context, upstream, path string, h http.Header) (*http.Response, error) {
	u := *c.upstreams[upstream]
	u.Path += path
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, errors.New("the request can't be made")
	}
	req.Header = h
	req.Header.Set("User-Agent", "rackhand-mirror")
	return c.client.Do(req)
}

// take writes the answer's body into the flight's file, to its end. When the
// connection breaks or stalls, it asks for the rest.
func (c *Cache) take(ctx context.Context, f *flight, resp *http.Response) error {
	var sum hash.Hash
	want := hashOf(f.meta.Path)
	if want != "" {
		sum = sha256.New()
	}
	err := c.body(f, resp, sum)
	for resumes := 1; err != nil; resumes++ {
		var disk *os.PathError
		if errors.As(err, &disk) || ctx.Err() != nil || resumes > maxResumes || f.meta.Size < 0 || f.size >= f.meta.Size {
			return err
		}
		select {
		case <-time.After(time.Duration(resumes-1) * c.o.Stall / 30):
		case <-ctx.Done():
			return ctx.Err()
		}
		err = c.resume(ctx, f, sum)
		if errors.Is(err, errOther) {
			return err
		}
	}
	if sum != nil && hex.EncodeToString(sum.Sum(nil)) != want {
		return errors.New("what came isn't what its name says (SHA-256)")
	}
	return nil
}

// body takes in one answer's body. A nil error means that the file is whole.
func (c *Cache) body(f *flight, resp *http.Response, sum hash.Hash) error {
	defer resp.Body.Close()
	if err := c.copyBody(f, resp.Body, sum); err != nil {
		return err
	}
	if f.meta.Size >= 0 && f.size != f.meta.Size {
		return fmt.Errorf("it ended after %d of %d bytes", f.size, f.meta.Size)
	}
	return nil
}

// copyBody copies until the body's end. A body that sends nothing for too long is
// closed, which ends the read.
func (c *Cache) copyBody(f *flight, body io.ReadCloser, sum hash.Hash) error {
	watchdog := time.AfterFunc(c.o.Stall, func() { body.Close() })
	defer watchdog.Stop()
	buf := make([]byte, chunk)
	for {
		n, err := body.Read(buf)
		watchdog.Reset(c.o.Stall)
		if n > 0 {
			if limit := c.limit(f.meta); f.size+int64(n) > limit {
				return fmt.Errorf("it sends more than the %d bytes that are allowed", limit)
			}
			if _, err := f.file.WriteAt(buf[:n], f.size); err != nil {
				return err
			}
			if sum != nil {
				sum.Write(buf[:n])
			}
			f.grow(n)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// limit is how many bytes a file may have.
func (c *Cache) limit(m meta) int64 {
	if m.Size >= 0 {
		return m.Size
	}
	return c.o.MaxBytes
}

// errOther says that there is no rest to be had: asking again won't help.
var errOther = errors.New("it broke off, and the rest can't be had")

// resume asks for the rest of a file that broke off (RFC 9110 sections 13.1.5 and
// 14) and takes it in. Only the very same file will do: some of it is with the
// clients already.
func (c *Cache) resume(ctx context.Context, f *flight, sum hash.Hash) error {
	validator := f.meta.ETag
	if validator == "" || strings.HasPrefix(validator, "W/") {
		validator = f.meta.LastModified
	}
	if validator == "" {
		return fmt.Errorf("%w: the upstream doesn't say how to know it again", errOther)
	}
	h := http.Header{}
	h.Set("Range", "bytes="+strconv.FormatInt(f.size, 10)+"-")
	h.Set("If-Range", validator)
	resp, err := c.ask(ctx, f.meta.Upstream, f.meta.Path, h)
	if err != nil {
		return err
	}
	if err := continues(resp, f); err != nil {
		resp.Body.Close()
		return err
	}
	return c.body(f, resp, sum)
}

// continues checks that an answer is the rest of the flight's file.
func continues(resp *http.Response, f *flight) error {
	if s := resp.StatusCode; s >= 500 {
		return fmt.Errorf("it broke off, and then the upstream answered %d", s)
	} else if s != http.StatusPartialContent {
		return fmt.Errorf("%w: the upstream answers %d", errOther, s)
	}
	want := fmt.Sprintf("bytes %d-%d/%d", f.size, f.meta.Size-1, f.meta.Size)
	if got := resp.Header.Get("Content-Range"); got != want {
		return fmt.Errorf("%w: the upstream sends another part (%.60q, not %q)", errOther, got, want)
	}
	if e := resp.Header.Get("ETag"); e != f.meta.ETag {
		return fmt.Errorf("%w: the upstream has another file by now", errOther)
	}
	return nil
}
