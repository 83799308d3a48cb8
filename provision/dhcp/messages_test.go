package dhcp

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

const (
	ack   = dhcpv4.MessageTypeAck
	nak   = dhcpv4.MessageTypeNak
	offer = dhcpv4.MessageTypeOffer
)

// A messageCase is a message of a client, and the reply to it.
type messageCase struct {
	name string
	msg  *dhcpv4.DHCPv4
	want dhcpv4.MessageType // 0: no answer
	to   string
}

// messageCases are the messages of RFC 2131 section 4.3, in each state of a client.
func messageCases() []messageCase {
	const mine, wrong = "10.77.0.130", "10.77.0.99"
	return []messageCase{
		{"discover", discover(web1), offer, "frame 10.77.0.130:68"},
		{"discover, wants a broadcast", discover(web1, dhcpv4.WithBroadcast(true)), offer, "255.255.255.255:68"},
		{"discover, relayed", discover(web1, relayed("10.77.0.254")), offer, "10.77.0.254:67"},
		{"discover, relay outside all networks", discover(web1, relayed("192.0.2.1")), 0, ""},
		{"selecting", requestMessage(web1, server("10.77.0.1"), requested(mine)), ack, "frame 10.77.0.130:68"},
		{"selecting another server", requestMessage(web1, server("10.77.0.66"), requested("10.77.0.99")), 0, ""},
		{"selecting, wrong address", requestMessage(web1, server("10.77.0.1"), requested(wrong)), nak, "255.255.255.255:68"},
		{"init-reboot", requestMessage(web1, requested(mine)), ack, "frame 10.77.0.130:68"},
		{"init-reboot, wrong address", requestMessage(web1, requested(wrong)), nak, "255.255.255.255:68"},
		{"init-reboot, other network", requestMessage(web1, requested("192.0.2.9")), nak, "255.255.255.255:68"},
		{"init-reboot, wrong, relayed", requestMessage(web1, requested(wrong), relayed("10.77.0.254")), nak, "10.77.0.254:67"},
		{"renewing", requestMessage(web1, ciaddr(mine)), ack, "frame 10.77.0.130:68"},
		{"rebinding", requestMessage(web1, ciaddr(mine), dhcpv4.WithBroadcast(true)), ack, "frame 10.77.0.130:68"},
		{"renewing, wrong address", requestMessage(web1, ciaddr(wrong)), nak, "255.255.255.255:68"},
		{"request without an address", requestMessage(web1), 0, ""},
		{"discover for another server", discover(web1, server("10.77.0.66")), 0, ""},
		{"discover, wants another host's address", discover(web1, requested("10.77.0.131")), offer, "frame 10.77.0.130:68"},
		{"discover, still has an address", discover(web1, ciaddr(mine)), offer, "frame 10.77.0.130:68"},
		// A client can't direct packets to a machine elsewhere by naming its address.
		{"discover, claims an address elsewhere", discover(web1, ciaddr("192.0.2.9")), offer, "frame 10.77.0.130:68"},
		{"the same, wants a broadcast", discover(web1, ciaddr("192.0.2.9"), dhcpv4.WithBroadcast(true)), offer, "255.255.255.255:68"},
		{"both set, ciaddr elsewhere", requestMessage(web1, requested(mine), ciaddr("192.0.2.9")), ack, "frame 10.77.0.130:68"},
		{"selecting, wants a broadcast", requestMessage(web1, server("10.77.0.1"), requested(mine), dhcpv4.WithBroadcast(true)), ack, "255.255.255.255:68"},
		{"selecting, no address named", requestMessage(web1, server("10.77.0.1")), 0, ""},
		// A REQUEST with both set is neither selecting nor renewing. Option 50 counts, and
		// the answer goes to the address that the client has.
		{"selecting, has the address already", requestMessage(web1, server("10.77.0.1"), requested(mine), ciaddr(mine)), ack, "frame 10.77.0.130:68"},
		{"both set, differing", requestMessage(web1, requested(mine), ciaddr(wrong)), ack, "frame 10.77.0.99:68"},
		{"both set, option 50 wrong", requestMessage(web1, requested(wrong), ciaddr(mine)), nak, "255.255.255.255:68"},
		{"renewing, names us", requestMessage(web1, ciaddr(mine), server("10.77.0.1")), ack, "frame 10.77.0.130:68"},
		{"rebinding, names another server", requestMessage(web1, ciaddr(mine), server("10.77.0.66")), 0, ""},
		{"rebinding with another network's address", requestMessage(web1, ciaddr("192.0.2.9"), dhcpv4.WithBroadcast(true)), nak, "255.255.255.255:68"},
		{"rebinding, relayed", requestMessage(web1, ciaddr(mine), relayed("10.77.0.254")), ack, "10.77.0.254:67"},
		{"init-reboot of a host in another network", requestMessage(away, requested("10.78.0.44")), nak, "255.255.255.255:68"},
		{"a server id of three bytes", requestMessage(web1, requested(mine), raw(54, "\x0a\x4d\x00")), 0, ""},
		{"unclaimed, no range here", discover(stranger, relayed("10.78.0.1")), 0, ""},
		{"unclaimed, no range here, init-reboot", requestMessage(stranger, requested("10.78.0.9"), relayed("10.78.0.1")), nak, "10.78.0.1:67"},
		{"unclaimed wants our own address", requestMessage(stranger, requested("10.77.0.1")), nak, "255.255.255.255:68"},
		{"inform, relayed", message(web1, dhcpv4.MessageTypeInform, ciaddr("10.77.0.77"), relayed("10.77.0.254")), ack, "10.77.0.254:67"},
		{"inform, wants a broadcast", message(web1, dhcpv4.MessageTypeInform, ciaddr("10.77.0.77"), dhcpv4.WithBroadcast(true)), ack, "frame 10.77.0.77:68"},
		{"inform another server", message(web1, dhcpv4.MessageTypeInform, ciaddr("10.77.0.77"), server("10.77.0.66")), 0, ""},
		{"inform without an address", message(web1, dhcpv4.MessageTypeInform), 0, ""},
		{"unclaimed, init-reboot in the range", requestMessage(stranger, requested("10.77.0.201")), ack, "frame 10.77.0.201:68"},
		{"unclaimed, init-reboot elsewhere", requestMessage(stranger, requested("10.77.0.50")), nak, "255.255.255.255:68"},
		{"unclaimed wants a reserved address", requestMessage(stranger, requested(mine)), nak, "255.255.255.255:68"},
		{"inform", message(web1, dhcpv4.MessageTypeInform, ciaddr("10.77.0.77")), ack, "frame 10.77.0.77:68"},
		{"inform from elsewhere", message(web1, dhcpv4.MessageTypeInform, ciaddr("192.0.2.7")), 0, ""},
		{"release of nothing", message(web1, dhcpv4.MessageTypeRelease, ciaddr(mine)), 0, ""},
		{"decline of nothing", message(web1, dhcpv4.MessageTypeDecline, server("10.77.0.1"), requested(mine)), 0, ""},
		{"no message type", message(web1, 0), 0, ""},
		{"an offer", message(web1, offer), 0, ""},
	}
}

