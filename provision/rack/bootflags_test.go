package rack

import (
	"fmt"
	"testing"
	"time"
)

// A bootStep is one request to a board's boot state, or one start of its box.
type bootStep struct {
	at   time.Duration // since the beginning
	do   string        // set, clear3, command, start, read
	f    [5]byte       // for set
	want string        // of start: the boot device
	read byte          // of read: the first byte of the boot flags
}

// run carries out the step and checks its result.
func (step bootStep) run(t *testing.T, s *bootState) {
	t.Helper()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(step.at)
	switch step.do {
	case "set":
		s.setFlags(step.f, now)
	case "clear3":
		s.validClear = dontClearOnTimeout
	case "command":
		s.command(now)
	case "start":
		if got := s.start(now); got != step.want {
			t.Errorf("starts from %s, want %s (%s)", got, step.want, s)
		}
	case "read":
		if got := s.read(now)[0]; got != step.read {
			t.Errorf("flags %#x, want %#x", got, step.read)
		}
	default:
		t.Fatalf("unknown step %q", step.do)
	}
}

func TestBootState(t *testing.T) {
	flags := func(b0 byte, sel byte) [5]byte { return [5]byte{b0, sel << 2} }
	tests := []struct {
		name    string
		setting string
		steps   []bootStep
	}{
		{"no override", BootPXE, []bootStep{{do: "start", want: BootPXE}}},
		{"factory disk", BootDisk, []bootStep{{do: "start", want: BootDisk}}},
		{"one-shot PXE is spent by the boot", BootDisk, []bootStep{
			{do: "set", f: flags(flagValid|flagEFI, selectPXE)},
			{do: "read", read: flagValid | flagEFI},
			{do: "start", want: BootPXE},
			{do: "read", read: flagEFI},
			{do: "start", want: BootDisk},
		}},
		{"persistent disk stays", BootPXE, []bootStep{
			{do: "set", f: flags(flagValid|flagPersistent, selectDisk)},
			{do: "start", want: BootDisk},
			{at: time.Hour, do: "start", want: BootDisk},
			{at: time.Hour, do: "read", read: flagValid | flagPersistent},
		}},
		{"one-shot over a persistent one", BootPXE, []bootStep{
			{do: "set", f: flags(flagValid|flagPersistent, selectDisk)},
			{do: "start", want: BootDisk},
			{do: "set", f: flags(flagValid, selectPXE)},
			{do: "start", want: BootPXE},
			{do: "start", want: BootDisk},
		}},
		{"persistent none restores", BootPXE, []bootStep{
			{do: "set", f: flags(flagValid|flagPersistent, selectDisk)},
			{do: "start", want: BootDisk},
			{do: "set", f: flags(flagValid|flagPersistent, selectNone)},
			{do: "start", want: BootPXE},
		}},
		{"expires after 60 s", BootDisk, []bootStep{
			{do: "set", f: flags(flagValid, selectPXE)},
			{at: 59 * time.Second, do: "read", read: flagValid},
			{at: 60 * time.Second, do: "read", read: 0},
			{at: 61 * time.Second, do: "start", want: BootDisk},
		}},
		{"a chassis command starts the 60 s again", BootDisk, []bootStep{
			{do: "set", f: flags(flagValid, selectPXE)},
			{at: 50 * time.Second, do: "command"},
			{at: 100 * time.Second, do: "start", want: BootPXE},
		}},
		{"parameter 3 keeps it", BootDisk, []bootStep{
			{do: "clear3"},
			{do: "set", f: flags(flagValid, selectPXE)},
			{at: time.Hour, do: "start", want: BootPXE},
		}},
		{"flags that aren't valid", BootDisk, []bootStep{
			{do: "set", f: flags(flagPersistent, selectPXE)},
			{do: "start", want: BootDisk},
		}},
		{"a device that the box doesn't have", BootDisk, []bootStep{
			{do: "set", f: flags(flagValid, 5)},
			{do: "start", want: BootDisk},
			{do: "read", read: 0},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newBootState(tt.setting)
			for i, step := range tt.steps {
				t.Run(fmt.Sprint(i, " ", step.do), func(t *testing.T) { step.run(t, &s) })
			}
		})
	}
}
