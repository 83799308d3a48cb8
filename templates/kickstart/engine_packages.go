package kickstart

import (
	"strings"
)

// Packages is a %packages section for the image engine: what the image's own
// package manager adds to the image.
type Packages struct {
	Section                                     *Section
	Install, Exclude                            []string
	IgnoreMissing, ExcludeDocs, ExcludeWeakDeps bool
	Timeout, Retries                            int // of a download: seconds; 0 is the package manager's own
}

// packageName is what every package manager takes for a name: no patterns, and no
// dash at the end, which apt reads as an order to remove.
var packageName = matcher(`^[A-Za-z0-9]([A-Za-z0-9.+_:~-]*[A-Za-z0-9+])?$`, 128)

// ImagePackages reads a %packages section for the image engine. With problems, the
// packages are of no use.
func ImagePackages(f *File, s *Section) (Packages, []*Problem) {
	ps := &problems{file: f.Name}
	out := Packages{Section: s}
	syntax, err := LookupSyntax(imageRelease)
	if err != nil {
		ps.errorf(s.Pos, "", "%v", err)
		return out, ps.list
	}
	args := bindSection(ps, imageRelease, syntax, s)
	for _, o := range args.Options {
		switch o.Name() {
		case "--ignoremissing":
			out.IgnoreMissing = true
		case "--excludedocs":
			out.ExcludeDocs = true
		case "--excludeWeakdeps", "--exclude-weakdeps":
			out.ExcludeWeakDeps = true
		case "--timeout", "--retries":
			if !isCount(o.Value) || Count(o.Value) > 3600 {
				ps.errorf(o.ValuePos, "a whole number up to 3600", "%%packages: %s has a value that can't be used", o.Name())
			}
			if o.Name() == "--timeout" {
				out.Timeout = Count(o.Value)
			} else {
				out.Retries = Count(o.Value)
			}
		case "--nocore": // an image has no group core that could be added
		default:
			ps.errorf(o.Pos, "it can do --ignoremissing --excludedocs --exclude-weakdeps --timeout --retries",
				"rackhand-installer can't carry out %%packages %s", o.Name())
		}
	}
	seen := map[string]Pos{}
	for i, line := range splitLines(s.Body) {
		line, _, _ = strings.Cut(line, "#")
		_, at := firstField(line, s.BodyLine+i)
		line = strings.TrimFunc(line, isSpace)
		name, minus := strings.CutPrefix(line, "-")
		name = strings.TrimFunc(name, isSpace)
		switch {
		case line == "":
			continue
		case strings.HasPrefix(name, "@"):
			ps.errorf(at, "name the packages", "rackhand-installer adds packages to an image, and a group makes no sense on one: %s", clip(line))
		case strings.HasPrefix(line, "%include") || strings.HasPrefix(line, "%ksappend"):
			ps.errorf(at, "put the lines themselves here", "rackhand-installer can't carry out %s", clip(strings.Fields(line)[0]))
		case strings.ContainsAny(name, "*?["):
			ps.errorf(at, "name the packages", "rackhand-installer takes no patterns of packages: %s", clip(line))
		case strings.ContainsFunc(name, isSpace):
			ps.errorf(at, "a line for each package", "%%packages: %s is not one package", clip(line))
		case !packageName(name):
			ps.errorf(at, "", "%%packages: %s can't be a package's name", clip(line))
		default:
			if first, ok := seen[name]; ok && minus != contains(out.Exclude, name) {
				ps.errorf(at, "leave one of them out", "%%packages: %s is wanted and unwanted; first in line %d", name, first.Line)
				continue
			}
			seen[name] = at
			if minus {
				out.Exclude = append(out.Exclude, name)
			} else {
				out.Install = append(out.Install, name)
			}
		}
	}
	return out, ps.list
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}
