package unpack

import (
	"io"

	"rackhand/bootfiles/compressed"
)

// decompress hands to extract what a stream is packed of. What isn't packed in any
// known way is taken for a plain tar; if it isn't one, the tar reader says so.
func decompress(r io.Reader, extract func(io.Reader) error) error {
	z, err := compressed.NewReader(r)
	if err != nil {
		return err
	}
	defer z.Close()
	return extract(z)
}
