package web

import (
	"fmt"
	"net/http"
	"net/netip"

	"github.com/labstack/echo/v4"

	"rackhand/inventory"
)

// bmcSetup is what rackhand-installer sets up on the box's BMC (provision/installer/bmcsetup).
type bmcSetup struct {
	Address   netip.Prefix `json:"address"` // zero: the inventory has no network for it
	Gateway   netip.Addr   `json:"gateway"`
	User      string       `json:"user"`
	Password  string       `json:"password"`
	Privilege string       `json:"privilege"`
}

// bmcSettings sends the settings of a box's BMC to its installer, for hosts with `bmc.setup`.
// They hold a password, so the box proves itself as for its answer file.
func (s *Server) bmcSettings(c echo.Context) error {
	_, h, _, err := s.entitled(c, "the settings of the BMC")
	if err != nil {
		return err
	}
	if h.BMC == nil || !h.BMC.Setup {
		return echo.NewHTTPError(http.StatusNotFound, "bmc.setup is not set for this host")
	}
	b := setupOf(s.Snapshot(), h.BMC)
	if b.Password, err = s.Noting(h.Name, s.Handout.Secret)(string(h.BMC.Password)); err != nil {
		s.warn(h.Name, "bmc-setup-failed", fmt.Sprintf("the BMC of %s is not set up: its password can't be read: %v", h.Name, err))
		return echo.NewHTTPError(http.StatusNotFound, "the password of the BMC can't be read; the status page says why")
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, b)
}

// setupOf is what the inventory says of a BMC, all but its password. The subnet mask and the
// gateway are those of the network that its address is in.
func setupOf(snap *inventory.Snapshot, b *inventory.BMC) bmcSetup {
	out := bmcSetup{User: b.User, Privilege: b.Privilege}
	if out.Privilege == "" {
		out.Privilege = "operator"
	}
	addr := b.Address.Addr()
	if n := snap.NetworkOf(addr); n != nil {
		out.Address, out.Gateway = netip.PrefixFrom(addr, n.Subnet.Bits()), n.Gateway
	}
	return out
}
