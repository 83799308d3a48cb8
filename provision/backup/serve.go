package backup

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
)

// Handler sends what take writes. Once bytes have been sent, an error can only end the
// connection: the archive lacks its end then, which its reader notices.
func Handler(take func(context.Context, io.Writer) error, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/zstd")
		sent := &sending{w: w}
		err := take(r.Context(), sent)
		switch {
		case err == nil:
		case sent.begun:
			log.Error("sending a backup", "error", err)
			panic(http.ErrAbortHandler)
		case errors.Is(err, ErrUnderWay):
			http.Error(w, err.Error(), http.StatusConflict)
		default:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
}

type sending struct {
	w     io.Writer
	begun bool
}

func (s *sending) Write(p []byte) (int, error) {
	s.begun = true
	return s.w.Write(p)
}
