package unpack

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"golang.org/x/sys/unix"

	"rackhand/provision/installer/fake"
)

func packed(t *testing.T, data []byte, open func(io.Writer) io.WriteCloser) []byte {
	t.Helper()
	var b bytes.Buffer
	w := open(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func allPackers(t *testing.T) map[string]func(io.Writer) io.WriteCloser {
	return map[string]func(io.Writer) io.WriteCloser{
		"zstd": func(w io.Writer) io.WriteCloser {
			z, err := zstd.NewWriter(w)
			if err != nil {
				t.Fatal(err)
			}
			return z
		},
		"lz4":  func(w io.Writer) io.WriteCloser { return lz4.NewWriter(w) },
		"gzip": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	}
}

func TestUnpack(t *testing.T) {
	data := fake.RandomBytes(3 << 20)
	for name, open := range allPackers(t) {
		t.Run(name, func(t *testing.T) {
			file := packed(t, data, open)
			read := func(got *bytes.Buffer) func(io.Reader) error {
				return func(r io.Reader) error { _, err := io.Copy(got, r); return err }
			}
			var got bytes.Buffer
			if err := Unpack(t.Context(), bytes.NewReader(file), fake.SumOf(file), read(&got)); err != nil || !bytes.Equal(got.Bytes(), data) {
				t.Errorf("%v; %d bytes", err, got.Len())
			}
			// bytes behind the archive count, and so do those that extract didn't read
			longer := append(bytes.Clone(file), make([]byte, 1<<20)...)
			stop := func(r io.Reader) error { _, err := io.CopyN(io.Discard, r, 10); return err }
			if err := Unpack(t.Context(), bytes.NewReader(longer), fake.SumOf(longer), stop); err != nil {
				t.Errorf("with something after it: %v", err)
			}
			if err := Unpack(t.Context(), bytes.NewReader(longer), fake.SumOf(file), stop); err == nil || !strings.Contains(err.Error(), "SHA-256") {
				t.Errorf("a wrong checksum: %v", err)
			}
			cut := file[:len(file)/2]
			if err := Unpack(t.Context(), bytes.NewReader(cut), fake.SumOf(file), read(&bytes.Buffer{})); err == nil {
				t.Error("half of it was taken for the whole")
			}
		})
	}
}

func TestUnpackPlain(t *testing.T) {
	data := []byte("plain")
	var got bytes.Buffer
	err := Unpack(t.Context(), bytes.NewReader(data), fake.SumOf(data), func(r io.Reader) error {
		_, err := io.Copy(&got, r)
		return err
	})
	if err != nil || got.String() != "plain" {
		t.Errorf("%v %q", err, got.String())
	}
}

// A download that breaks for good is the error, not what the unpacker makes of it.
func TestUnpackBrokenDownload(t *testing.T) {
	broken := errors.New("the cable is out")
	src := io.MultiReader(bytes.NewReader([]byte{0x28, 0xb5, 0x2f, 0xfd}), &failing{broken})
	err := Unpack(t.Context(), src, strings.Repeat("0", 64), func(r io.Reader) error {
		_, err := io.Copy(io.Discard, r)
		return err
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// A full disk ends it at once, without the rest of the image.
func TestUnpackFullDisk(t *testing.T) {
	read := 0
	endless := readerFunc(func(p []byte) (int, error) {
		if read += len(p); read > 100<<20 {
			t.Error("the image is read on")
			return 0, io.EOF
		}
		return len(p), nil
	})
	err := Unpack(t.Context(), endless, strings.Repeat("0", 64), func(r io.Reader) error {
		_, err := io.CopyN(io.Discard, r, 1<<20)
		return errors.Join(err, fmt.Errorf("usr/bin/x: %w", unix.ENOSPC))
	})
	if !errors.Is(err, unix.ENOSPC) || strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("got %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
