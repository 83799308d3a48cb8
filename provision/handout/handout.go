// Package handout makes the texts for a host: boot scripts and GRUB menus, the URLs in them,
// the answer file, and the files that TFTP serves, by name. Package web, TFTP, `rackhand
// render` and `rackhand check` all use it, so a preview shows the text that is sent. It
// doesn't decide which client may have a text, and opens no port.
package handout

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"rackhand/bootfiles/media"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/templates"
)

// A Maker makes the texts for hosts. It is safe for concurrent use.
type Maker struct {
	Templates *templates.Set
	Secret    func(name string) (string, error)
	Secrets   string       // the folder of secrets, for errors; "" when unknown
	Random    io.Reader    // for the salts of hashed passwords
	Images    string       // the folder of root images
	Media     *media.Store // Anaconda's; nil: none
	Mirrors   []string     // the names of the package mirrors that the appliance caches
}

// Script renders a boot script or menu of the built-in templates or the operator's, such
// as install.ipxe. A host without a name is a box outside the inventory.
func (m *Maker) Script(name string, d templates.Data) (string, error) {
	return m.rendered(name, d, m.Secret)
}

// AnswerFile renders a host's Kickstart. secret looks secrets up; nil: the Maker's Secret.
func (m *Maker) AnswerFile(d templates.Data, secret func(string) (string, error)) (string, error) {
	if secret == nil {
		secret = m.Secret
	}
	return m.rendered(d.Host.Kickstart, d, secret, templates.Salt(m.Random))
}

// rendered renders a template. An error is a provision.Lack: of a secret, or of a template
// that renders.
func (m *Maker) rendered(name string, d templates.Data, secret func(string) (string, error), options ...templates.Option) (string, error) {
	missing := ""
	lookup := func(name string) (string, error) {
		value, err := secret(name)
		if err != nil {
			missing = name
		}
		return value, err
	}
	if secret == nil {
		lookup = nil
	}
	text, err := m.Templates.Render(name, d, templates.Funcs(d.Host, lookup, options...))
	switch at := (*templates.Error)(nil); {
	case err == nil:
		return text, nil
	case missing != "":
		l := &provision.Lack{What: provision.LacksSecret, Name: missing, Err: err}
		if m.Secrets != "" {
			l.More = map[string]string{"path": filepath.Join(m.Secrets, missing)}
		}
		return "", l
	case errors.As(err, &at):
		return "", &provision.Lack{What: provision.LacksTemplate, Name: at.Place.String(), Err: err}
	}
	return "", &provision.Lack{What: provision.LacksTemplate, Name: name, Err: err}
}

// Ready returns an error if a host can't be installed: its image or media are missing, or its
// answer file doesn't render. at has the appliance's URLs.
func (m *Maker) Ready(h *inventory.Host, at templates.Appliance) error {
	img, err := m.Image(h, provision.NoJob, IPXEHTTP, at.URL)
	if err != nil {
		return err
	}
	return m.Renders(h, h.MACs[0], img, at)
}

// Renders tries to render a host's answer file, secrets included: an installer that starts
// without one fails, and costs an attempt. mac is the card that boots.
func (m *Maker) Renders(h *inventory.Host, mac inventory.MAC, img templates.Image, at templates.Appliance) error {
	d := m.Data(h, at, img, Attempt{MAC: mac, Token: "token", EnrolToken: "token"})
	if _, err := m.AnswerFile(d, nil); err != nil {
		return fmt.Errorf("the answer file of %s does not render: %w", h.Name, err)
	}
	return nil
}

// HasImage returns an error if part of the image or media of a host's system is missing.
func (m *Maker) HasImage(h *inventory.Host) error {
	_, err := m.Image(h, provision.NoJob, IPXEHTTP, "")
	return err
}

// JobReady returns an error if a host's rescue, wipe or burn-in lacks an image.
func (m *Maker) JobReady(h *inventory.Host) error {
	_, err := m.Image(h, provision.JobRescue, IPXEHTTP, "")
	return err
}

// Data is the input of a host's templates. The URLs in it begin with those of at.
func (m *Maker) Data(h *inventory.Host, at templates.Appliance, img templates.Image, a Attempt) templates.Data {
	mirrors := make(map[string]string, len(m.Mirrors))
	for _, name := range m.Mirrors {
		mirrors[name] = mirrorURL(at.URL, name)
	}
	install := a.install(at.URL)
	if a.Job == provision.NoJob && h.BMC != nil && h.BMC.Setup {
		install.BMC = at.URL + "/i/" + a.Token + "/bmc"
	}
	return templates.Data{Host: h, Appliance: at, Image: img, Mirrors: mirrors, Install: install}
}
