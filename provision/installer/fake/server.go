package fake

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
)

// A Server serves Data and breaks each connection after Cut bytes. Ranges says whether it
// knows ranges, Status and Header what request n gets, Always what every request gets.
type Server struct {
	Data     []byte
	Cut      int
	Ranges   bool
	Requests int
	Status   map[int]int
	Always   int
	Header   func(request int, h http.Header)
}

// ServeHTTP serves Data, or a part of it.
func (f *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.Requests++
	if s := max(f.Always, f.Status[f.Requests]); s != 0 {
		w.WriteHeader(s)
		return
	}
	from := 0
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil && f.Ranges {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(f.Data)-1, len(f.Data)))
		w.Header().Set("Content-Length", fmt.Sprint(len(f.Data)-from))
	} else {
		from = 0
		w.Header().Set("Content-Length", fmt.Sprint(len(f.Data)))
	}
	if f.Header != nil {
		f.Header(f.Requests, w.Header())
	}
	if w.Header().Get("Content-Range") != "" {
		w.WriteHeader(http.StatusPartialContent)
	}
	rest := f.Data[from:]
	if f.Cut > 0 && len(rest) > f.Cut {
		_, _ = w.Write(rest[:f.Cut])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(rest)
}

// RandomBytes are n bytes without a pattern, the same in every call.
func RandomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// SumOf is the SHA-256 of b in hexadecimal.
func SumOf(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}
