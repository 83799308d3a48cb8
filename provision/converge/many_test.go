package converge

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
)

// manyUnits plays systemctl: each unit is active, and says so in a kilobyte.
type manyUnits struct{ calls int }

func (m *manyUnits) Run(_ context.Context, _ []string, args ...string) (command.Output, error) {
	m.calls++
	var b strings.Builder
	for _, name := range args[slices.Index(args, "--")+1:] {
		fmt.Fprintf(&b, "Id=%s\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=static\nDropInPaths=%s\n\n", name, strings.Repeat("/x", 500))
	}
	out := b.String()
	return command.Output{Stdout: out[:min(len(out), 4<<20)]}, nil
}

// TestManyUnits: what systemctl says of many units fits into the output of few calls.
func TestManyUnits(t *testing.T) {
	var names []string
	for i := range catalog.MaxResources {
		names = append(names, fmt.Sprintf("unit%d.service", i))
	}
	m := &manyUnits{}
	states, err := Systemd{Paths: Paths{Root: t.TempDir()}, Runner: m}.Units(t.Context(), names)
	if err != nil || len(states) != len(names) || m.calls > 10 {
		t.Fatalf("%d states by %d calls, %v", len(states), m.calls, err)
	}
	for _, name := range names {
		if s := states[name]; s.Err != nil || s.ID != name {
			t.Fatalf("%s: %+v", name, s)
		}
	}
}

// TestRoomForContents: the folder of kept contents is read only when it seems to be full.
func TestRoomForContents(t *testing.T) {
	s := &Contents{Paths: Paths{Root: t.TempDir()}, Log: slog.New(slog.DiscardHandler), Most: 1000}
	if err := os.MkdirAll(s.Paths.contents(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path("old"), make([]byte, 500), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.makeRoom(300); err != nil || s.room != 200 {
		t.Fatalf("room for %d bytes, %v", s.room, err)
	}
	folder := s.Paths.contents()
	if err := os.Rename(folder, folder+"-away"); err != nil {
		t.Fatal(err)
	}
	if err := s.makeRoom(200); err != nil {
		t.Errorf("it was read though there is room: %v", err)
	}
	if err := s.makeRoom(1); err == nil {
		t.Error("it wasn't read though there is no room")
	}
}
