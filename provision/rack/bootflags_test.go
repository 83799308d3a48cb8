package rack

import (
	"testing"
	"time"
)

func TestBootState(t *testing.T) {
	t0 := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	flags := func(b0 byte, sel byte) [5]byte { return [5]byte{b0, sel << 2} }
	type step struct {
		at   time.Duration
		do   string // set, clear3, command, start, read
		f    [5]byte
		want string // of start
		read byte   // first byte, of read
	}
	tests := []struct {
		name    string
		setting string
		steps   []step
	}{
		{"no override", BootPXE, []step{{do: "start", want: BootPXE}}},
		{"factory disk", BootDisk, []step{{do: "start", want: BootDisk}}},
		{"one-shot PXE is spent by the boot", BootDisk, []step{
			{do: "set", f: flags(flagValid|flagEFI, selectPXE)},
			{do: "read", read: flagValid | flagEFI},
			{do: "start", want: BootPXE},
			{do: "read", read: flagEFI},
			{do: "start", want: BootDisk},
		}},
		{"persistent disk stays", BootPXE, []step{
			{do: "set", f: flags(flagValid|flagPersistent, selectDisk)},
			{do: "start", want: BootDisk},
			{at: time.Hour, do: "start", want: BootDisk},
			{at: time.Hour, do: "read", read: flagValid | flagPersistent},
		}},
		{"one-shot over a persistent one", BootPXE, []step{
			{do: "set", f: flags(flagValid|flagPersistent, selectDisk)},
			{do: "start", want: BootDisk},
			{do: "set", f: flags(flagValid, selectPXE)},
			{do: "start", want: BootPXE},
			{do: "start", want: BootDisk},
		}},
		{"persistent none restores", BootPXE, []step{
			{do: "set", f: flags(flagValid|flagPersistent, selectDisk)},
			{do: "start", want: BootDisk},
			{do: "set", f: flags(flagValid|flagPersistent, selectNone)},
			{do: "start", want: BootPXE},
		}},
		{"expires after 60 s", BootDisk, []step{
			{do: "set", f: flags(flagValid, selectPXE)},
			{at: 59 * time.Second, do: "read", read: flagValid},
			{at: 60 * time.Second, do: "read", read: 0},
			{at: 61 * time.Second, do: "start", want: BootDisk},
		}},
		{"a chassis command starts the 60 s again", BootDisk, []step{
			{do: "set", f: flags(flagValid, selectPXE)},
			{at: 50 * time.Second, do: "command"},
			{at: 100 * time.Second, do: "start", want: BootPXE},
		}},
		{"parameter 3 keeps it", BootDisk, []step{
			{do: "clear3"},
			{do: "set", f: flags(flagValid, selectPXE)},
			{at: time.Hour, do: "start", want: BootPXE},
		}},
		{"flags that aren't valid", BootDisk, []step{
			{do: "set", f: flags(flagPersistent, selectPXE)},
			{do: "start", want: BootDisk},
		}},
		{"a device that the box doesn't have", BootDisk, []step{
			{do: "set", f: flags(flagValid, 5)},
			{do: "start", want: BootDisk},
			{do: "read", read: 0},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newBootState(tt.setting)
			for i, st := range tt.steps {
				now := t0.Add(st.at)
				switch st.do {
				case "set":
					s.setFlags(st.f, now)
				case "clear3":
					s.validClear = dontClearOnTimeout
				case "command":
					s.command(now)
				case "start":
					if got := s.start(now); got != st.want {
						t.Errorf("step %d: starts from %s, want %s (%s)", i, got, st.want, &s)
					}
				case "read":
					if got := s.read(now)[0]; got != st.read {
						t.Errorf("step %d: flags %#x, want %#x", i, got, st.read)
					}
				default:
					t.Fatalf("step %d: no such step %q", i, st.do)
				}
			}
		})
	}
}
