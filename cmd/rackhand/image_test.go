package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/bootfiles/image"
)

// The recipe to build: a file's, the name's, or the existing image's, with flags on
// top.
func TestImageRecipe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.yaml")
	if err := os.WriteFile(file, []byte("distribution: debian\nrelease: trixie\npackages: [nginx]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bookworm := image.Recipe{Distribution: "debian", Release: "bookworm"}
	tmux := bookworm
	tmux.Packages = []string{"tmux"}
	nginx := image.Recipe{Distribution: "debian", Release: "trixie", Packages: []string{"nginx"}}
	both := nginx
	both.Packages = []string{"nginx", "tmux"}
	for _, c := range []struct {
		name string
		cmd  imageBuild
		old  *image.Manifest
		want image.Recipe
		file string
		err  string
	}{
		{"a name", imageBuild{Name: "debian12"}, nil, bookworm, "", ""},
		{"a name and a flag", imageBuild{Name: "debian12-tmux", Package: []string{"tmux"}}, nil, tmux, "", ""},
		{"flags alone", imageBuild{Name: "web", Distribution: "debian", Release: "12"}, nil, bookworm, "", ""},
		{"a file", imageBuild{Name: "web", Recipe: file}, nil, nginx, file, ""},
		{"a file and a flag", imageBuild{Name: "web", Recipe: file, Package: []string{"tmux"}}, nil, both, "", ""},
		{"the image that is there", imageBuild{Name: "web"}, &image.Manifest{Recipe: &tmux}, tmux, "", ""},
		{"its file", imageBuild{Name: "web"}, &image.Manifest{Recipe: &tmux, RecipeFile: file}, nginx, file, ""},
		{"its file is gone", imageBuild{Name: "web"}, &image.Manifest{Recipe: &tmux, RecipeFile: "/nonexistent/x"}, image.Recipe{}, "", "can't read the recipe"},
		{"flags instead of it", imageBuild{Name: "debian12", Package: []string{"tmux"}}, &image.Manifest{Recipe: &nginx}, tmux, "", ""},
		{"an image from before recipes", imageBuild{Name: "debian12"}, &image.Manifest{}, bookworm, "", ""},
		{"nothing", imageBuild{Name: "web"}, nil, image.Recipe{}, "", "image web has no recipe"},
		{"nothing, an import", imageBuild{Name: "web"}, &image.Manifest{Import: &image.Imported{}}, image.Recipe{}, "", "image web has no recipe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, at, err := c.cmd.recipe(c.old)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" || at != c.file {
				t.Errorf("from %q, want %q (-want +got):\n%s", at, c.file, d)
			}
		})
	}
}

// make image rebuilds the image of an older program.
func TestImageDiffers(t *testing.T) {
	r := image.Recipe{Distribution: "debian", Release: "bookworm"}
	sum, err := r.Sum()
	if err != nil {
		t.Fatal(err)
	}
	other := r
	other.Packages = []string{"tmux"}
	for _, c := range []struct {
		name, want string
		old        image.Manifest
		recipe     image.Recipe
	}{
		{"the same", "", image.Manifest{Recipe: &r, RecipeSum: sum}, r},
		{"another recipe", "it was made by another recipe", image.Manifest{Recipe: &r, RecipeSum: sum}, other},
		{"another program", "this program makes it otherwise", image.Manifest{Recipe: &r, RecipeSum: strings.Repeat("0", 64)}, r},
		{"before recipes", "made before recipes were kept", image.Manifest{}, r},
	} {
		if got, err := differs(&c.old, c.recipe); err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
		}
	}
	if _, err := differs(&image.Manifest{Import: &image.Imported{File: "x.tar"}}, r); err == nil || !strings.Contains(err.Error(), "imported from x.tar") {
		t.Errorf("an import: %v", err)
	}
}
