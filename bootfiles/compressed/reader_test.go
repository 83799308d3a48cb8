package compressed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// plainText is the content of the files in testdata/packed: seq 1 4000 | sed 's/$/
// plain/' | head -c 20000, packed by xz, lz4, gzip and zstd themselves.
func plainText() []byte {
	var b bytes.Buffer
	for n := 1; b.Len() < 20_000; n++ {
		fmt.Fprintf(&b, "%d plain\n", n)
	}
	return b.Bytes()[:20_000]
}

// unpack reads all that a stream is packed of.
func unpack(r io.Reader) ([]byte, error) {
	z, err := NewReader(r)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return io.ReadAll(z)
}

func TestReader(t *testing.T) {
	files, err := filepath.Glob("testdata/packed/*")
	if err != nil || len(files) < 17 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	want := plainText()
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := unpack(bytes.NewReader(data))
			if strings.HasPrefix(filepath.Base(name), "dict128") { // asks for 128 MB
				if err == nil || !strings.Contains(err.Error(), "too much memory") || !strings.Contains(err.Error(), "-9 at most") {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if _, err := unpack(bytes.NewReader(data[:len(data)*2/3])); err == nil {
				t.Error("two thirds of it were taken for the whole")
			}
		})
	}
}

// A window of 2 GiB isn't believed (RFC 8878 section 3.1.1.1.2).
func TestLargeWindow(t *testing.T) {
	for exponent, fine := range map[byte]bool{27: true, 28: false, 31: false} {
		frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, (exponent - 10) << 3, 1, 0, 0}
		_, err := unpack(bytes.NewReader(frame))
		if fine != (err == nil) || err != nil && !strings.Contains(err.Error(), "--long=27 at most") {
			t.Errorf("2^%d: %v", exponent, err)
		}
	}
}

func TestOthers(t *testing.T) {
	_, err := unpack(strings.NewReader("BZh91A" + strings.Repeat("x", 100)))
	if err == nil || !strings.Contains(err.Error(), "packed with bzip2") {
		t.Errorf("bzip2: %v", err)
	}
	for _, text := range []string{"", "x", "plain", strings.Repeat("plain", 1000)} {
		got, err := unpack(strings.NewReader(text))
		if err != nil || string(got) != text {
			t.Errorf("%.10q: %q, %v", text, got, err)
		}
	}
	cause := errors.New("the connection broke")
	if _, err := unpack(io.MultiReader(strings.NewReader("pla"), iotest.ErrReader(cause))); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}

func FuzzReader(f *testing.F) {
	files, _ := filepath.Glob("testdata/packed/*")
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		z, err := NewReader(bytes.NewReader(data))
		if err != nil {
			return
		}
		defer z.Close()
		_, _ = io.CopyN(io.Discard, z, 4<<20) // a bomb has no end
	})
}
