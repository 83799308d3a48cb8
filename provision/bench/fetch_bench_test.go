//go:build bench

package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rackhand/bootfiles/image"
)

// envFetch holds a fetchJob as JSON: the test's program then plays the clients, and prints
// a fetched as JSON.
const envFetch = "RACKHAND_BENCH_FETCH"

// fetchMost bounds a round.
const fetchMost = 3 * time.Minute

type fetchJob struct {
	Base    string       // URL that the files' names are put behind
	Files   []image.File // fetched one after the other by each client
	Clients int
	Sums    bool // compare the SHA-256 too
}

type fetched struct {
	Seconds float64 // from the first request to the last byte
	CPU     float64 // processor seconds of all clients
}

func TestMain(m *testing.M) {
	text := os.Getenv(envFetch)
	if text == "" {
		os.Exit(m.Run())
	}
	if err := fetchMain(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func fetchMain(text string) error {
	var job fetchJob
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), fetchMost)
	defer cancel()
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range job.Clients {
		group.Go(func() error { return job.one(ctx) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return err
	}
	cpu := time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
	return json.NewEncoder(os.Stdout).Encode(fetched{Seconds: took, CPU: cpu})
}

// one is one client, with its own connection.
func (j fetchJob) one(ctx context.Context) error {
	client := http.Client{
		Transport: &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("a redirect, which firmware doesn't follow")
		},
	}
	defer client.CloseIdleConnections()
	buffer := make([]byte, 256<<10)
	for _, f := range j.Files {
		if err := j.file(ctx, &client, f, buffer); err != nil {
			return fmt.Errorf("%s%s: %w", j.Base, f.Name, err)
		}
	}
	return nil
}

func (j fetchJob) file(ctx context.Context, client *http.Client, f image.File, buffer []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, j.Base+f.Name, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ContentLength != f.Size {
		return fmt.Errorf("%s with %d bytes, want 200 with %d", resp.Status, resp.ContentLength, f.Size)
	}
	// It uses only Read, so that the connection copies directly into the buffer.
	var sum hash.Hash
	to := io.Discard
	if j.Sums {
		sum = sha256.New()
		to = sum
	}
	n, err := io.CopyBuffer(onlyWriter{to}, onlyReader{resp.Body}, buffer)
	switch {
	case err != nil:
		return err
	case n != f.Size:
		return fmt.Errorf("%d bytes, want %d", n, f.Size)
	case sum != nil && hex.EncodeToString(sum.Sum(nil)) != f.SHA256:
		return errors.New("the bytes are not those of the file")
	}
	return nil
}

type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)
