package handout

import (
	"rackhand/bootfiles/image"
	"rackhand/bootfiles/media"
	"rackhand/provision"
)

// StageOfImage is the stage that an install reaches by the transfer of an image's file, ""
// for none: the initrd is the last file that a boot loader fetches.
func StageOfImage(file string) provision.Stage {
	if file == image.InitrdFile {
		return provision.Kernel
	}
	return ""
}

// StageOfMedia is StageOfImage for a file of media. event reports whether its transfer causes
// an event: those of the thousand packages of an install don't.
func StageOfMedia(m *media.Manifest, file string) (stage provision.Stage, event bool) {
	switch file {
	case m.Tree.Initrd:
		return provision.Kernel, true
	case m.Tree.Kernel, m.Tree.Stage2:
		return "", true
	}
	return "", false
}
