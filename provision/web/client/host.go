package client

import (
	"context"
	"net"

	"rackhand/provision"
)

// Find returns the state of a host, by its name or by a MAC of it in any usual spelling; also
// of an unclaimed box, by its MAC. The error of a name that isn't known suggests another.
func Find(st provision.Status, name string) (provision.HostStatus, error) {
	mac, macErr := net.ParseMAC(name)
	var known []string
	for _, h := range st.Hosts {
		if h.Host == name {
			return h, nil
		}
		for _, m := range h.MACs {
			if macErr == nil && m == mac.String() {
				return h, nil
			}
		}
		if !h.Unclaimed {
			known = append(known, h.Host)
		}
	}
	return provision.HostStatus{}, provision.NoHost(name, known)
}

// Host returns the state of one host, as Find does, and the number of the latest event in it.
func (c *Client) Host(ctx context.Context, name string) (provision.HostStatus, uint64, error) {
	st, err := c.Status(ctx)
	if err != nil {
		return provision.HostStatus{}, 0, err
	}
	h, err := Find(st, name)
	return h, st.Seq, err
}