func TestMessages(t *testing.T) {
	for _, tc := range messageCases() {
		b := newTestServer(t)
		got := b.ask(tc.msg)
		if got == nil {
			if tc.want != 0 {
				t.Errorf("%s: silence", tc.name)
			}
			continue
		}
		if got.MessageType() != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got.MessageType(), tc.want)
			continue
		}
		req, err := readRequest(tc.msg)
		if err != nil {
			t.Fatal(err)
		}
		to := route(req, got, snapshot().Networks["rack1"].Subnet, netip.MustParseAddr("10.77.0.1"))
		text := to.to.String()
		if to.frame {
			text = "frame " + text
			if to.has != netip.MustParsePrefix("10.77.0.0/24").Contains(addrOf(tc.msg.ClientIPAddr)) {
				t.Errorf("%s: has an address: %v", tc.name, to.has)
			}
		}
		if text != tc.to {
			t.Errorf("%s: sent to %s, want %s", tc.name, text, tc.to)
		}
		if lease := got.Options.Has(dhcpv4.OptionIPAddressLeaseTime); lease != (tc.want == offer || tc.want == ack && !strings.HasPrefix(tc.name, "inform")) {
			t.Errorf("%s: lease time %v", tc.name, lease)
		}
		if zero := got.YourIPAddr.IsUnspecified(); zero != (tc.want == nak || strings.HasPrefix(tc.name, "inform")) {
			t.Errorf("%s: yiaddr %s", tc.name, got.YourIPAddr)
		}
		if tc.want == nak && (addrOf(tc.msg.GatewayIPAddr).IsValid() || tc.msg.IsBroadcast()) != got.IsBroadcast() {
			t.Errorf("%s: broadcast flag %v", tc.name, got.IsBroadcast())
		}
	}
}
