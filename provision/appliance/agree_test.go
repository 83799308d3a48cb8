package appliance

import (
	"errors"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"rackhand/config"
	"rackhand/config/problem"
	"rackhand/inventory"
	"rackhand/provision/preview"
)

const agreeBase = `networks:
  rack1: {subnet: 10.77.0.0/24, gateway: 10.77.0.254}
systems:
  debian12: {installer: image, image: debian12}
  debian13: {installer: image, image: debian13}
  rocky9: {installer: anaconda, release: RHEL9, media: rocky9}
groups:
  web: {system: debian12, kickstart: base.ks, role: web, variables: {ssh_keys: [ssh-ed25519 AAAA me]}}
hosts:
`

// TestCheckAndApplianceAgree: a running appliance shows the problems of an inventory that
// `rackhand check` finds, and no others. Only check shows warnings.
func TestCheckAndApplianceAgree(t *testing.T) {
	const web1 = "  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.11, group: web}\n"
	for name, tc := range map[string]struct {
		text             string
		base             string // agreeBase unless given
		mirrors          []string
		problem, warning string // the one of its kind, a part of it; "" for none
	}{
		"nothing wrong":      {text: web1},
		"no system":          {text: web1 + "  pr: {mac: 52:54:00:00:00:02, address: 10.77.0.12}\n", warning: "host pr: it has no system: it gets its address, and is never installed"},
		"meant to be none":   {text: web1 + "  pr: {mac: 52:54:00:00:00:02, address: 10.77.0.12, install: never}\n"},
		"our own address":    {text: "  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.1, group: web}\n", problem: "host web1: its address 10.77.0.1 is the appliance's own: it is given none"},
		"image missing":      {text: "  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.11, group: web, system: debian13}\n", problem: "host web1: it can't be installed: no such image: debian13"},
		"media missing":      {text: "  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.11, group: web, system: rocky9, kickstart: rhel.ks}\n", problem: "host web1: it can't be installed: no such media: rocky9"},
		"secret missing":     {text: "  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.11, group: web, variables: {root_password: {secret: gone}}}\n", problem: "host web1: there is no secret gone"},
		"secret of a BMC":    {text: "  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.11, group: web, bmc: {address: 10.77.0.111, user: admin, password: {secret: gone}}}\n", problem: "host web1: there is no secret gone"},
		"password of 21":     {text: "  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.11, group: web, bmc: {address: 10.77.0.111, user: admin, password: {secret: long}}}\n", problem: "host web1: the password of its BMC (secret long) has 21 bytes, and IPMI takes at most 20"},
		"password of 20":     {text: "  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.11, group: web, bmc: {address: 10.77.0.111, user: admin, password: {secret: fits}}}\n"},
		"may not be read":    {text: "  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.11, group: web, bmc: {address: 10.77.0.111, user: admin, password: {secret: closed}}}\n", warning: "host web1: the secret closed can't be looked at: you may not read it"},
		"no way to packages": {text: web1, base: strings.Replace(agreeBase, ", gateway: 10.77.0.254", "", 1), warning: "host web1: its role installs packages, and it has no way to any"},
		"a mirror of ours":   {text: web1, base: strings.Replace(agreeBase, ", gateway: 10.77.0.254", "", 1), mirrors: []string{"debian"}},
		"nobody can log in":  {text: web1, base: strings.Replace(agreeBase, ", variables: {ssh_keys: [ssh-ed25519 AAAA me]}", "", 1), warning: "host web1: no user can log in after the install"},
		"broken":             {text: "  web1: {mac: 52:54:00:00:00:01, address: 10.99.0.11, group: web}\n", problem: "host web1: address 10.99.0.11 lies in no network"},
		"its Kickstart":      {text: "  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.11, group: web, variables: {layout: sideways}}\n", problem: "host web1: its Kickstart does not render"},
		"its role":           {text: "  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.11, group: web, role: broken}\n", problem: "content: host web1 has no variable \"nothing\""},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.base == "" {
				tc.base = agreeBase
			}
			a, _ := bare(t)
			dir := t.TempDir()
			a.cfg = &config.Config{Inventory: dir, State: t.TempDir(), Address: netip.MustParseAddr("10.77.0.1")}
			write(t, dir, "rack.yaml", tc.base+tc.text)
			write(t, dir, "roles/web.yaml", "resources:\n  - package: nginx\n")
			write(t, dir, "roles/broken.yaml", "resources:\n  - file: /x\n    content: ${var.nothing}\n")
			has := agreeSupplies(a.cfg.Address, tc.mirrors)
			a.supply = has
			checked := preview.Check(dir, has)
			one(t, "problem", checked.Problems, tc.problem)
			one(t, "warning", checked.Warnings, tc.warning)

			if err := a.openContents(); err != nil {
				t.Fatal(err)
			}
			if err := a.loadInventory(); err != nil {
				t.Fatal(err)
			}
			a.gate = a.newGate()
			shown := a.problems()
			for i, text := range shown {
				shown[i] = strings.NewReplacer(inForce, "", rolesInForce, "").Replace(text)
			}
			var said []string
			for _, p := range checked.Problems {
				said = append(said, p.String())
			}
			if !slices.Equal(shown, said) {
				t.Errorf("the appliance shows %q, check says %q", shown, said)
			}
			// Both are right again once what was missing is there.
			a.supply = &preview.Supplies{HasImage: func(*inventory.Host) error { return nil }, Secret: func(string) (string, error) { return "x", nil }}
			a.Clock = func() time.Time { return time.Now().Add(time.Hour) }
			if again := a.problems(); checked.Snapshot != nil && len(again) > 0 {
				t.Errorf("it still shows %q", again)
			}
		})
	}
}

