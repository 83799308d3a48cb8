package installer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"
)

// A reply is a small file, and the time at which its server sent it; zero when it didn't
// say.
type reply struct {
	data []byte
	date time.Time
}

// fetch gets a small file whole. Connection errors and transient answers are
// tried again, at most tries times; any other answer but 200 is final.
func fetch(ctx context.Context, client *http.Client, clk clock, url string, header http.Header, limit int64, tries int) (reply, error) {
	var last error
	for n := range tries {
		data, wait, err := fetchOnce(ctx, client, clk, url, header, limit)
		if err == nil {
			return data, nil
		}
		var final *finalError
		if errors.As(err, &final) {
			return reply{}, err
		}
		last = err
		if err := clk.Sleep(ctx, max(wait, backoff(n))); err != nil {
			return reply{}, errors.Join(last, err)
		}
	}
	return reply{}, fmt.Errorf("given up after %d tries: %w", tries, last)
}

// A finalError is an answer that will not change by asking again.
type finalError struct{ message string }

func (e *finalError) Error() string { return e.message }

func fetchOnce(ctx context.Context, client *http.Client, clk clock, url string, header http.Header, limit int64) (reply, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return reply{}, 0, &finalError{err.Error()}
	}
	maps.Copy(req.Header, header)
	resp, err := client.Do(req)
	if err != nil {
		return reply{}, 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		err := fmt.Errorf("the server answers %s", resp.Status)
		if !transient(resp.StatusCode) {
			return reply{}, 0, &finalError{err.Error()}
		}
		return reply{}, retryAfter(resp.Header, clk.Now()), err
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return reply{}, 0, err
	}
	if int64(len(data)) > limit {
		return reply{}, 0, &finalError{fmt.Sprintf("the file is larger than %d bytes", limit)}
	}
	date, _ := http.ParseTime(resp.Header.Get("Date")) // RFC 9110 section 6.6.1
	return reply{data, date}, 0, nil
}
