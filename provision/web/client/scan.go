package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"

	"rackhand/provision"
)

// ScanBMCs has the appliance search a network for BMCs, and calls each as they are found.
func (c *Client) ScanBMCs(ctx context.Context, r provision.ScanRequest, each func(provision.FoundBMC)) error {
	q := url.Values{"network": {r.Network.String()}}
	if r.Rate != 0 {
		q.Set("rate", fmt.Sprint(r.Rate))
	}
	if r.Large {
		q.Set("large", "1")
	}
	ended := errors.New("ended")
	err := stream(ctx, c, "the search", "/api/bmc/scan?"+q.Encode(), func(l provision.ScanLine) error {
		switch {
		case l.Error != "":
			return errors.New(l.Error)
		case l.End:
			return ended
		case l.Found != nil:
			each(*l.Found)
		}
		return nil
	})
	switch {
	case errors.Is(err, ended):
		return nil
	case errors.Is(err, io.EOF):
		return errors.New("the appliance ended the search early: is it still running?")
	}
	return err
}
