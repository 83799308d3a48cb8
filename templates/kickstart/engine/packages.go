package engine

import (
	"regexp"
	"slices"
	"strings"

	"rackhand/templates/kickstart"
)

// Packages is a %packages section for the image engine: the packages that the image's own
// package manager adds.
type Packages struct {
	Section                                     *kickstart.Section
	Install, Exclude                            []string
	IgnoreMissing, ExcludeDocs, ExcludeWeakDeps bool
	Timeout, Retries                            int // of a download; the timeout in seconds; 0: the default of the package manager
}

// packageName is the form of names that every package manager accepts: no patterns, and no
// dash at the end, by which apt would remove the package.
var packageName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.+_:~-]{0,126}[A-Za-z0-9+])?$`)

// ReadPackages reads a %packages section for the image engine. When it returns problems,
// the packages mean nothing.
func ReadPackages(f *kickstart.File, s *kickstart.Section) (Packages, []*kickstart.Problem) {
	ps := &kickstart.Problems{File: f.Name}
	out := Packages{Section: s}
	syntax, err := kickstart.LookupSyntax(imageRelease)
	if err != nil {
		ps.Errorf(s.Pos, "", "%v", err)
		return out, ps.List
	}
	args := kickstart.BindSection(ps, imageRelease, syntax, s)
	for _, o := range args.Options {
		switch o.Name() {
		case "--ignoremissing":
			out.IgnoreMissing = true
		case "--excludedocs":
			out.ExcludeDocs = true
		case "--excludeWeakdeps", "--exclude-weakdeps":
			out.ExcludeWeakDeps = true
		case "--timeout", "--retries":
			if kickstart.KindCount.Check(o.Value) != "" || kickstart.Count(o.Value) > 3600 {
				ps.Errorf(o.ValuePos, "a whole number up to 3600", "%%packages: %s has a value that can't be used", o.Name())
			}
			if o.Name() == "--timeout" {
				out.Timeout = kickstart.Count(o.Value)
			} else {
				out.Retries = kickstart.Count(o.Value)
			}
		case "--nocore": // images have no group core
		default:
			ps.Errorf(o.Pos, "it can do --ignoremissing --excludedocs --exclude-weakdeps --timeout --retries",
				"rackhand-installer can't carry out %%packages %s", o.Name())
		}
	}
	seen := map[string]kickstart.Pos{}
	for i, line := range kickstart.SplitLines(s.Body) {
		line, _, _ = strings.Cut(line, "#")
		_, at := kickstart.FirstField(line, s.BodyLine+i)
		line = strings.TrimFunc(line, kickstart.IsSpace)
		name, minus := strings.CutPrefix(line, "-")
		name = strings.TrimFunc(name, kickstart.IsSpace)
		switch {
		case line == "":
			continue
		case strings.HasPrefix(name, "@"):
			ps.Errorf(at, "name the packages", "rackhand-installer adds packages to an image, and a group makes no sense on one: %s", kickstart.Clip(line))
		case strings.HasPrefix(line, "%include") || strings.HasPrefix(line, "%ksappend"):
			ps.Errorf(at, "put the lines themselves here", "rackhand-installer can't carry out %s", kickstart.Clip(strings.Fields(line)[0]))
		case strings.ContainsAny(name, "*?["):
			ps.Errorf(at, "name the packages", "rackhand-installer takes no patterns of packages: %s", kickstart.Clip(line))
		case strings.ContainsFunc(name, kickstart.IsSpace):
			ps.Errorf(at, "a line for each package", "%%packages: %s is not one package", kickstart.Clip(line))
		case !packageName.MatchString(name):
			ps.Errorf(at, "", "%%packages: %s can't be a package's name", kickstart.Clip(line))
		default:
			if first, ok := seen[name]; ok && minus != slices.Contains(out.Exclude, name) {
				ps.Errorf(at, "leave one of them out", "%%packages: %s is wanted and unwanted; first in line %d", name, first.Line)
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
	return out, ps.List
}
