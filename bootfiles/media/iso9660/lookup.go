package iso9660

import (
	"io/fs"
	"path"
	"strings"
)

// dir reads the entries of a directory, by name; parsed ones are kept.
func (v *Volume) dir(d *entry) (map[string]*entry, error) {
	at := d.extents[0].block
	v.mu.Lock()
	have, ok := v.dirs[at]
	v.mu.Unlock()
	if ok {
		return have, nil
	}
	entries, err := v.parseDir(d)
	if err != nil {
		return nil, err
	}
	var bytes int64
	for _, e := range entries {
		bytes += e.bytes()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.dirs) >= maxCached || v.cached+len(entries) > maxCachedNames || v.bytes+bytes > maxCachedBytes {
		v.dirs, v.cached, v.bytes = map[uint32]map[string]*entry{}, 0, 0
	}
	if v.dirs[at] == nil {
		v.dirs[at] = entries
		v.cached += len(entries)
		v.bytes += bytes
	}
	return entries, nil
}

func (v *Volume) parseDir(d *entry) (map[string]*entry, error) {
	size := d.size()
	if size > maxDirBytes {
		return nil, broken("a directory of %d bytes", size)
	}
	out := make(map[string]*entry)
	block := make([]byte, sector)
	var open *entry // a file whose extents go on
	total, names := 0, int64(0)
	for done := int64(0); done < size; done += sector {
		if err := v.readAt(block, int64(d.extents[0].block)*sector+done); err != nil {
			return nil, err
		}
		// A record never crosses a block, ECMA-119 6.8.1.1; zeros fill up the rest.
		for b := block; len(b) > 0 && b[0] != 0; {
			n := int(b[0])
			if n > len(b) {
				return nil, broken("a directory record of %d bytes with %d left in its block", n, len(b))
			}
			e, area, err := parseRecord(b[:n])
			if err != nil {
				return nil, err
			}
			b = b[n:]
			if total++; total > maxEntries {
				return nil, broken("a directory of more than %d entries", maxEntries)
			}
			if e.name == "." || e.name == ".." {
				continue
			}
			if v.susp {
				if err := v.rockRidge(e, area); err != nil {
					return nil, err
				}
			}
			// A record of 60 bytes can point to kilobytes of a name, and ten thousand
			// records to the same ones.
			if names += e.bytes(); names > maxNames {
				return nil, broken("a directory whose names have more than %d bytes", maxNames)
			}
			if open != nil {
				// Further extents have the same identifier. All but the last are whole
				// blocks: else the file's bytes could not lie one after another.
				last := open.extents[len(open.extents)-1]
				if e.raw != open.raw || last.bytes%sector != 0 {
					return nil, broken("the extents of %.40q don't belong together", open.name)
				}
				open.extents = append(open.extents, e.extents[0])
				if !e.more {
					open = nil
				}
				continue
			}
			if e.hidden {
				continue
			}
			if err := valid(e.name); err != nil {
				return nil, err
			}
			if _, twice := out[e.name]; !twice { // the first of two versions is the newest
				out[e.name] = e
			}
			if e.more && !e.dir {
				open = e
			}
		}
	}
	if open != nil {
		return nil, broken("%.40q has no last extent", open.name)
	}
	return out, nil
}

// moved is the directory that a child link (CL, IEEE P1282 4.1.5.1) leads to: its own
// record stands first in its extent.
func (v *Volume) moved(e *entry) (*entry, error) {
	block := make([]byte, sector)
	if err := v.readAt(block, int64(e.child)*sector); err != nil {
		return nil, err
	}
	if block[0] < 34 {
		return nil, broken("a moved directory without an entry of its own")
	}
	d, _, err := parseRecord(block[:block[0]])
	if err != nil {
		return nil, err
	}
	d.name, d.dir, d.mode = e.name, true, fs.ModeDir|0o555
	if d.extents[0].block != e.child {
		return nil, broken("a moved directory that says it stands elsewhere")
	}
	return d, nil
}

// find walks to a path in the form of package io/fs: parts with single slashes, not rooted
// and without ..; "." is the root. It follows links inside the image.
func (v *Volume) find(op, name string) (*entry, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	var way []*entry // the directories down to where we are, without the root
	here := func() *entry {
		if len(way) == 0 {
			return v.root
		}
		return way[len(way)-1]
	}
	parts, links := strings.Split(name, "/"), 0
	for len(parts) > 0 {
		part := parts[0]
		parts = parts[1:]
		switch part {
		case "", ".":
			continue
		case "..": // in a link
			way = way[:max(0, len(way)-1)]
			continue
		}
		if len(way) >= maxDepth || !here().dir {
			return nil, notExist(op, name)
		}
		entries, err := v.dir(here())
		if err != nil {
			return nil, err
		}
		e := entries[part]
		switch {
		case e == nil:
			return nil, notExist(op, name)
		case e.child != 0:
			if e, err = v.moved(e); err != nil {
				return nil, err
			}
		case e.mode&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return nil, broken("%s: more than %d links", name, maxLinks)
			}
			if path.IsAbs(e.link) {
				return nil, notExist(op, name) // leads out of the image
			}
			parts = append(strings.Split(e.link, "/"), parts...)
			continue
		}
		way = append(way, e)
	}
	return here(), nil
}
