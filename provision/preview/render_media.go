package preview

import (
	"fmt"
	"path/filepath"
	"strings"

	"rackhand/bootfiles/media"
	"rackhand/inventory"
	"rackhand/provision/web"
	"rackhand/templates"
)

// media is where Anaconda's kernel and tree are, for a preview. The paths are those of
// the state folder's media, or the usual ones with a note why.
func (p *Preview) media(h *inventory.Host, at string, what Answer) (templates.Image, string) {
	boot := at
	if what == Menu {
		boot = "(http," + strings.TrimPrefix(at, "http://") + ")"
	}
	note := ""
	m := &media.Manifest{Name: h.System.Media, Tree: media.Treeinfo{Kernel: "images/pxeboot/vmlinuz", Initrd: "images/pxeboot/initrd.img"}, Packages: true}
	if p.Config == nil {
		note = fmt.Sprintf("the usual paths stand for those of the media %s: no configuration says where they lie", h.System.Media)
	} else if found, err := media.Load(filepath.Join(p.Config.State, "media"), h.System.Media); err != nil {
		note = fmt.Sprintf("the usual paths stand for those of the media %s: %v", h.System.Media, err)
	} else {
		m = found
	}
	return web.MediaImage(m, boot, at), note
}
