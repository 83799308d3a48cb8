package inventory

// LoadWithFile is [Load] with one more file, which need not be in the folder. It shows the
// inventory as it would be with the file. The file counts as the last one, so duplicates
// are reported in it.
func LoadWithFile(dir string, opt Options, name string, data []byte) (*Snapshot, Problems) {
	l := newLoader(opt)
	files := append(readDir(dir, l), file{name, data})
	return l.load(dir, files)
}
