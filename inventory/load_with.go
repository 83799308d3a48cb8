package inventory

// LoadWithFile is [Load] with one more file, which need not be in the folder: what the
// inventory would be with it. The file counts as the last one, so that whatever it
// has in common with another is reported in it.
func LoadWithFile(dir string, opt Options, name string, data []byte) (*Snapshot, Problems) {
	l := newLoader(opt)
	files := append(readDir(dir, l), file{name, data})
	return l.load(dir, files)
}
