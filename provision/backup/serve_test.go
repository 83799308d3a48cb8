package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestHandler: an error before the first byte is an answer in words; one after it breaks the
// connection, so that no reader takes the part for the whole.
func TestHandler(t *testing.T) {
	full := errors.New("the disk is full")
	for name, tt := range map[string]struct {
		take func(context.Context, io.Writer) error
		code int
		says string
		cut  bool
	}{
		"whole":     {func(_ context.Context, w io.Writer) error { _, err := fmt.Fprint(w, "all"); return err }, 200, "all", false},
		"at first":  {func(context.Context, io.Writer) error { return full }, 500, "the disk is full\n", false},
		"under way": {func(context.Context, io.Writer) error { return ErrUnderWay }, 409, ErrUnderWay.Error() + "\n", false},
		"later": {func(_ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, strings.Repeat("x", 1<<20))
			return errors.Join(full, err)
		}, 200, "", true},
	} {
		s := httptest.NewServer(Handler(tt.take, slog.New(slog.DiscardHandler)))
		res, err := http.Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		s.Close()
		if res.StatusCode != tt.code || (err != nil) != tt.cut || !tt.cut && string(text) != tt.says {
			t.Errorf("%s: %d, %q, %v", name, res.StatusCode, text[:min(len(text), 80)], err)
		}
	}
}
