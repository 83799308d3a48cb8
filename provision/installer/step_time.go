package installer

import (
	"context"
	"fmt"
	"os"
	"strings"

	"rackhand/provision/installer/netconf"
	"rackhand/provision/installer/plan"
)

// chronyConf is chrony.conf with these sources in place of its own.
func chronyConf(old string, sources []plan.TimeSource) string {
	var b strings.Builder
	for line := range strings.Lines(old) {
		f := strings.Fields(line)
		own := len(f) > 1 && (f[0] == "server" || f[0] == "pool" || f[0] == "peer" || f[0] == "sourcedir")
		if own || strings.HasPrefix(line, "# from the Kickstart") {
			continue
		}
		b.WriteString(line)
	}
	if b.Len() > 0 && !strings.HasSuffix(b.String(), "\n") {
		b.WriteString("\n")
	}
	b.WriteString("# from the Kickstart, by rackhand-installer\n")
	for _, t := range sources {
		b.WriteString(t.String() + "\n")
	}
	return b.String()
}

func (m *machine) doTime(ctx context.Context, s plan.TimeStep) error {
	units := []string{"chronyd.service", "chrony.service", "systemd-timesyncd.service", "ntpsec.service", "ntpd.service", "ntp.service"}
	if s.Disable {
		for _, u := range units {
			if m.hasUnit(u) {
				if err := m.inTarget(ctx, "", "systemctl", "disable", "--", u); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, conf := range []string{"/etc/chrony/chrony.conf", "/etc/chrony.conf"} {
		done := false
		err := m.inRoot(func(root *os.Root) error {
			old, err := root.ReadFile(conf[1:])
			if err != nil {
				return nil // it isn't chrony's place here
			}
			done = true
			return writeFile(root, conf, 0o644, chronyConf(string(old), s.Sources))
		})
		if err != nil || done {
			return err
		}
	}
	if !m.hasUnit("systemd-timesyncd.service") {
		m.Warnf("time: the system has neither chrony nor systemd-timesyncd, so nothing keeps its clock in sync: put one into the image or into %%packages")
		return nil
	}
	var names []string
	for _, t := range s.Sources {
		if t.NTS {
			return fmt.Errorf("timesource %s --nts: systemd-timesyncd can't authenticate; put chrony into the image or into %%packages", t.Name)
		}
		names = append(names, t.Name)
	}
	if err := m.inRoot(func(root *os.Root) error {
		return writeFile(root, "/etc/systemd/timesyncd.conf.d/rackhand.conf", 0o644, netconf.Header+"[Time]\nNTP="+strings.Join(names, " ")+"\n")
	}); err != nil {
		return err
	}
	return m.inTarget(ctx, "", "systemctl", "enable", "--", "systemd-timesyncd.service")
}
