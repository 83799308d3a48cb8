package image

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// checkReady looks for what would make a build fail later, with less to say, and settles
// the recipe.
func checkReady(o *Options) error {
	if err := CheckName(o.Name); err != nil {
		return err
	}
	if err := o.settle(); err != nil {
		return err
	}
	if runtime.GOARCH != arch {
		return fmt.Errorf("images are built for %s, and this machine is %s", arch, runtime.GOARCH)
	}
	if len(o.Installer) == 0 {
		return errors.New("the installer is empty; build rackhand with its payload")
	}
	if os.Geteuid() != 0 {
		return errors.New("it needs root, since a root image holds files of every owner: run it with sudo")
	}
	d := o.Recipe.distro()
	// Debian's tools are wanted in any case; those of other roots come from there.
	needs := map[string]string{"mmdebstrap": "mmdebstrap"}
	if d.format == rpm {
		needs["dnf"], needs["rpm"] = "dnf", "rpm"
	}
	for _, program := range slices.Sorted(maps.Keys(needs)) {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s isn't installed: apt install %s", program, needs[program])
		}
	}
	if d.keyring != "" && o.Recipe.Key == "" && !o.Recipe.Unsigned {
		if _, err := os.Stat(d.keyring); err != nil {
			return fmt.Errorf("the keys of %s aren't installed: apt install %s, or name the file of the keys", o.Recipe.Distribution, d.keys)
		}
	}
	if o.Recipe.Key != "" {
		if _, err := os.Stat(o.Recipe.Key); err != nil {
			return fmt.Errorf("the file of the keys: %w", err)
		}
	}
	return checkSpace(o.Dir)
}

// settle finds the recipe and checks it.
func (o *Options) settle() error {
	if o.Recipe == nil {
		r, ok := RecipeFor(o.Name)
		if !ok {
			return fmt.Errorf("no recipe says what %s is: give one, or a name such as debian12 or debian12-web", o.Name)
		}
		o.Recipe = &r
	}
	r := *o.Recipe
	if len(o.Sources) > 0 { // given in another form than the recipe's
		r.Mirror, r.Sources = "", nil
	}
	if err := r.Check(); err != nil && len(o.Sources) == 0 {
		return err
	}
	o.Recipe = &r
	return nil
}

// checkSpace makes the folder of all images and asks for room in it.
func checkSpace(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("ask for the room in %s: %w", dir, err)
	}
	if free := fs.Bavail * uint64(fs.Bsize); free < buildSpace {
		return fmt.Errorf("%s has %d MB free, and a build takes up to %d MB: make room", dir, free>>20, buildSpace>>20)
	}
	return nil
}
