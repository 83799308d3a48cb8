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
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxFlights = 256 // parallel fetches
	maxResumes = 5   // how often a broken fetch is resumed
	chunk      = 256 << 10
)

// fetch joins the flight of a path, or starts one. It returns nil when too many are under
// way. raw is the path as the client wrote it; why is the action that the stored file
// needs. The caller must leave the flight.
func (c *Cache) fetch(upstream, path, raw string, why action) *flight {
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
	f.raw = raw
	f.join()
	c.flights[key] = f
	c.running.Add(1)
	go func() {
		defer c.running.Done()
		defer f.leave()
		c.runFetch(f, upstream, path, why)
		c.count(f)
		c.mu.Lock()
		if c.flights[key] == f { // a forgotten flight may have a successor
			delete(c.flights, key)
		}
		c.mu.Unlock()
	}()
	return f
}

// runFetch asks the upstream, and receives the file that it sends.
func (c *Cache) runFetch(f *flight, upstream, path string, why action) {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	var have meta
	conditional := http.Header{}
	if k := c.open(upstream, path); k != nil {
		have = k.meta
		mustRefetch := why == refetch && c.actionFor(ctx, k) == refetch
		k.Close()
		if why == refetch && !mustRefetch { // another flight has fetched it meanwhile
			f.settle(unchanged, nil)
			return
		}
		if !mustRefetch {
			conditional = conditions(have)
		}
	}
	started := c.checkNow(upstream)
	resp, err := c.askFor(ctx, f, upstream, conditional)
	if err != nil {
		c.setDown(upstream, started.time)
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
		if immutable(path) { // a package stays good for hosts whose index names it
			c.checked(upstream, path, started)
		} else {
			c.remove(upstream, path)
		}
		f.settle(absent, nil)
		return
	case s == http.StatusOK:
	case s >= 500 || s == http.StatusTooManyRequests || s == http.StatusRequestTimeout:
		c.setDown(upstream, started.time)
		f.settle(unreachable, fmt.Errorf("it answers %s", http.StatusText(s)))
		return
	default:
		if immutable(path) {
			c.checked(upstream, path, started)
		}
		f.settle(refused, fmt.Errorf("it answers %d", s))
		return
	}
	if have.Path != "" && isPackage(path) && c.otherSize(ctx, upstream, path, resp.ContentLength) {
		c.checked(upstream, path, started)
		c.events.record(upstream, kindMismatch, mismatch(upstream, path))
		f.settle(mismatched, errMismatch)
		return
	}
	defer c.release(f)
	if err := c.reserve(f, max(resp.ContentLength, 0)); err != nil {
		f.settle(full, err)
		return
	}
	file, err := os.CreateTemp(c.partial(), "*")
	if err != nil {
		c.events.record(upstream, kindDisk, "the cache can't be written: "+err.Error())
		f.settle(full, err)
		return
	}
	f.file = file
	f.meta = metaOf(upstream, path, resp, started.time)
	f.index = isIndex(path)
	f.settle(incoming, nil)
	switch err := c.receive(ctx, f, resp, have, started); {
	case errors.Is(err, errMismatch), errors.Is(err, errForgotten):
		f.finish(nil, err) // the clients compare it themselves
	default:
		f.finish(err, nil)
	}
}

// receive receives a file, and stores it when it is whole and has the checksum that the
// index or its name promises.
func (c *Cache) receive(ctx context.Context, f *flight, resp *http.Response, have meta, started check) error {
	m := f.meta
	sum, err := c.take(ctx, f, resp)
	if err == nil {
		m.Size, m.SHA256 = f.size, sum
		err = c.verify(ctx, f, m)
	}
	if err == nil {
		err = c.put(f, m)
	}
	if err != nil {
		_ = os.Remove(f.file.Name()) // if this fails, New removes it
		switch {
		case c.ctx.Err() != nil, errors.Is(err, errForgotten):
		case errors.Is(err, errMismatch):
			c.checked(m.Upstream, m.Path, started)
			c.events.record(m.Upstream, kindMismatch, mismatch(m.Upstream, m.Path))
		default:
			c.events.record(m.Upstream, kindBroken, "mirror "+m.Upstream+": a file broke off under way: "+reason(err))
		}
		return err
	}
	c.noteIndex(m.Upstream, m.Path, m.Stored)
	if isPackage(m.Path) && have.Path != "" && (have.Size != m.Size || have.SHA256 != m.SHA256 && have.SHA256 != "") {
		c.events.record(m.Upstream, kindReplaced, "mirror "+m.Upstream+": "+m.Path+" was published again under its name; the new file replaces the old one")
	}
	if !immutable(m.Path) || have.Path != "" {
		c.checked(m.Upstream, m.Path, started)
	}
	c.countStored(f)
	return nil
}

// otherSize reports whether the index names another size than the upstream announces. Then
// the file need not be received.
func (c *Cache) otherSize(ctx context.Context, upstream, path string, size int64) bool {
	ctx, cancel := context.WithTimeout(ctx, viewPatience)
	defer cancel()
	claims := c.view(ctx, upstream).claims(path)
	return size >= 0 && len(claims) > 0 && !slices.ContainsFunc(claims, func(w want) bool { return w.size < 0 || w.size == size })
}

