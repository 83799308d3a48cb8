package kind

import (
	"maps"
	"slices"
	"strings"

	"rackhand/config/problem"
)

// HintType is a hint for a type of resource that rackhand doesn't have: the words of Puppet and
// Ansible, or the nearest kind. It is "" for a word that is like none of them.
func HintType(name string) string {
	if hint := foreignType(strings.ToLower(name)); hint != "" {
		return hint
	}
	if near := problem.Nearest(name, Names()); near != "" {
		return problem.DidYouMean(name, []string{near})
	}
	return ""
}

// HintFirst is a hint for the first key of a resource that is another program's word for a
// type, while a later key, such as user or line, is the name of this kind.
func (k Kind) HintFirst(keys []string) string {
	if k.Name == "" || len(keys) == 0 {
		return ""
	}
	_, own := k.Fields[keys[0]]
	_, common := Common()[keys[0]]
	if _, isKind := Find(keys[0]); own || common || isKind {
		return ""
	}
	return foreignType(keys[0])
}

// HintTitle is a hint for a list or a mapping in the place of a resource's name.
func (k Kind) HintTitle(isList bool) string {
	if isList {
		return "begin a resource for each name, or write " + k.Name + ": ${each.value} with each: [A, B]"
	}
	return "write - " + k.Name + ": " + k.Example + ", and its fields below, in the column of " + k.Name
}

func foreignType(name string) string {
	switch strings.TrimPrefix(strings.TrimPrefix(name, "ansible.builtin."), "community.general.") {
	case "apt", "dnf", "yum", "pip", "gem", "rpm":
		return "write package: NAME; it uses apt or dnf"
	case "packages":
		return "write - package: NAME for each, or each: [a, b]"
	case "systemd", "systemd_service", "unit", "systemd::unit_file", "systemd::dropin_file":
		return "write service: NAME; its unit file is file: /etc/systemd/system/NAME, settings are drop_in"
	case "copy", "template", "epp", "erb":
		return "write file: /PATH, with content, source or template"
	case "directory", "folder", "dir":
		return "write file: /PATH with ensure: directory"
	case "link", "symlink":
		return "write file: /PATH with ensure: link and target"
	case "ssh_authorized_key":
		return "write authorized_key: COMMENT, with user and key; the type is the first word of key"
	case "sudo", "sudo::conf", "sudo::rule":
		return "write sudoers: NAME"
	case "yumrepo", "yum_repository", "apt_repository", "deb822_repository", "apt::source", "apt::key", "apt_key", "apt::ppa", "zypprepo":
		return "write repository: NAME, with uris and key or key_source"
	case "file_line", "lineinfile":
		return "write line: NAME, with path and text"
	case "blockinfile":
		return "write block: NAME, with path and content"
	case "ini_setting", "ini_file", "ini_subsetting":
		return "write ini: NAME, with path, section, key and value"
	case "cron::job", "cronjob":
		return "write cron: NAME, or timer: NAME"
	case "systemd::timer":
		return "write timer: NAME, with command and schedule"
	case "command", "shell", "script", "raw":
		return "write exec: NAME, with command and creates, unless or onlyif"
	case "class", "include", "import_role", "include_role", "role", "contain":
		return "write the role into include: at the top of the file"
	case "host":
		return "write line: NAME or block: NAME with path: /etc/hosts"
	case "sysctl", "sysctl::value":
		return "rackhand has no such type: write file: /etc/sysctl.d/NAME.conf, with notify of an exec"
	case "kmod", "modprobe", "kmod::load":
		return "rackhand has no such type: write file: /etc/modules-load.d/NAME.conf"
	case "apt::pin":
		return "write file: /etc/apt/preferences.d/NAME"
	case "tidy":
		return "rackhand has no such type: write file: /etc/tmpfiles.d/NAME.conf"
	case "augeas", "replace":
		return "rackhand has no such type: write line, block, ini or the whole file"
	case "concat", "concat::fragment", "assemble":
		return "rackhand has no such type: write a file with template, a block, or files in a conf.d"
	case "notify", "debug", "fail", "assert":
		return "rackhand prints no messages from roles; begin a resource with its type, such as package: NAME"
	case "mount":
		return "rackhand has no such type: write file: /etc/systemd/system/PATH.mount, and service: PATH.mount"
	case "firewall", "selboolean", "archive", "get_url", "unarchive", "vcsrepo", "git", "reboot":
		return "rackhand has no such type: write an exec with unless or creates"
	}
	return ""
}

// HintKey is a hint for a key that the kind doesn't have: the words of Puppet and Ansible, the
// nearest field, or the kind's own fields.
func (k Kind) HintKey(name string) string {
	if hint := foreignKeys()[k.Name][name]; hint != "" {
		return hint
	}
	if hint := foreignKey(k, name); hint != "" {
		return hint
	}
	own := slices.Sorted(maps.Keys(k.Fields))
	known := append(slices.Sorted(maps.Keys(Common())), "when", "each", "as", "retry")
	if near := problem.Nearest(name, append(known, own...)); near != "" {
		return problem.DidYouMean(name, []string{near})
	}
	return k.Name + " has " + strings.Join(own, ", ") + "; every type has " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
}

