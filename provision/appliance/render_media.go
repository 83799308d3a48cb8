package appliance

import (
	"fmt"
	"path/filepath"
	"strings"

	"rackhand/bootfiles/media"
	"rackhand/inventory"
	"rackhand/templates"
)

// media is where Anaconda's kernel and tree are, for a preview. The paths are those of
// the state folder's media, or the usual ones with a note why.
func (p *Preview) media(h *inventory.Host, at string, what Answer) (templates.Image, string) {
	boot := at
	if what == Menu {
		boot = "(http," + strings.TrimPrefix(at, "http://") + ")"
	}
	folder := "/media/" + h.System.Media
	tree, note := at+folder, ""
	m := &media.Manifest{Tree: media.Treeinfo{Kernel: "images/pxeboot/vmlinuz", Initrd: "images/pxeboot/initrd.img"}, Packages: true}
	if p.Config == nil {
		note = fmt.Sprintf("the usual paths stand for those of the media %s: no configuration says where they lie", h.System.Media)
	} else if found, err := media.Load(filepath.Join(p.Config.State, "media"), h.System.Media); err != nil {
		note = fmt.Sprintf("the usual paths stand for those of the media %s: %v", h.System.Media, err)
	} else if m = found; m.Mirror != "" {
		tree = at + "/mirror/" + m.Mirror + "/" + m.Path
	}
	out := templates.Image{Kernel: boot + folder + "/" + m.Tree.Kernel, Initrd: boot + folder + "/" + m.Tree.Initrd, Media: templates.Media{Stage2: tree}}
	if m.Packages {
		out.Media.Repo = tree
	}
	return out, note
}
