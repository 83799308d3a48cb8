package tftp

import (
	"net/netip"
	"time"

	"rackhand/provision/trace"
)

// trace records what became of a request.
func (s *Server) trace(peer netip.Addr, name, result string, sent, size int64, took time.Duration, err error) {
	if s.Trace != nil {
		s.Trace(trace.TFTP{Peer: peer, Name: trace.MaskPath(name), Result: result, Bytes: sent, Size: size, Took: took, Err: err})
	}
}
