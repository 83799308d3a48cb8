package engine

import "rackhand/templates/kickstart"

// imageWhole checks rules about the whole file. Under Skip, a file without liveimg
// installs the image of the inventory's system.
func imageWhole(ps *kickstart.Problems, f *kickstart.File, skip, part bool) {
	top := kickstart.Pos{Line: 1, Col: 1}
	switch images := f.Find("liveimg"); {
	case len(images) == 0 && !skip:
		ps.Errorf(top, "add liveimg --url=URL --checksum=SHA256", "there is nothing to install")
	case len(images) > 1:
		ps.Errorf(images[1].Pos, "leave one of them out", "a second liveimg; the first is in line %d", images[0].Pos.Line)
	}
	if !part {
		imageStorage(ps, f)
	}
	imageNetwork(ps, f)
	imageRepeats(ps, f)
}
