package image

import (
	"errors"
	"io/fs"
	"path/filepath"

	"rackhand/config/problem"
	"rackhand/config/schema"
)

// ReadRecipe reads and checks a recipe's file, such as
//
//	distribution: debian
//	release: bookworm
//	packages: [nginx, tcpdump]
//
// A relative key begins at the file's folder.
func ReadRecipe(path string) (Recipe, problem.Problems) {
	data, err := schema.ReadFile(path, schema.MaxSize)
	if err != nil {
		var list problem.List
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = "three lines are enough: distribution: debian, release: bookworm, packages: [nginx]"
		}
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		list.Addf(problem.Place{File: path}, hint, "can't read the recipe: %v", err)
		return Recipe{}, list.Problems()
	}
	return ParseRecipe(path, data)
}

// ParseRecipe is ReadRecipe for a file's bytes; path names it in problems.
func ParseRecipe(path string, data []byte) (Recipe, problem.Problems) {
	var list problem.List
	root, ok := schema.Parse(path, data, &list)
	if !ok {
		return Recipe{}, list.Problems()
	}
	r := recipeReader{dir: filepath.Dir(path)}
	root.Fields("recipe", r.fields())
	r.check(root)
	if list.Len() > 0 {
		return Recipe{}, list.Problems()
	}
	return r.recipe, nil
}

// A recipeReader fills a Recipe from a file's nodes.
type recipeReader struct {
	recipe  Recipe
	dir     string
	sources []schema.Node
	given   bool // the release
}

// fields are the keys of a recipe.
func (r *recipeReader) fields() schema.Fields {
	return schema.Fields{
		"distribution": func(n schema.Node) {
			r.recipe.Distribution, _ = n.OneOf("distribution", distributions()...)
		},
		"release": func(n schema.Node) {
			r.given = true
			r.recipe.Release, _ = n.Text("release")
		},
		"packages": func(n schema.Node) {
			each(n, "packages", checkPackage, func(s string) { r.recipe.Packages = append(r.recipe.Packages, s) })
		},
		"mirror": func(n schema.Node) {
			if s, ok := address(n, "mirror", checkURL); ok {
				r.recipe.Mirror = s
			}
		},
		"sources": func(n schema.Node) {
			items, _ := n.List("sources")
			r.sources = items
			for _, item := range items {
				if s, ok := address(item, "sources", func(string) error { return nil }); ok {
					r.recipe.Sources = append(r.recipe.Sources, s)
				}
			}
		},
		"key": func(n schema.Node) {
			if s, ok := n.Text("key"); ok {
				if !filepath.IsAbs(s) {
					s = filepath.Join(r.dir, s)
				}
				if abs, err := filepath.Abs(s); err == nil {
					r.recipe.Key = abs
				}
			}
		},
		"unsigned": func(n schema.Node) { r.recipe.Unsigned, _ = n.Bool("unsigned") },
	}
}

// each reads a list of texts that fit.
func each(n schema.Node, what string, fits func(string) error, take func(string)) {
	items, _ := n.List(what)
	for _, item := range items {
		s, ok := item.Text(what)
		if !ok {
			continue
		}
		if err := fits(s); err != nil {
			item.Problem("", "%s: %v", what, err)
			continue
		}
		take(s)
	}
}

// address reads a text with a URL, in which a password may stand by mistake: no
// problem shows it.
func address(n schema.Node, what string, fits func(string) error) (string, bool) {
	s, ok := n.Text(what)
	if !ok {
		return "", false
	}
	if err := fits(s); err != nil {
		n.Hide()
		n.Problem("", "%s: %v", what, err)
		return "", false
	}
	return s, true
}

// check looks at what only the whole shows.
func (r *recipeReader) check(root schema.Node) {
	d, ok := distros()[r.recipe.Distribution]
	if !ok {
		if r.recipe.Distribution == "" {
			root.Problem("write distribution: debian", "recipe: the distribution is missing")
		}
		return
	}
	if !r.given {
		root.Problem("write release: "+d.releaseNames()[0], "recipe: the release is missing")
		return
	}
	for _, n := range r.sources {
		address(n, "sources", func(s string) error { return checkSource(d.format, s) })
	}
	if err := r.recipe.Check(); err != nil {
		root.Problem("", "recipe: %v", err)
	}
}

// RecipeSchema is the JSON Schema (draft 7) of a recipe, for editors.
func RecipeSchema() ([]byte, error) {
	return schema.JSON("rackhand image recipe", recipeShape(), recipeDocs())
}

func recipeShape() *schema.Shape {
	return schema.ShapeOf(func(root schema.Node) {
		r := recipeReader{}
		root.Fields("recipe", r.fields())
	})
}

func recipeDocs() schema.Docs {
	return schema.Docs{
		"":             {Text: "The contents of a root image, for `rackhand image build NAME --recipe FILE`.", Required: []string{"distribution", "release"}},
		"distribution": {Text: "The distribution whose packages it has.", Examples: []string{"debian"}},
		"release":      {Text: "The release's name or number.", Examples: []string{"bookworm", `"12"`}},
		"packages":     {Text: "Packages in addition to those that every image of the distribution has.", Pattern: packageForm.String(), Examples: []string{"[nginx, tcpdump]"}},
		"mirror":       {Text: "The URL of Debian's or Ubuntu's usual suites. Without it and without sources, Debian's come from the archives of this machine's apt.", Pattern: `^(https?|file)://[^@ ]+$`, Examples: []string{"http://mirror.example/ubuntu"}},
		"sources":      {Text: "Archives, instead of a mirror: for apt URL SUITE COMPONENT..., for dnf a repository's URL.", Pattern: `^(https?|file)://[^@]+$`, Examples: []string{"[http://mirror.example/debian bookworm main]"}},
		"key":          {Text: "File of the keys that sign the sources; a relative path begins at this file's folder. Without it, the distribution's own keyring (for apt).", Examples: []string{"keys/site.gpg"}},
		"unsigned":     {Text: "Accept unsigned sources. For your own repository on your own network.", Default: "false", Examples: []string{"true"}},
	}
}
