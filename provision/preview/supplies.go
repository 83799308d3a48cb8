package preview

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"rackhand/bootfiles/media"
	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision/handout"
)

// maxIPMIPassword is the longest password of a BMC, in bytes (IPMI 2.0, section 22.30).
const maxIPMIPassword = 20

// Supplies are the images, secrets and mirrors that an appliance has for its hosts. nil has
// none.
type Supplies struct {
	// Addresses are the appliance's own.
	Addresses []netip.Addr
	// HasImage returns an error if part of the image or media of a host's system is missing.
	HasImage func(*inventory.Host) error
	// Secret looks a secret up.
	Secret func(name string) (string, error)
	// Mirrors are the names of its package mirrors.
	Mirrors []string
	// Facts returns the facts of a host; nil: none are known.
	Facts func(host string) map[string]any
}

// SuppliesOf returns the supplies of an appliance with these settings, running or not.
func SuppliesOf(cfg *config.Config) *Supplies {
	m := handout.Maker{Images: filepath.Join(cfg.State, "images"), Media: media.NewStore(filepath.Join(cfg.State, "media"))}
	return &Supplies{Addresses: ownAddresses(cfg), HasImage: m.HasImage, Secret: cfg.SecretSources(os.LookupEnv).Get, Mirrors: MirrorNames(cfg)}
}

// MirrorNames are the names of the package mirrors that settings give.
func MirrorNames(cfg *config.Config) []string {
	var names []string
	for name := range cfg.Mirror.Upstreams {
		names = append(names, name)
	}
	return names
}

func (s *Supplies) addresses() []netip.Addr {
	if s == nil {
		return nil
	}
	return s.Addresses
}

func (s *Supplies) facts(host string) map[string]any {
	if s == nil || s.Facts == nil {
		return nil
	}
	return s.Facts(host)
}

// lacks reports what hosts need and the appliance doesn't have. It reads secrets and
// forgets them.
func (s *Supplies) lacks(all []wants) (problems, warnings inventory.Problems) {
	if s == nil {
		return nil, nil
	}
	var g findingGroups
	looked := map[string]error{} // systems
	for _, w := range all {
		h := w.host
		if slices.Contains(s.Addresses, h.Address) {
			g.add(unsupplied(h, fmt.Errorf("its address %s is the appliance's own: it is given none", h.Address), "`rackhand set hosts."+h.Name+".address ADDRESS` gives it another one"))
		}
		if h.System != nil && h.Install != inventory.Never {
			err, ok := looked[h.System.Name]
			if !ok {
				if err = s.HasImage(h); err != nil {
					err = errors.New(withoutHost(err.Error(), h)) // the same error is for the next hosts
				}
				looked[h.System.Name] = err
			}
			if err != nil {
				g.add(unsupplied(h, fmt.Errorf("it can't be installed: %w", err), ""))
			}
			if w.packages && !s.packagesFor(h) {
				g.add(warned(h, "its role installs packages, and it has no way to any: no mirror is set up, and its network has no gateway",
					"name a mirror of its distribution under `mirror: {upstreams: ...}` in rackhand.yaml, or give the network a gateway"))
			}
		}
		for _, name := range w.secrets {
			g.add(s.secret(w.host, name))
		}
	}
	return g.problems()
}

// packagesFor reports whether a host may reach packages: from a mirror of ours, or from its
// own sources through a router. The name of a mirror decides which images it serves.
func (s *Supplies) packagesFor(h *inventory.Host) bool {
	return len(s.Mirrors) > 0 || h.System.Installer != inventory.InstallerImage || h.Network != nil && h.Network.Gateway.IsValid()
}

// secret checks that a secret exists, and fits its use.
func (s *Supplies) secret(h *inventory.Host, name string) []finding {
	value, err := s.Secret(name)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return warned(h, fmt.Sprintf("the secret %s can't be looked at: you may not read it", name), "check as the user that rackhand runs as")
	case err != nil:
		return unsupplied(h, err, "")
	case h.BMC != nil && h.BMC.Protocol != inventory.ProtocolRedfish && string(h.BMC.Password) == name && len(value) > maxIPMIPassword:
		return unsupplied(h, fmt.Errorf("the password of its BMC (secret %s) has %d bytes, and IPMI takes at most %d", name, len(value), maxIPMIPassword), "give the BMC's user a shorter one")
	}
	return nil
}

// unsupplied is a problem at a host's place.
func unsupplied(h *inventory.Host, err error, hint string) []finding {
	out := problemsOf(err, h)
	for i := range out {
		if hint != "" {
			out[i].Hint = hint
		}
	}
	return out
}

// lookEvery is how often a running appliance checks at most what its hosts lack: that reads
// secrets and the folders of images.
const lookEvery = 5 * time.Second

// A Lacking has the needs of the hosts of the inventory in force, and those that were not met
// at the last check.
type Lacking struct {
	mu    sync.Mutex
	wants []wants
	at    time.Time
	found inventory.Problems
}

// Put stores the needs of an inventory's hosts.
func (l *Lacking) Put(c Checked) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wants, l.at = c.wants, time.Time{}
}

// Problems returns the needs that the appliance's supplies don't meet.
func (l *Lacking) Problems(supplies *Supplies, now time.Time) inventory.Problems {
	l.mu.Lock()
	defer l.mu.Unlock()
	if age := now.Sub(l.at); age < 0 || age >= lookEvery {
		l.found, _ = supplies.lacks(l.wants)
		l.at = now
	}
	return l.found
}
