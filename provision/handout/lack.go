package handout

import (
	"errors"

	"rackhand/bootfiles/image"
	"rackhand/bootfiles/media"
	"rackhand/provision"
)

// LackOfImage is an error about an image as a Lack: the image is missing, or doesn't fit.
func LackOfImage(name string, err error) error {
	what := provision.LacksOtherImage
	if errors.Is(err, image.ErrNoImage) {
		what = provision.LacksImage
	}
	return &provision.Lack{What: what, Name: name, Err: err}
}

// LackOfMedia is an error about media as a Lack: they are missing, or can't be read.
func LackOfMedia(name string, err error) error {
	what := provision.LacksWholeMedia
	if errors.Is(err, media.ErrNoMedia) {
		what = provision.LacksMedia
	}
	return &provision.Lack{What: what, Name: name, Err: err}
}
