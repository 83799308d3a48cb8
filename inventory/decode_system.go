package inventory

import (
	"rackhand/config/schema"
)

// A systemDecl is a system as declared, with the layer it gives to its hosts.
type systemDecl struct {
	declared
	System
	layer  layer
	places places // where its values stand
}

func (l *loader) decodeSystem(name string, key, value schema.Node) {
	what := "system " + name
	if !validName(name) {
		key.Problem(nameHint, "%q can't be a system's name", name)
		return
	}
	if !declare(l.systems, "system", name, key, maxOthers) {
		return
	}
	d := &systemDecl{declared: declared{key}, System: System{Name: name}, layer: layer{}, places: places{"": key.At().String()}}
	l.systems[name] = d
	fields := l.layerFields(what, d.layer)
	given := map[string]schema.Node{}
	word := func(field string, valid func(string) bool, to *string) func(schema.Node) {
		return func(n schema.Node) {
			given[field] = n
			text, ok := n.Text(what + ": " + field)
			if ok && !valid(text) {
				n.Problem(nameHint, "%s: %q can't be %s", what, text, field)
				return
			}
			*to = text
		}
	}
	fields["release"] = word("release", validName, &d.Release)
	fields["image"] = word("image", validName, &d.Image)
	fields["media"] = word("media", validFileName, &d.Media)
	fields["installer"] = func(n schema.Node) {
		given["installer"] = n
		d.Installer, _ = n.OneOf(what+": installer", InstallerImage, InstallerAnaconda)
	}
	fields["unsupported"] = func(n schema.Node) {
		given["unsupported"] = n
		d.Unsupported, _ = n.OneOf(what+": unsupported", UnsupportedRefuse, UnsupportedSkip)
	}
	fields["arch"] = func(n schema.Node) {
		// As the kernel and other distributions name them.
		others := map[string]string{"x86_64": "write arch: " + ArchAMD64, "aarch64": "write arch: " + ArchARM64}
		d.Arch, _ = n.OneOfOr(what+": arch", others, ArchAMD64, ArchARM64)
	}
	if !value.FieldsHint(what, d.places.keep(fields), layerHint, nil) {
		return
	}
	need := func(field, hint string) {
		if _, ok := given[field]; !ok {
			key.Problem(hint, "%s has no %s", what, field)
		}
	}
	foreign := func(field string) {
		if n, ok := given[field]; ok {
			n.Problem("remove it, or choose the other installer", "%s: installer %s has no use for %s", what, d.Installer, field)
		}
	}
	switch d.Installer {
	case InstallerImage:
		need("image", "add image: NAME; `rackhand image build NAME` makes it")
		foreign("media")
	case InstallerAnaconda:
		need("media", "add media: FILE.iso, the distribution's own")
		need("release", "add release: RHEL9 or the like; it says which Kickstart commands there are")
		foreign("image")
		foreign("unsupported")
	default:
		need("installer", "add installer: image or installer: anaconda")
	}
}

// A groupDecl is a group as declared: a layer with a name.
type groupDecl struct {
	declared
	layer layer
}

func (l *loader) decodeGroup(name string, key, value schema.Node) {
	what := "group " + name
	if !validName(name) {
		key.Problem(nameHint, "%q can't be a group's name", name)
		return
	}
	if !declare(l.groups, "group", name, key, maxOthers) {
		return
	}
	d := &groupDecl{declared: declared{key}, layer: layer{}}
	l.groups[name] = d
	value.FieldsHint(what, l.layerFields(what, d.layer, keySystem), layerHint, nil)
}
