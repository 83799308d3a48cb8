package iso9660

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// fixture is the image that testdata/make.sh makes.
func fixture(t testing.TB) []byte {
	t.Helper()
	f, err := os.Open("testdata/relocated.iso.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func open(t testing.TB, b []byte) *Volume {
	t.Helper()
	v, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

var longName = strings.Repeat("a-name-in-several-parts-", 10) + ".x86_64.rpm"

func TestPaths(t *testing.T) {
	v := open(t, fixture(t))
	if v.Label() != "RACKHAND" || !v.RockRidge() {
		t.Errorf("label %q, Rock Ridge %v", v.Label(), v.RockRidge())
	}
	for _, tc := range []struct {
		name, want string
		err        error
	}{
		{name: ".treeinfo", want: "[general]\n"},
		{name: "a/b/c/d/e/f/g/h/i/j/file.txt", want: "nine levels down\n"},
		{name: "Packages/" + longName, want: "long\n"},
		{name: "Packages/deep/e/f/g/h/i/j/file.txt", want: "nine levels down\n"},
		{name: "packages/" + longName, err: fs.ErrNotExist},
		{name: "Packages/loop", err: ErrFormat},
		{name: "Packages/out", err: fs.ErrNotExist},
		{name: "Packages", err: fs.ErrInvalid},
		{name: ".", err: fs.ErrInvalid},
		{name: ".treeinfo/x", err: fs.ErrNotExist},
		{name: "../.treeinfo", err: fs.ErrInvalid},
		{name: "/.treeinfo", err: fs.ErrInvalid},
		{name: "", err: fs.ErrInvalid},
		{name: strings.Repeat("a/", 100) + "a", err: fs.ErrNotExist},
	} {
		b, err := v.ReadFile(tc.name, 1<<20)
		if !errors.Is(err, tc.err) || (tc.err == nil) != (err == nil) || string(b) != tc.want {
			t.Errorf("%.60q: %q, %v", tc.name, b, err)
		}
	}
	f, err := v.Open(".treeinfo")
	if err != nil || f.ModTime().Unix() != 1700000000 {
		t.Errorf("%v, recorded %v", err, f.ModTime())
	}
	for dir, want := range map[string]string{
		"Packages": longName + " deep loop out", "a/b/c/d/e/f/g/h/i": "j",
	} {
		if names, err := v.Names(dir); err != nil || strings.Join(names, " ") != want {
			t.Errorf("%s: %v, %v", dir, names, err)
		}
	}
}

// record makes a directory record, ECMA-119 9.1.
func record(name string, block, size uint32, flags byte, area []byte) []byte {
	b := make([]byte, 33+len(name)+(len(name)+1)%2)
	binary.LittleEndian.PutUint32(b[2:], block)
	binary.BigEndian.PutUint32(b[6:], block)
	binary.LittleEndian.PutUint32(b[10:], size)
	binary.BigEndian.PutUint32(b[14:], size)
	b[25], b[32] = flags, byte(len(name))
	copy(b[33:], name)
	b = append(b, area...)
	b[0] = byte(len(b))
	return b
}

func number(n uint32) []byte {
	b := make([]byte, 8)
	binary.LittleEndian.PutUint32(b, n)
	binary.BigEndian.PutUint32(b[4:], n)
	return b
}

func susp(name string, data ...[]byte) []byte {
	d := bytes.Join(data, nil)
	return append([]byte{name[0], name[1], byte(4 + len(d)), 1}, d...)
}

// image makes one whose root directory has the records given. The root stands in
// block 18 and has one block; blocks after it are the test's.
func image(blocks int, records ...[]byte) []byte {
	b := make([]byte, (19+blocks)*sector)
	pvd := b[16*sector:]
	pvd[0] = 1
	copy(pvd[1:], "CD001\x01")
	binary.LittleEndian.PutUint16(pvd[128:], sector)
	copy(pvd[156:], record("\x00", 18, sector, 2, nil))
	copy(b[17*sector:], "\xffCD001\x01")
	er := susp("ER", []byte{10, 0, 0, 1}, []byte("RRIP_1991A"))
	root := record("\x00", 18, sector, 2, append(susp("SP", []byte{0xBE, 0xEF, 0}), er...))
	root = append(root, record("\x01", 18, sector, 2, nil)...)
	for _, r := range records {
		root = append(root, r...)
	}
	copy(b[18*sector:19*sector], root)
	return b
}

// TestExtents: a file of several extents, as one over 4 GiB has them, is read across
// their borders at any place.
func TestExtents(t *testing.T) {
	b := image(5,
		record("BIG.IMG;1", 21, 2*sector, 0x80, nil),
		record("BIG.IMG;1", 19, sector, 0x80, nil),
		record("BIG.IMG;1", 23, 100, 0, nil),
		record("NEXT.;1", 20, 3, 0, nil))
	for i := 19 * sector; i < len(b); i++ {
		b[i] = byte(i / 7)
	}
	want := bytes.Join([][]byte{b[21*sector : 23*sector], b[19*sector : 20*sector], b[23*sector : 23*sector+100]}, nil)
	v := open(t, b)
	f, err := v.Open("big.img")
	if err != nil {
		t.Fatal(err)
	}
	if _, one := f.Place(); f.Size() != int64(len(want)) || one {
		t.Errorf("size %d, want %d; in one piece: %v", f.Size(), len(want), one)
	}
	got, err := io.ReadAll(f.Reader())
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the whole file differs: %v", err)
	}
	for _, at := range []int64{0, 1, 2*sector - 1, 2 * sector, 3*sector - 2, 3 * sector, f.Size() - 1, f.Size(), f.Size() + 5} {
		got := make([]byte, 4)
		n, err := f.ReadAt(got, at)
		wanted := want[min(at, f.Size()):min(at+4, f.Size())]
		if !bytes.Equal(got[:n], wanted) || (n < 4) != errors.Is(err, io.EOF) {
			t.Errorf("at %d: %x (%v), want %x", at, got[:n], err, wanted)
		}
	}
	if b, err := v.ReadFile("next", 10); err != nil || len(b) != 3 {
		t.Errorf("the file after it: %v, %v", b, err)
	}
}

// TestHostile: each of these ends in an error, soon and without much memory.
func TestHostile(t *testing.T) {
	loop := susp("CE", number(19), number(0), number(sector))
	inLoop := image(1, record("LOOP.;1", 18, 0, 0, loop))
	copy(inLoop[19*sector:], loop)
	moved := image(1, record("M.;1", 18, 0, 0, append(susp("NM", []byte{0}, []byte("moved")), susp("CL", number(18))...)))
	for name, tc := range map[string]struct {
		image []byte
		path  string
	}{
		"a chain that bites its tail":  {inLoop, "loop"},
		"an area of 4 GiB":             {image(0, record("A.;1", 18, 0, 0, susp("CE", number(18), number(0), number(1<<32-1)))), "a"},
		"an area beyond the end":       {image(0, record("A.;1", 18, 0, 0, susp("CE", number(1<<31), number(0), number(9)))), "a"},
		"a directory of 4 GiB":         {image(1, record("D", 19, 1<<32-1, 2, nil)), "d/x"},
		"a directory beyond the end":   {image(0, record("D", 1<<32-1, sector, 2, nil)), "d/x"},
		"a file beyond the end":        {image(0, record("A.;1", 19, 1, 0, nil)), "a"},
		"a file without its last part": {image(0, record("A.;1", 18, sector, 0x80, nil)), "a"},
		"parts of two files":           {image(0, record("A.;1", 18, sector, 0x80, nil), record("B.;1", 18, 1, 0, nil)), "a"},
		"part of a block in between":   {image(0, record("A.;1", 18, 5, 0x80, nil), record("A.;1", 18, 1, 0, nil)), "a"},
		"a slash in a name":            {image(0, record("A.;1", 18, 1, 0, susp("NM", []byte{0}, []byte("../x")))), "a"},
		"a directory in itself":        {moved, strings.Repeat("moved/", 80) + "x"},
		"a record longer than a block": {image(0, append(make([]byte, 0), bytes.Repeat(record("A.;1", 18, 1, 0, make([]byte, 200)), 9)...)), "a"},
	} {
		v, err := Open(bytes.NewReader(tc.image), int64(len(tc.image)))
		if err == nil {
			_, err = v.Open(tc.path)
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		t.Logf("%s: %v", name, err)
	}
	for _, b := range [][]byte{nil, make([]byte, 40*sector), fixture(t)[:17*sector]} {
		if _, err := Open(bytes.NewReader(b), int64(len(b))); !errors.Is(err, ErrFormat) {
			t.Errorf("%d bytes: %v", len(b), err)
		}
	}
}

// TestManyLongNames: twenty thousand small records point to one and the same kilobyte of a
// name; read, they would take what the record's size doesn't show.
func TestManyLongNames(t *testing.T) {
	const perBlock, dirBlocks = 25, 800
	dir := image(1+dirBlocks, record("D", 20, dirBlocks*sector, 2, nil))
	var name []byte
	for range 4 {
		name = append(name, susp("NM", []byte{1}, bytes.Repeat([]byte{'n'}, 240))...)
	}
	copy(dir[19*sector:], name)
	for b := range dirBlocks {
		at := (20 + b) * sector
		for i := range perBlock {
			r := record(fmt.Sprintf("%06d.;1", b*perBlock+i), 18, 1, 0, append(susp("NM", []byte{1}, fmt.Appendf(nil, "%06d", b*perBlock+i))[:11:11], susp("CE", number(19), number(0), number(uint32(len(name))))...))
			at += copy(dir[at:], r)
		}
	}
	_, err := open(t, dir).Open("d/x")
	if err == nil || !strings.Contains(err.Error(), "a directory whose names have more than") {
		t.Errorf("%v", err)
	}
}

// FuzzVolume walks through every volume that opens.
func FuzzVolume(f *testing.F) {
	whole := fixture(f)
	f.Add(16*sector+156, uint64(1), whole)
	f.Add(18*sector+3, uint64(0xff), whole)
	f.Fuzz(func(t *testing.T, at int, change uint64, b []byte) {
		if len(b) > 1<<20 {
			return
		}
		b = bytes.Clone(b)
		if at >= 0 && at <= len(b)-8 {
			binary.LittleEndian.PutUint64(b[at:], binary.LittleEndian.Uint64(b[at:])^change)
		}
		v, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		steps := 0
		var walk func(dir string, deep int)
		walk = func(dir string, deep int) {
			names, _ := v.Names(dir)
			for _, n := range names {
				if steps++; steps > 500 || deep > 20 {
					return
				}
				name := dir + "/" + n
				if dir == "." {
					name = n
				}
				if file, err := v.Open(name); err == nil {
					_, _ = file.ReadAt(make([]byte, 100), file.Size()-10)
				}
				walk(name, deep+1)
			}
		}
		walk(".", 0)
	})
}