// foreignKey is for words that go with every type.
func foreignKey(k Kind, name string) string {
	switch name {
	case "subscribe", "listen":
		return "write notify at the other resource: notify: " + k.Name + "[NAME]"
	case "name", "title":
		return "write the name behind the type: " + k.Name + ": " + k.Example
	case "path", "dest":
		if k.Name == "file" {
			return "write the path behind the type: file: " + k.Example
		}
	case "tag":
		return "write tags"
	case "tries", "try_sleep", "retries", "delay", "until":
		return "write retry: {tries: 3, wait: 10s}"
	case "timeout":
		return "write deadline: 60s"
	case "loop", "with_items", "with_dict", "for_each":
		return "write each: [a, b]; ${each.value} is the item"
	case "if", "onlyif", "unless", "only_if", "not_if", "case":
		return "write when: and an expression, such as facts.os.id == \"debian\""
	case "depends_on", "after", "requires":
		return "write require: TYPE[NAME]"
	case "provider":
		return "remove it: rackhand finds the provider itself"
	case "become", "become_user", "delegate_to", "register", "changed_when", "failed_when", "ignore_errors", "noop", "audit", "loglevel", "alias", "schedule", "stage", "vars":
		return "rackhand has no such attribute; remove it"
	case "state":
		if _, there := k.Fields["ensure"]; there {
			return "write ensure"
		}
	}
	return ""
}

// foreignKeys are the words for the fields of a type, and what to write instead.
func foreignKeys() map[string]map[string]string {
	const missing = "rackhand has no such field; remove it"
	return map[string]map[string]string{
		"package": {
			"version": "write ensure: VERSION", "install_options": "write release: RELEASE for apt's -t", "mark": "write hold: true",
			"source": "declare a repository with that package", "update_cache": missing, "responsefile": missing, "configfiles": missing,
		},
		"service": {
			"ensure": "write running: true or false; masked: true masks it", "state": "write running: true or false", "enable": "write enabled: true or false",
			"hasstatus": missing, "hasrestart": missing, "status": missing, "start": missing, "stop": missing, "pattern": missing, "binary": missing,
			"restart": "write refresh: reload, if a notification reloads it", "daemon_reload": "remove it: the agent has systemd read changed units",
		},
		"file": {
			"src": "write source: NAME, a file of templates/", "validate_cmd": `write validate: [PROGRAM, "%s"]`, "show_diff": "write sensitive: true",
			"seltype": missing, "links": missing, "checksum": missing, "ignore": missing, "recurselimit": missing,
		},
		"user": {
			"managehome": "write manage_home", "create_home": "write manage_home", "gid": "write group: NAME, its primary group",
			"purge_ssh_keys": "write exclusive: true at an authorized_key of the user", "ssh_keys": "declare each as authorized_key: COMMENT, with user and key",
			"append": "write membership: minimum", "expires": "write expiry: 2030-01-31", "remove": "write remove_home: true",
			"password_max_age": missing, "password_min_age": missing, "allowdupe": missing, "forcelocal": missing,
		},
		"group": {"members": "write groups at each user", "allowdupe": missing, "forcelocal": missing},
		"authorized_key": {
			"type": "write the type as the first word of key: ssh-ed25519 AAAA...", "target": "remove it: the file is ~/.ssh/authorized_keys of the user", "key_options": "write options",
		},
		"repository": {
			"baseurl": "write uris: https://...", "location": "write uris: https://...", "url": "write uris: https://...", "uri": "write uris: https://...", "repo": "write uris: https://..., suites and components",
			"release": "write suites: [NAME]", "suite": "write suites: [NAME]", "repos": "write components: [main]", "component": "write components: [main]",
			"gpgcheck": "remove it: signatures are checked unless you write unsigned: true", "gpgkey": "write key_source: FILE, a file of templates/, or key",
			"signed_by": "write key_source: FILE, a file of templates/, or key", "descr": missing,
		},
		"line": {
			"line": "write text", "after": "write insert_after", "insertafter": "write insert_after", "insertbefore": "write insert_before", "regexp": "write match",
			"file": "write path: /PATH", "dest": "write path: /PATH",
		},
		"block": {"block": "write content", "insertafter": "write insert_after", "insertbefore": "write insert_before", "dest": "write path: /PATH"},
		"ini":   {"setting": "write key", "option": "write key", "key_val_separator": "write separator", "dest": "write path: /PATH"},
		"cron":  {"monthday": "write day", "special": `write schedule: "@daily"`, "special_time": `write schedule: "@daily"`, "job": "write command", "target": "remove it: the file is /etc/cron.d/NAME"},
		"timer": {
			"on_calendar": "write schedule", "OnCalendar": "write schedule", "minute": `write schedule: "*-*-* 04:30:00"`, "hour": `write schedule: "*-*-* 04:30:00"`,
		},
		"exec": {
			"path": "write absolute paths, or environment: [\"PATH=...\"]", "refreshonly": "write refresh_only", "returns": "write exit: [0, 2]", "cmd": "write command",
			"chdir": "write cwd", "logoutput": "remove it: a failure shows the last lines", "provider": "remove it: a text is run by sh -ec, a list without a shell",
		},
		"sudoers": {"priority": "write a number into the name: 10-deploy", "nopassword": "write nopasswd"},
	}
}

// hintValue is a hint for a value of ensure and the like.
func hintValue(text string, known []string) string {
	with := func(word string) string {
		if slices.Contains(known, word) {
			return "write " + word
		}
		return ""
	}
	hint := ""
	switch text {
	case "installed", "true":
		hint = with("present")
	case "present":
		hint = with("file")
	case "symlink":
		hint = with("link")
	case "dir", "folder":
		hint = with("directory")
	case "removed", "false":
		hint = with("absent")
	}
	if hint == "" {
		hint = problem.DidYouMean(text, known)
	}
	return hint
}

// hintID is a hint for the id of a resource. Puppet's ids have a capital and quotes.
func hintID(text string) string {
	plain := strings.ToLower(strings.NewReplacer("'", "", `"`, "").Replace(text))
	if k, _, ok := ID(plain); ok {
		return "write " + k.Name + "[" + strings.Trim(text[len(k.Name)+1:len(text)-1], `'"`) + "]"
	}
	return "write KIND[NAME], such as package[nginx] or file[/etc/motd]"
}