// errMismatch means that a file isn't the one that its name or the index of its archive
// promises.
var errMismatch = errors.New("the file doesn't match its name or the archive's index: the upstream may be in the middle of its sync; try again later")

func mismatch(upstream, path string) string {
	return "mirror " + upstream + ": " + path + " is another file on the upstream than the archive's index, or its name, says; it isn't kept (is the upstream in the middle of its sync?)"
}

// verify compares a received file with its name, and with the index at hand.
func (c *Cache) verify(ctx context.Context, f *flight, m meta) error {
	ctx, cancel := context.WithTimeout(ctx, viewPatience)
	defer cancel()
	k := &storedFile{m, f.file}
	if !c.matches(k, byName(m.Path)) {
		return errMismatch
	}
	claims := c.view(ctx, m.Upstream).claims(m.Path)
	if len(claims) > 0 && !slices.ContainsFunc(claims, func(w want) bool { return c.matches(k, w) }) {
		return errMismatch
	}
	return nil
}

// conditions are the headers of a request for a file only if it differs from the stored
// one.
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

// askFor asks for the file of a flight as the client wrote its path. An object store takes
// a plus for a blank, and so has no such file. Then askFor asks again with %2B, which
// every server takes for a plus. A client that wrote %2B itself (apt, dnf) causes no
// second request.
func (c *Cache) askFor(ctx context.Context, f *flight, upstream string, h http.Header) (*http.Response, error) {
	resp, err := c.ask(ctx, upstream, f.raw, h)
	if err != nil {
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusNotFound, http.StatusGone, http.StatusForbidden: // S3 answers 403 for files that it may not list
		encoded, has := plusEncoded(f.raw)
		if !has {
			break
		}
		resp.Body.Close()
		f.raw = encoded
		return c.ask(ctx, upstream, f.raw, h)
	}
	return resp, nil
}

// ask sends one request to an upstream. raw is the path in a URL's encoding; it is sent
// byte for byte.
func (c *Cache) ask(ctx context.Context, upstream, raw string, h http.Header) (*http.Response, error) {
	u := *c.upstreams[upstream]
	u.RawPath = u.EscapedPath() + raw
	var err error
	if u.Path, err = url.PathUnescape(u.RawPath); err != nil || u.EscapedPath() != u.RawPath {
		return nil, errors.New("the request can't be made")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, errors.New("the request can't be made")
	}
	req.Header = h.Clone()
	req.Header.Set("User-Agent", "rackhand-mirror")
	return c.client.Do(req)
}

// take writes the body of the answer into the file of the flight, and returns its SHA-256.
// When the connection breaks or stalls, it asks for the rest.
func (c *Cache) take(ctx context.Context, f *flight, resp *http.Response) (string, error) {
	sum := sha256.New()
	err := c.body(f, resp, sum)
	for resumes := 1; err != nil; resumes++ {
		var disk *os.PathError
		if errors.As(err, &disk) || ctx.Err() != nil || resumes > maxResumes || f.meta.Size < 0 || f.size >= f.meta.Size {
			return "", err
		}
		select {
		case <-time.After(time.Duration(resumes-1) * c.o.Stall / 30):
		case <-ctx.Done():
			return "", ctx.Err()
		}
		err = c.resume(ctx, f, sum)
		if errors.Is(err, errOther) {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// body receives the body of one answer. A nil error means that the file is whole.
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

// copyBody copies to the end of the body. A body that sends nothing for too long is
// closed, which ends the read.
func (c *Cache) copyBody(f *flight, body io.ReadCloser, sum hash.Hash) error {
	watchdog := time.AfterFunc(c.o.Stall, func() { body.Close() })
	defer watchdog.Stop()
	buf := make([]byte, chunk)
	for {
		n, err := body.Read(buf)
		watchdog.Reset(c.o.Stall)
		if n > 0 {
			if f.meta.Size >= 0 && f.size+int64(n) > f.meta.Size {
				return fmt.Errorf("it sends more than the %d bytes that are allowed", f.meta.Size)
			}
			if f.meta.Size < 0 { // a length that wasn't announced is counted while the file grows
				if err := c.reserve(f, int64(n)); err != nil {
					return err
				}
			}
			if _, err := f.file.WriteAt(buf[:n], f.size); err != nil {
				return err
			}
			sum.Write(buf[:n])
			f.grow(n)
			c.fetched.Add(uint64(n))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// errOther means that the upstream has another file by now. Asking again doesn't help.
var errOther = errors.New("it broke off, and the rest can't be had")

// resume asks for the rest of a file that broke off (RFC 9110 sections 13.1.5 and 14) and
// receives it. Only the very same file will do, because clients have a part of it already.
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
	resp, err := c.ask(ctx, f.meta.Upstream, f.raw, h)
	if err != nil {
		return err
	}
	if err := continues(resp, f); err != nil {
		resp.Body.Close()
		return err
	}
	return c.body(f, resp, sum)
}

// continues checks that an answer is the rest of the file of the flight.
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
