package twin

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// A pair is the same declarations in two languages.
type pair struct {
	// name is that of a role (small letters, digits, hyphens).
	name string
	// puppet is put into a class of its own, with all that it declares.
	puppet string
	// role is a role, or its resources alone.
	role string
	// prepare is a shell script that runs on both systems before the first run.
	prepare string
	// drift is a shell script that runs on both systems after the second run. The third one
	// must bring both back to what they were after the first, but for files named *.log.
	drift string
	// differs says why a fact differs between the twins, by the fact's name, in which an
	// asterisk stands for any text: "file /etc/cron.d/*". A reason that no fact needs is a fault.
	differs map[string]string
	// stays says why a fact that drifted isn't brought back, by the fact's name.
	stays map[string]string
	// files are further files of the inventory's folder, by their names: roles/vhost.yaml.
	files map[string]string
	// refuses says why rackhand fails where Puppet doesn't; "" if it doesn't.
	refuses string
	// fails: a resource of the pair fails with both tools, at each run.
	fails bool
	// repeats says why Puppet has something to do at each run; "" if it hasn't.
	repeats string
}

func (p *pair) class() string { return "pair_" + strings.ReplaceAll(p.name, "-", "_") }

func (p *pair) manifest() string {
	return "class " + p.class() + " {\n" + p.puppet + "\n}\ninclude " + p.class() + "\n"
}

// roleText is the role's file. A start is watched for a second: the five of the default would
// make the test slow.
func (p *pair) roleText() string {
	p.role = strings.ReplaceAll(p.role, "running: true", "running: true, settle: 1s")
	if strings.HasPrefix(strings.TrimSpace(p.role), "-") {
		return "resources:\n" + p.role + "\n"
	}
	return p.role + "\n"
}

// names reports whether the pair speaks of what a fact is about: of its path, of a folder
// above it, or of its name.
func (p *pair) names(fact string) bool {
	_, subject, _ := strings.Cut(fact, " ")
	subject = strings.TrimSuffix(subject, ".service")
	if log, ok := strings.CutSuffix(subject, ".log"); ok {
		subject = path.Base(log)
	}
	all := strings.Join([]string{p.puppet, p.role, p.prepare, p.drift}, "\n")
	for {
		if regexp.MustCompile(`(^|[^\w.-])` + regexp.QuoteMeta(subject) + `($|[^\w-])`).MatchString(all) {
			return true
		}
		i := strings.LastIndex(subject, "/")
		if i < 0 || strings.Count(subject[:i], "/") < 2 {
			return false
		}
		subject = subject[:i]
	}
}

// matches reports whether a pattern with asterisks is that of a fact.
func matches(pattern, fact string) bool {
	quoted := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")
	return regexp.MustCompile("^" + quoted + "$").MatchString(fact)
}

// pairs are all pairs, in the order in which both systems bring them about.
func pairs() []pair {
	return slices.Concat(groupPairs(), userPairs(), execPairs(), filePairs(), treePairs(), textPairs(), packagePairs(), servicePairs(), languagePairs())
}
