package provision

import (
	"errors"
	"maps"
)

// What an install can lack: the words of the field `lacks` of an event. The field `name`
// says which one.
const (
	LacksImage       = "image"        // the root image isn't built
	LacksOtherImage  = "image-unfit"  // it is for another processor, or can't be read
	LacksMedia       = "media"        // the media were not added
	LacksOtherMedia  = "media-unfit"  // they are for another release or processor
	LacksWholeMedia  = "media-broken" // they can't be read
	LacksSecret      = "secret"       // a secret is missing or can't be read; `path` is its file
	LacksTemplate    = "template"     // a template doesn't render; name is file:line:column
	LacksSystem      = "system"       // the host has no system that can be installed
	LacksBootProgram = "boot-program" // `package` or `fetch` says where it comes from
	LacksFile        = "file"         // a file of ours can't be read
)

// A Lack is an error that says what a host's install lacks.
type Lack struct {
	What, Name string
	// More are further fields of the event.
	More map[string]string
	Err  error
}

func (l *Lack) Error() string { return l.Err.Error() }

// LackFields are the fields of an event about it.
func (l *Lack) LackFields() map[string]string {
	f := map[string]string{"lacks": l.What, "name": l.Name}
	maps.Copy(f, l.More)
	return f
}

// Unwrap returns the error itself.
func (l *Lack) Unwrap() error { return l.Err }

// LackFields are the fields of an event about an error: what is lacking, if the error says
// it, and nothing otherwise. They have no secret. bootfiles.Missing says it too.
func LackFields(err error) map[string]string {
	var l interface{ LackFields() map[string]string }
	if !errors.As(err, &l) {
		return map[string]string{}
	}
	return l.LackFields()
}
