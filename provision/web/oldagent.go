package web

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/labstack/echo/v4"

	"rackhand/inventory"
	"rackhand/provision/catalog"
)

// oldAgents are the hosts whose agents can't read their catalogs, with the reason.
type oldAgents struct {
	mu    sync.Mutex
	hosts map[string]string
}

func (o *oldAgents) set(host, why string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.hosts == nil {
		o.hosts = map[string]string{}
	}
	o.hosts[host] = why
}

func (o *oldAgents) forget(host string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.hosts, host)
}

func (o *oldAgents) why(host string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.hosts[host]
}

// tooOld answers an agent that can't be given the catalog of its host. One of the first format
// would write an empty file where the catalog has no content, and others refuse what is too
// large. So the agent keeps the last catalog that it can be given.
func (s *Server) tooOld(c echo.Context, h *inventory.Host, format int, why string) error {
	why = fmt.Sprintf("the role needs a newer one, since %s; on the host, run: %s", why, s.upgradeCommand(c, h))
	s.old.set(h.Name, why) // the report of this run records it
	if has := c.Request().Header.Get("If-None-Match"); has != "" {
		c.Response().Header().Set("ETag", has)
		return c.NoContent(http.StatusNotModified)
	}
	if m := s.Catalogs.Readable(h.Name, format); m != nil {
		s.Catalogs.Given(h.Name, m)
		return give(c, m, format)
	}
	return echo.NewHTTPError(http.StatusUpgradeRequired, "agent too old: "+why)
}

// upgradeCommand fetches this appliance's agent on a host, with the host's certificate, checks
// its SHA-256, and restarts it. Images have apt-helper, while a minimal Debian has no curl.
func (s *Server) upgradeCommand(c echo.Context, h *inventory.Host) string {
	sum := s.agentSums()[processor(h)]
	if sum == "" {
		return fmt.Sprintf("rackhand install %s (this rackhand carries no agent for %s)", h.Name, processor(h))
	}
	url := s.appliance(c.Request().Context()).Agents + catalog.ContentPath + sum
	const own = "/var/lib/rackhand-agent/"
	fetch := fmt.Sprintf("/usr/lib/apt/apt-helper -o APT::Sandbox::User=root -o Acquire::https::CaInfo=/etc/rackhand/ca.pem -o Acquire::https::SslCert=%scert.pem -o Acquire::https::SslKey=%[1]skey.pem download-file %s %[1]snew SHA256:%[3]s", own, url, sum)
	if h.System != nil && h.System.Installer == inventory.InstallerAnaconda {
		fetch = fmt.Sprintf("curl -fsS --cacert /etc/rackhand/ca.pem --cert %scert.pem --key %[1]skey.pem -o %[1]snew %s && echo '%s  %[1]snew' | sha256sum -c", own, url, sum)
	}
	return fetch + fmt.Sprintf(" && install -m 755 %snew /usr/local/sbin/rackhand-agent && rm %[1]snew && systemctl restart rackhand-agent", own)
}
