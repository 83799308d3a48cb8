package edit

import (
	"slices"

	"gopkg.in/yaml.v3"
)

// SetIn is [Set] in the file in which the path stands, or leads farthest; a new
// group or host goes to the file that has most of its kind. only, if given, is the
// name of the one file that may be changed.
func SetIn(files []File, only string, path Path, values ...string) (Change, error) {
	file, err := choose(files, only, path)
	if err != nil {
		return Change{}, err
	}
	r, err := Set(file.Text, path, values...)
	return Change{file.Name, r}, err
}

// RemoveIn is [Remove] in the file in which the path stands.
func RemoveIn(files []File, only string, path Path) (Change, error) {
	file, err := choose(files, only, path)
	if err != nil {
		return Change{}, err
	}
	r, err := Remove(file.Text, path)
	return Change{file.Name, r}, err
}

// AddIn is [Add] in the file that has most entries of the kind that the path's
// first key names.
func AddIn(files []File, only string, path Path, fields []Field) (Change, error) {
	file, err := choose(files, only, path)
	if err != nil {
		return Change{}, err
	}
	r, err := Add(file.Text, path, fields)
	return Change{file.Name, r}, err
}

// choose finds the file in which an edit belongs. One that is named, and isn't
// there, is made.
func choose(files []File, only string, path Path) (File, error) {
	if only != "" {
		for _, f := range files {
			if f.Name == only {
				return f, nil
			}
		}
		return File{Name: only}, nil
	}
	best, bestScore := -1, []int(nil)
	var fail error
	for i, f := range files {
		d, err := parse(f.Text)
		if err != nil {
			fail = err
			continue
		}
		w, err := d.walk(path)
		if err != nil {
			fail = err
			continue
		}
		// How far the path leads counts from the second key on: which thing it is.
		// A file that merely names the section is better than one that doesn't.
		depth := len(path) - len(w.missing)
		score := []int{0, entries(d.root, path[0]), depth, entries(d.root, "hosts")}
		if depth >= 2 {
			score[0] = depth
		}
		if slices.Compare(score, bestScore) > 0 {
			best, bestScore = i, score
		}
	}
	switch {
	case fail != nil && (best < 0 || bestScore[0] < 2):
		return File{}, fail
	case best < 0:
		return File{}, refuse("`rackhand init DIR` writes a first inventory, or name a new file with --file", "there is no *.yaml file in the inventory")
	}
	return files[best], nil
}

// entries counts the entries of a section; 0 without that section.
func entries(root *yaml.Node, section string) int {
	if root == nil || root.Kind != yaml.MappingNode {
		return 0
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == section {
			return len(root.Content[i+1].Content) / 2
		}
	}
	return 0
}
