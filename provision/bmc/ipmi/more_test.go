package ipmi

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
)

// open logs in as administrator until the test ends.
func open(t *testing.T, b *bmctest.BMC) *session {
	t.Helper()
	target := b.Target
	target.Privilege = bmc.Administrator
	d := Driver{Exchange: 200 * time.Millisecond, Sleep: func(context.Context, time.Duration) error { return nil }}
	s, err := d.Open(t.Context(), target, &bmc.Memory{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	return s.(*session)
}

func answer(data ...byte) bmctest.Answerer {
	return func([]byte) ([]byte, types.CompletionCode) { return data, types.CodeOK }
}

func refuse(code types.CompletionCode) bmctest.Answerer {
	return func([]byte) ([]byte, types.CompletionCode) { return nil, code }
}

func TestClock(t *testing.T) {
	at := time.Unix(0x60001000, 0).UTC()
	set := answer(0, 0x10, 0, 0x60)
	for _, tt := range []struct {
		name         string
		time, offset bmctest.Answerer
		want         time.Time
		err          error
	}{
		{"without an offset", set, nil, at, nil},
		{"two hours east", set, answer(120, 0), at.Add(-2 * time.Hour), nil},
		{"unspecified offset", set, answer(0xff, 0x07), at, nil},
		{"since its start", answer(5, 0, 0, 0), nil, time.Time{}, nil},
		{"no clock", refuse(types.CodeInvalidCommand), nil, time.Time{}, bmc.ErrUnsupported},
		{"cut off", answer(5), nil, time.Time{}, bmc.ErrAnswer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := bmctest.Serve(t)
			b.Answer(types.CommandGetSELTime, tt.time)
			b.Answer(types.CommandGetSELTimeUTCOffset, tt.offset)
			if got, err := open(t, b).Clock(t.Context()); !errors.Is(err, tt.err) || !got.Equal(tt.want) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// TestRefusals: each refusal of a command is an error of its own, in words.
func TestRefusals(t *testing.T) {
	b := bmctest.Serve(t)
	s := open(t, b)
	for _, tt := range []struct {
		code types.CompletionCode
		kind error
		text string
	}{
		{types.CodeInvalidCommand, bmc.ErrUnsupported, "completion code C1h: invalid command"},
		{types.CodeInsufficientPrivilege, bmc.ErrPrivilege, "administrator"},
		{types.CodeNotSupported, bmc.ErrState, "completion code D5h"},
		{types.CodeNodeBusy, bmc.ErrNotReady, "completion code C0h: node busy"},
		{types.CodeCannotProvideResponseBMCInitialize, bmc.ErrNotReady, "completion code D2h"},
		{types.CodeUnspecifiedError, bmc.ErrRefused, "completion code FFh"},
		{0x81, bmc.ErrRefused, "completion code 81h"},
	} {
		b.Answer(types.CommandGetChassisStatus, refuse(tt.code))
		_, err := s.Status(t.Context())
		if !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%02Xh: %v", byte(tt.code), err)
		}
		oneCause(t, err)
	}
	b.Answer(types.CommandGetChassisStatus, answer(1))
	if _, err := s.Status(t.Context()); !errors.Is(err, bmc.ErrAnswer) || !strings.Contains(err.Error(), "1 bytes of 3") {
		t.Errorf("cut off: %v", err)
	}
	// Busy for a moment.
	busy := 2
	b.Answer(types.CommandGetChassisStatus, func([]byte) ([]byte, types.CompletionCode) {
		if busy--; busy >= 0 {
			return nil, types.CodeNodeBusy
		}
		return []byte{1, 0, 0}, types.CodeOK
	})
	if st, err := s.Status(t.Context()); err != nil || !st.On {
		t.Errorf("busy for a moment: %+v, %v", st, err)
	}
	b.Answer(types.CommandChassisControl, refuse(types.CodeRequestDataFieldInvalid))
	if err := s.Power(t.Context(), bmc.NMI); !errors.Is(err, bmc.ErrUnsupported) {
		t.Errorf("NMI: %v", err)
	}
}

// oneCause checks that an error has no clauses of the library's, and says nothing of a cable
// if the BMC has answered.
func oneCause(t *testing.T, err error) {
	t.Helper()
	for _, chain := range []string{"err:", "failed,", "cc:", "rqSeq", "IPMI LAN", "client exchange", "%!"} {
		if strings.Contains(err.Error(), chain) {
			t.Errorf("%v: %q is the library's", err, chain)
		}
	}
	if strings.Contains(err.Error(), "cable") && !errors.Is(err, bmc.ErrUnreachable) {
		t.Errorf("%v: the BMC has answered", err)
	}
}

func TestIdentify(t *testing.T) {
	b := bmctest.Serve(t)
	var got []byte
	b.Answer(types.CommandChassisIdentify, func(data []byte) ([]byte, types.CompletionCode) {
		got = append(got[:0], data...)
		return nil, types.CodeOK
	})
	s := open(t, b)
	for _, tt := range []struct {
		on   bool
		want []byte
	}{{true, []byte{0, 1}}, {false, []byte{0}}} {
		if err := s.Identify(t.Context(), tt.on); err != nil || string(got) != string(tt.want) {
			t.Errorf("%v: % x, %v", tt.on, got, err)
		}
	}
	// One that can't force it on.
	b.Answer(types.CommandChassisIdentify, func(data []byte) ([]byte, types.CompletionCode) {
		if len(data) != 1 {
			return nil, types.CodeRequestDataLengthInvalid
		}
		got = append(got[:0], data...)
		return nil, types.CodeOK
	})
	if err := s.Identify(t.Context(), true); err != nil || string(got) != "\xff" {
		t.Errorf("% x, %v", got, err)
	}
}
