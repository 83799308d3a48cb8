package rehearse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"syscall"

	"rackhand/provision/web"
)

// forwardPage makes the status page, which answers on a unix socket since the
// appliance stands in a namespace, answer on this machine too; it returns its URL.
func forwardPage(ctx context.Context, listen, socket string, log *slog.Logger) (string, error) {
	l, err := net.Listen("tcp", listen)
	if host, _, e := net.SplitHostPort(listen); e == nil && errors.Is(err, syscall.EADDRINUSE) {
		// If the port is taken, another one does as well.
		l, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return "", fmt.Errorf("the status page's port: %w", err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "rackhand"})
		},
		FlushInterval: -1, // the page's events go out as they come
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		}},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() {
		if err := web.Serve(ctx, l, proxy, log); err != nil {
			log.Error("forwarding the status page", "error", err)
		}
	}()
	return "http://" + l.Addr().String() + "/", nil
}
