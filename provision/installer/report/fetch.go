package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"
)

// A Reply is a small file, and the time at which its server sent it; zero when it didn't
// say.
type Reply struct {
	Data []byte
	Date time.Time
}

// Fetch gets a small file whole. Connection errors and transient answers are
// tried again, at most tries times; any other answer but 200 is final. header goes with
// each request.
func Fetch(ctx context.Context, client *http.Client, clk Clock, url string, header http.Header, limit int64, tries int) (Reply, error) {
	var last error
	for n := range tries {
		data, wait, err := FetchOnce(ctx, client, clk, url, header, limit)
		if err == nil {
			return data, nil
		}
		var final *FinalError
		if errors.As(err, &final) {
			return Reply{}, err
		}
		last = err
		if err := clk.Sleep(ctx, max(wait, Backoff(n))); err != nil {
			return Reply{}, errors.Join(last, err)
		}
	}
	return Reply{}, fmt.Errorf("given up after %d tries: %w", tries, last)
}

// A FinalError is an answer that will not change by asking again.
type FinalError struct{ Message string }

// Error is the answer.
func (e *FinalError) Error() string { return e.Message }

// FetchOnce is Fetch with a single try. With an error it returns how long the server asks
// to wait. url gives at most limit bytes.
func FetchOnce(ctx context.Context, client *http.Client, clk Clock, url string, header http.Header, limit int64) (Reply, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Reply{}, 0, &FinalError{err.Error()}
	}
	maps.Copy(req.Header, header)
	resp, err := client.Do(req)
	if err != nil {
		return Reply{}, 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		err := fmt.Errorf("the server answers %s", resp.Status)
		if !Transient(resp.StatusCode) {
			return Reply{}, 0, &FinalError{err.Error()}
		}
		return Reply{}, RetryAfter(resp.Header, clk.Now()), err
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return Reply{}, 0, err
	}
	if int64(len(data)) > limit {
		return Reply{}, 0, &FinalError{fmt.Sprintf("the file is larger than %d bytes", limit)}
	}
	date, _ := http.ParseTime(resp.Header.Get("Date")) // RFC 9110 section 6.6.1
	return Reply{data, date}, 0, nil
}
