package mirror

import (
	"crypto"
	_ "crypto/md5"  // sums of old archives
	_ "crypto/sha1" // sums of old rpm repositories
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/hex"
	"path"
	"strings"
)

// A sum is a checksum, or its first 32 bytes.
type sum [32]byte

// A want is the expected sum or size of a file, from an index or from the file's name.
type want struct {
	size int64       // bytes; -1 when it doesn't say
	algo crypto.Hash // 0 when it gives no sum
	sum  sum
}

// nothing is a want that every file fulfils.
func nothing() want { return want{size: -1} }

// algorithm returns the hash with a name as in Release files, by-hash folders and
// repomd.xml.
func algorithm(name string) crypto.Hash {
	switch strings.ToLower(name) {
	case "sha256":
		return crypto.SHA256
	case "sha512":
		return crypto.SHA512
	case "sha384":
		return crypto.SHA384
	case "sha", "sha1":
		return crypto.SHA1
	case "md5", "md5sum":
		return crypto.MD5
	}
	return 0
}

// wanted makes a want from a checksum in hex. A malformed checksum is left out.
func wanted(size int64, algo, hexSum string) want {
	w := want{size: size}
	h := algorithm(algo)
	b, err := hex.DecodeString(hexSum)
	if h == 0 || err != nil || len(b) != h.Size() {
		return w
	}
	w.algo = h
	copy(w.sum[:], b)
	return w
}

// byName is the checksum that a path contains: apt's by-hash/SHA256/SUM, and createrepo's
// SUM-primary.xml.gz.
func byName(p string) want {
	dir, name := path.Split(p)
	dir = strings.TrimSuffix(dir, "/")
	switch {
	case path.Base(path.Dir(dir)) == "by-hash":
		return wanted(-1, path.Base(dir), name)
	case path.Base(dir) == "repodata":
		hexSum, _, ok := strings.Cut(name, "-")
		if !ok {
			break
		}
		for _, algo := range []crypto.Hash{crypto.SHA256, crypto.SHA512, crypto.SHA384, crypto.SHA1} {
			if len(hexSum) == 2*algo.Size() {
				return wanted(-1, strings.ReplaceAll(algo.String(), "-", ""), hexSum)
			}
		}
	}
	return nothing()
}
