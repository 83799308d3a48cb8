package unpack

import (
	"io"

	"rackhand/bootfiles/compressed"
)

// decompress hands the unpacked stream to extract. A stream that isn't packed in a known
// way is treated as a plain tar. If it isn't one, the tar reader returns an error.
func decompress(r io.Reader, extract func(io.Reader) error) error {
	z, err := compressed.NewReader(r)
	if err != nil {
		return err
	}
	defer z.Close()
	return extract(z)
}
