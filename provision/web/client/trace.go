package client

import (
	"context"
	"fmt"
	"net/url"

	"rackhand/provision"
)

// Trace calls each for the last packets and requests of a host or MAC after a number,
// oldest first. With follow it goes on with new ones until each fails, ctx ends or the
// appliance goes away. It returns the number of the last one, and io.EOF when the
// appliance ended the stream.
func (c *Client) Trace(ctx context.Context, box string, follow bool, after uint64, each func(provision.TraceLine) error) (uint64, error) {
	q := url.Values{"after": {fmt.Sprint(after)}}
	if follow {
		q.Set("follow", "1")
	}
	err := stream(ctx, c, "a trace", "/api/trace/"+url.PathEscape(box)+"?"+q.Encode(), func(l provision.TraceLine) error {
		after = l.Seq
		return each(l)
	})
	return after, err
}
