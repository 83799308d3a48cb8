package probe

import (
	"crypto/rand"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/bmc"
	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc/bmctest"
)

// TestIPMI asks go-ipmi's BMC. No login is left behind, and no power command is sent.
func TestIPMI(t *testing.T) {
	for _, tt := range []struct {
		name   string
		suites []types.CipherSuiteID
		user   string
		add    func(*testing.T, *bmctest.BMC)
		want   IPMI
	}{
		{"good", []types.CipherSuiteID{3, 17}, bmctest.User, nil, IPMI{Suites: []int{3, 17}}},
		{"suite 0", []types.CipherSuiteID{0, 3}, bmctest.User, nil, IPMI{Suites: []int{0, 3}, Zero: ZeroAccepted}},
		{"suite 0, disabled user", []types.CipherSuiteID{0, 3}, "off", func(t *testing.T, b *bmctest.BMC) {
			b.AddUser(t, 3, "off", bmc.PrivilegeLevelAdministrator)
			enable(t, b, 3, false)
		}, IPMI{Suites: []int{0, 3}, Zero: ZeroOffered}},
		{"weak suites, a long list", []types.CipherSuiteID{1, 2, 3, 15, 16, 17}, bmctest.User, nil, IPMI{Suites: []int{1, 2, 3, 15, 16, 17}}},
		{"a user without a name", []types.CipherSuiteID{17}, bmctest.User, func(t *testing.T, b *bmctest.BMC) {
			b.AddUser(t, 1, "", bmc.PrivilegeLevelUser)
		}, IPMI{Suites: []int{17}, Nameless: true}},
		{"a user with neither name nor password", []types.CipherSuiteID{17}, bmctest.User, func(t *testing.T, b *bmctest.BMC) {
			enable(t, b, 1, true)
		}, IPMI{Suites: []int{17}, Nameless: true, Anonymous: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := bmctest.Serve(t, tt.suites...)
			enable(t, b, 1, false) // go-ipmi's BMC is born with it
			if tt.add != nil {
				tt.add(t, b)
			}
			got, err := (Prober{Random: rand.Reader}).IPMI(t.Context(), b.Target.Address, tt.user)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Suites, tt.want.Suites) || got.Zero != tt.want.Zero || got.Nameless != tt.want.Nameless ||
				got.Anonymous != tt.want.Anonymous || got.NoPassword != tt.want.NoPassword {
				t.Errorf("%+v, want %+v", *got, tt.want)
			}
			// Giving up has no answer that is waited for.
			for end := time.Now().Add(10 * time.Second); b.State.Sessions.Count() > 0; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%d logins are left open", b.State.Sessions.Count())
				}
			}
			if did := b.Board.Actions(); did != "[]" {
				t.Errorf("the board was told: %s", did)
			}
		})
	}
}

// enable enables or disables a user.
func enable(t *testing.T, b *bmctest.BMC, id uint8, on bool) {
	t.Helper()
	if err := b.State.Users.Upsert(id, func(u *bmc.User) error { u.Enabled = on; return nil }); err != nil {
		t.Fatal(err)
	}
}

// closed is an address at which nothing listens.
func closed(t *testing.T) netip.AddrPort {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

func TestSilent(t *testing.T) {
	p := Prober{Random: rand.Reader, Exchange: time.Millisecond, Tries: 1}
	if _, err := p.IPMI(t.Context(), closed(t), "x"); !errors.Is(err, ErrSilent) {
		t.Error(err)
	}
	if p.Answers(t.Context(), closed(t)) {
		t.Error("something answers")
	}
	if _, err := p.HTTPS(t.Context(), closed(t)); !errors.Is(err, ErrSilent) {
		t.Error(err)
	}
}

// TestHostile: no answer of a BMC is believed that doesn't fit, and none ends the program.
func TestHostile(t *testing.T) {
	console := []byte{1, 2, 3, 4}
	open := func(change func([]byte) []byte) []byte {
		m := make([]byte, openSize)
		copy(m[4:], console)
		m[8] = 9
		return v20(payloadOpen|answers, change(m))
	}
	for _, tt := range []struct {
		name     string
		b        []byte
		accepted bool
		err      error
	}{
		{"accepted", open(func(m []byte) []byte { return m }), true, nil},
		{"of another login", open(func(m []byte) []byte { m[4] = 7; return m }), false, errNotAnswer},
		{"a counter-offer", open(func(m []byte) []byte { m[16] = 1; return m }), false, nil},
		{"encryption alone", open(func(m []byte) []byte { m[32] = 1; return m }), false, nil},
		{"refused in two bytes", open(func(m []byte) []byte { return []byte{0, 0x11} }), false, nil},
		{"cut", open(func(m []byte) []byte { return m[:20] }), false, errNotAnswer},
		{"longer than it is", open(func(m []byte) []byte { return m })[:30], false, errNotAnswer},
		{"another payload", v20(payloadRAKP1|answers, make([]byte, openSize)), false, errNotAnswer},
		{"empty", nil, false, errNotAnswer},
	} {
		session, accepted, err := openedZero(tt.b, console)
		if accepted != tt.accepted || !errors.Is(err, tt.err) || tt.accepted && session != 9 {
			t.Errorf("%s: %d, %v, %v", tt.name, session, accepted, err)
		}
	}
	if got := parseSuites([]byte{0xc0, 3, 1, 0x41, 0x81, 0xc1, 0x80, 1, 2, 3, 1, 0xc0, 17, 3, 0x44, 0x81, 0xc0}); !slices.Equal(got, []int{3, 17}) {
		t.Errorf("suites: %v", got)
	}
}

// FuzzAnswer: whatever a BMC answers, it is read to its end.
func FuzzAnswer(f *testing.F) {
	f.Add(v20(payloadOpen|answers, make([]byte, openSize)))
	f.Add(v20(payloadRAKP1|answers, make([]byte, rakp2Size)))
	f.Add(v15([]byte{0x81, 0x1c, 0x63, 0x20, 0, 0x38, 0, 1, 0x80, 2, 2, 0, 0, 0, 0, 0x23}))
	f.Add(v20(payloadMessage, []byte{0x81, 0x1c, 0x63, 0x20, 0, 0x54, 0, 1, 0xc0, 3, 1, 0x41, 0x81, 0x4c}))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, _ = openedZero(b, []byte{0, 0, 0, 0})
		_, _ = grantedZero(b, []byte{0, 0, 0, 0})
		_, _ = dataOf(b, getChannelAuthCapabilities)
		if d, err := dataOf(b, getChannelCipherSuites); err == nil {
			parseSuites(d)
		}
		parseSuites(b)
	})
}
