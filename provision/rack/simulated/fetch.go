package simulated

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A kernel is the kernel that a boot script starts.
type kernel struct {
	url, initrd string
	args        map[string]string // of the same one the last wins
	cmdline     string
}

// parseScript reads the three commands that matter of an iPXE script; one that starts no
// kernel boots the disk.
func parseScript(text string) (kernel, error) {
	k := kernel{args: map[string]string{}}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) > 1 && words[0] == "kernel":
			k.url, k.cmdline = words[1], strings.Join(words[2:], " ")
			for _, w := range words[2:] {
				name, value, _ := strings.Cut(w, "=")
				k.args[name] = value
			}
		case len(words) > 1 && words[0] == "initrd":
			k.initrd = words[len(words)-1]
		}
	}
	if k.url == "" || k.initrd == "" {
		return k, errDisk
	}
	return k, nil
}

// A statusError is an answer that is final.
type statusError struct {
	code int
	url  string
}

func (e *statusError) Error() string { return fmt.Sprintf("HTTP %d for %s", e.code, e.url) }

// fetch is `curl --location --fail --retry N`: 408, 429 and 5xx are tried again, after
// what Retry-After says; another error is final.
func (b *box) fetch(ctx context.Context, url string, headers http.Header, retries int) ([]byte, error) {
	for try := 0; ; try++ {
		text, after, err := b.get(ctx, url, headers)
		if err == nil || after < 0 || try >= retries {
			return text, err
		}
		b.Say("again in %s: %v", after, err)
		if err := b.Wait(ctx, after); err != nil {
			return nil, err
		}
	}
}

// get asks once; after is when to ask again, less than 0 for never.
func (b *box) get(ctx context.Context, url string, headers http.Header) (text []byte, after time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, -1, err
	}
	req.Header = headers.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("User-Agent", "curl/7.76.1 (simulated)")
	res, err := b.http.Do(req)
	if err != nil {
		return nil, time.Second, err
	}
	defer discard(res.Body)
	switch {
	case res.StatusCode == http.StatusOK:
		text, err = io.ReadAll(res.Body)
		return text, time.Second, err
	case res.StatusCode == 408, res.StatusCode == 429, res.StatusCode >= 500:
		after = time.Second
		if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
			after = time.Duration(s) * time.Second
		}
		return nil, after, &statusError{res.StatusCode, url}
	}
	return nil, -1, &statusError{res.StatusCode, url}
}
