package metrics

import (
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/prometheus/client_golang/prometheus"

	"rackhand/provision/trace"
)

// traffic counts packets and requests. Its labels have few values, whatever strangers send.
type traffic struct {
	received, sent, tftp, tftpBytes, http, httpBytes *prometheus.CounterVec
}

func newTraffic() traffic {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	}
	return traffic{
		received:  counter("dhcp_received_total", "DHCP packets that came, by type of message and by what was decided.", "type", "verdict"),
		sent:      counter("dhcp_sent_total", "DHCP packets that were to be sent, by type of message and result.", "type", "result"),
		tftp:      counter("tftp_requests_total", "TFTP requests, by what became of them.", "result"),
		tftpBytes: counter("tftp_sent_bytes_total", "Bytes that TFTP clients acknowledged."),
		http:      counter("http_requests_total", "HTTP requests of boxes and agents, by class of path and status.", "port", "path", "code"),
		httpBytes: counter("http_sent_bytes_total", "Bytes of answers to boxes and agents, by class of path.", "port", "path"),
	}
}

func (t traffic) all() []prometheus.Collector {
	return []prometheus.Collector{t.received, t.sent, t.tftp, t.tftpBytes, t.http, t.httpBytes}
}

// Observe counts a packet or a request. It is fast, and may be called at the same time.
func (m *Metrics) Observe(f trace.Fact) {
	t := m.traffic
	switch f := f.(type) {
	case trace.DHCP:
		kind := messageType(f.Packet)
		switch {
		case !f.Sent:
			t.received.WithLabelValues(kind, orNone(f.Verdict)).Inc()
		case f.Err != nil:
			t.sent.WithLabelValues(kind, "failed").Inc()
		default:
			t.sent.WithLabelValues(kind, "sent").Inc()
		}
	case trace.TFTP:
		t.tftp.WithLabelValues(orNone(f.Result)).Inc()
		if f.Result == trace.TFTPSent || f.Result == trace.TFTPStopped {
			t.tftpBytes.WithLabelValues().Add(float64(max(0, f.Bytes)))
		}
	case trace.HTTP:
		port, path := "boot", pathClass(f.Path)
		if f.Agent {
			port = "agents"
		}
		t.http.WithLabelValues(port, path, codeClass(f.Status)).Inc()
		t.httpBytes.WithLabelValues(port, path).Add(float64(max(0, f.Bytes)))
	}
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// messageType is option 53 of a packet in words: "discover"; "other" for one without it or
// with an unknown type.
func messageType(packet []byte) string {
	const optionsAt = 240 // RFC 2131 section 2, and the magic cookie
	for at := optionsAt; at+2 < len(packet) && packet[at] != 255; {
		if packet[at] == 0 {
			at++
			continue
		}
		if packet[at] == 53 && packet[at+1] == 1 {
			if kind := dhcpv4.MessageType(packet[at+2]); kind >= dhcpv4.MessageTypeDiscover && kind <= dhcpv4.MessageTypeInform {
				return strings.ToLower(kind.String())
			}
			return "other"
		}
		at += 2 + int(packet[at+1])
	}
	return "other"
}

// pathClass is what a path is about. The paths of strangers are one class.
func pathClass(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch first {
	case "boot", "image", "media", "mirror", "i", "time", "v1", "bootfiles":
		return first
	}
	return "other"
}

func codeClass(status int) string {
	if status < 100 || status > 599 {
		return "other"
	}
	return string(rune('0'+status/100)) + "xx"
}
