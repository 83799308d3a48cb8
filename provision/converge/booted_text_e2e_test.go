//go:build e2e

package converge

import "rackhand/provision/catalog"

// textCases are the kinds that edit files.
func textCases() []conformance {
	at := func(path string) catalog.Edited { return catalog.Edited{Path: path} }
	return []conformance{
		{
			name:    "line",
			prepare: `printf '# ssh\n#Port 1\nMatch all' > /etc/edited; chmod 640 /etc/edited; chown 0:1 /etc/edited`,
			declare: catalog.Resource{Line: &catalog.Line{Name: "port", Ensure: catalog.Present, Edited: at("/etc/edited"), Text: "Port 22", Match: "^#?Port "}},
			made:    "changed line 2 replaced", is: `printf '# ssh\nPort 22\nMatch all' | cmp - /etc/edited; test "$(stat -c %a:%u:%g /etc/edited)" = 640:0:1`,
			drift: "sed -i s/22/23/ /etc/edited", mended: "changed line 2 replaced",
			absent: &catalog.Resource{Line: &catalog.Line{Name: "port", Ensure: catalog.Absent, Edited: at("/etc/edited"), Match: "^Port "}},
			gone:   `printf '# ssh\nMatch all' | cmp - /etc/edited`,
		},
		{
			name: "line in a new file",
			declare: catalog.Resource{Line: &catalog.Line{
				Name: "new", Ensure: catalog.Present, Text: "x", Edited: catalog.Edited{Path: "/etc/edited-new", Create: true, Mode: "0600", Group: "daemon"},
			}},
			made: "changed made, 2 bytes", is: `test "$(cat /etc/edited-new)" = x; test "$(stat -c %a:%G /etc/edited-new)" = 600:daemon`,
			drift: "rm /etc/edited-new", mended: "changed made, 2 bytes",
		},
		{
			name:    "block",
			declare: catalog.Resource{Block: &catalog.Block{Name: "db hosts", Ensure: catalog.Present, Edited: at("/etc/hosts"), Content: "10.0.0.5 db\n"}},
			prepare: "echo 127.0.0.1 localhost > /etc/hosts",
			made:    "changed block of 1 lines added at line 2", is: "sed -n 3p /etc/hosts | grep -x '10.0.0.5 db'",
			drift: "sed -i s/0.5/0.6/ /etc/hosts", mended: "changed block replaced, lines 2 to 4",
			absent: &catalog.Resource{Block: &catalog.Block{Name: "db hosts", Ensure: catalog.Absent, Edited: at("/etc/hosts")}},
			gone:   "echo 127.0.0.1 localhost | cmp - /etc/hosts",
		},
		{
			name: "ini",
			declare: catalog.Resource{INI: &catalog.INI{
				Name: "shell", Ensure: catalog.Present, Edited: at("/etc/systemd/system.conf"), Section: "Manager", Key: "DefaultEnvironment", Value: "A=b", Separator: "=",
			}},
			made: "changed line ", is: "systemd-analyze cat-config systemd/system.conf | grep -x DefaultEnvironment=A=b; test $(grep -c '^\\[Manager\\]' /etc/systemd/system.conf) = 1",
			drift: "sed -i s/A=b/A=c/ /etc/systemd/system.conf", mended: "changed line ",
			absent: &catalog.Resource{INI: &catalog.INI{Name: "shell", Ensure: catalog.Absent, Edited: at("/etc/systemd/system.conf"), Section: "Manager", Key: "DefaultEnvironment"}},
			gone:   "! grep '^DefaultEnvironment=' /etc/systemd/system.conf",
		},
	}
}