// agreeSupplies has the image debian12, no media, and three secrets: two of known lengths,
// and one that may not be read.
func agreeSupplies(own netip.Addr, mirrors []string) *preview.Supplies {
	return &preview.Supplies{
		Addresses: []netip.Addr{own}, Mirrors: mirrors,
		HasImage: func(h *inventory.Host) error {
			switch {
			case h.System.Image == "debian13":
				return errors.New("no such image: debian13")
			case h.System.Media != "":
				return errors.New("no such media: " + h.System.Media)
			}
			return nil
		},
		Secret: func(name string) (string, error) {
			switch name {
			case "long":
				return strings.Repeat("x", 21), nil
			case "fits":
				return strings.Repeat("x", 20), nil
			case "closed":
				return "", &fs.PathError{Op: "open", Path: "closed", Err: fs.ErrPermission}
			}
			return "", errors.New("there is no secret " + name)
		},
	}
}

// one checks that there is one problem of a kind, which contains want, or none if want is "".
func one(t *testing.T, kind string, got inventory.Problems, want string) {
	t.Helper()
	switch {
	case want == "" && len(got) > 0:
		t.Errorf("%ss: %v", kind, got)
	case want != "" && (len(got) != 1 || !strings.Contains(got[0].Message, want)):
		t.Errorf("%ss: %v; want %q", kind, got, want)
	}
}

// No hint proposes the appliance's own address.
func TestHintsLeaveOurAddress(t *testing.T) {
	dir := t.TempDir()
	text := agreeBase + "  web1: {mac: 52:54:00:00:00:01, address: 10.77.0.11, group: web}\n  web2: {mac: 52:54:00:00:00:02, address: 10.77.0.11, group: web}\n"
	write(t, dir, "rack.yaml", text)
	write(t, dir, "roles/web.yaml", "resources: []\n")
	hint := func(own ...string) string {
		s := &preview.Supplies{}
		for _, a := range own {
			s.Addresses = append(s.Addresses, netip.MustParseAddr(a))
		}
		checked := preview.Check(dir, s)
		if len(checked.Problems) != 1 {
			t.Fatalf("%v", checked.Problems)
		}
		return problem.Problem(checked.Problems[0]).Hint
	}
	if got := hint(); !strings.Contains(got, "10.77.0.12 is free") {
		t.Errorf("hint: %s", got)
	}
	if got := hint("10.77.0.12", "10.77.0.13"); !strings.Contains(got, "10.77.0.14 is free") {
		t.Errorf("hint beside our own addresses: %s", got)
	}
}
