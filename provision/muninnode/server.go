// Package muninnode speaks munin-node's protocol, so that a Munin master draws graphs of the
// appliance. It shows the metrics that Prometheus gets.
package muninnode

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
)

const (
	// maxLine bounds a command, in bytes.
	maxLine = 1024
	// maxClients bounds the connections that are open at once. A master has one, or one for
	// each of its processes.
	maxClients = 16
	// idle is how long a connection may be silent.
	idle = time.Minute
	// life bounds a connection.
	life = 10 * time.Minute
)

// Options are what a Server needs.
type Options struct {
	// Name is the node's name, as the master has it.
	Name string
	// Allow are the networks of masters. Others are refused.
	Allow []netip.Prefix
	// Gather returns the metrics.
	Gather  func() ([]*dto.MetricFamily, error)
	Version string
	Clock   func() time.Time
	Log     *slog.Logger
}

// A Server answers masters.
type Server struct {
	Options
	places chan struct{}
}

// New makes a server.
func New(o Options) *Server { return &Server{Options: o, places: make(chan struct{}, maxClients)} }

// Serve answers masters until ctx ends, and closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var clients sync.WaitGroup
	defer clients.Wait()
	for {
		c, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			s.Log.Warn("munin: accepting a connection", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second): // no file descriptors, perhaps
			}
			continue
		}
		if !s.allowed(c.RemoteAddr()) {
			s.Log.Debug("munin: refused: `munin: {allow: [...]}` in rackhand.yaml doesn't name it", "address", c.RemoteAddr().String())
			c.Close()
			continue
		}
		select {
		case s.places <- struct{}{}:
		default:
			c.Close()
			continue
		}
		clients.Go(func() {
			defer func() { <-s.places }()
			defer c.Close()
			closed := context.AfterFunc(ctx, func() { c.Close() })
			defer closed()
			_ = c.SetDeadline(time.Now().Add(life))
			s.talk(c, func() { _ = c.SetReadDeadline(time.Now().Add(idle)) })
		})
	}
}

func (s *Server) allowed(from net.Addr) bool {
	at, err := netip.ParseAddrPort(from.String())
	return err == nil && slices.ContainsFunc(s.Allow, func(p netip.Prefix) bool { return p.Contains(at.Addr().Unmap()) })
}

// talk is the dialogue with a master, until it quits.
func (s *Server) talk(c io.ReadWriter, wait func()) {
	if _, err := fmt.Fprintf(c, "# munin node at %s\n", s.Name); err != nil {
		return
	}
	in := bufio.NewReaderSize(c, maxLine)
	for {
		wait()
		text, err := in.ReadSlice('\n')
		if err != nil {
			return // the master has gone, or the line is too long
		}
		answer, more := s.answer(strings.TrimSpace(string(text)))
		if _, err := io.WriteString(c, answer); err != nil || !more {
			return
		}
	}
}

// answer is what a command gets, and whether the dialogue goes on.
func (s *Server) answer(command string) (text string, more bool) {
	word, rest, _ := strings.Cut(command, " ")
	rest = strings.TrimSpace(rest)
	switch strings.ToLower(word) {
	case "":
		return "# Unknown command. Try cap, list, nodes, config, fetch, version or quit\n", true
	case "quit", ".":
		return "", false
	case "cap":
		return "cap \n", true
	case "version":
		return fmt.Sprintf("munins node on %s version: rackhand %s\n", s.Name, s.Version), true
	case "nodes":
		return s.Name + "\n.\n", true
	case "list":
		if rest != "" && !strings.EqualFold(rest, s.Name) {
			return "\n", true
		}
		var names []string
		for _, g := range graphs() {
			names = append(names, g.name)
		}
		return strings.Join(names, " ") + "\n", true
	case "config", "fetch":
		return s.graph(strings.ToLower(word), rest), true
	}
	return "# Unknown command. Try cap, list, nodes, config, fetch, version or quit\n", true
}

func (s *Server) graph(command, name string) string {
	all := graphs()
	i := slices.IndexFunc(all, func(g graph) bool { return g.name == name })
	if i < 0 {
		return "# Unknown service\n.\n"
	}
	gathered, err := s.Gather()
	if err != nil {
		s.Log.Warn("munin: gathering the metrics", "error", err)
		return "# Bad exit\n.\n"
	}
	families := map[string]*dto.MetricFamily{}
	for _, f := range gathered {
		families[f.GetName()] = f
	}
	lines := all[i].lines(families, s.Clock())
	if command == "config" {
		return all[i].config(lines) + ".\n"
	}
	return all[i].fetch(lines) + ".\n"
}
