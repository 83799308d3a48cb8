package rack

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
)

// TestQMP talks to a QEMU that is a goroutine.
func TestQMP(t *testing.T) {
	ours, theirs := net.Pipe()
	said := make(chan string, 4)
	go func() {
		lines := bufio.NewScanner(theirs)
		for lines.Scan() {
			said <- lines.Text()
		}
	}()
	var refused []string
	q, err := startQMP(ours, func(s string) { refused = append(refused, s) })
	if err != nil {
		t.Fatal(err)
	}
	if got := <-said; got != `{"execute":"qmp_capabilities"}` {
		t.Errorf("said %s", got)
	}
	go func() {
		for _, line := range []string{
			`{"QMP": {"version": {}, "capabilities": []}}`, `{"QMP": {}}`, `{"return": {}}`, `nonsense`,
			`{"error": {"class": "CommandNotFound", "desc": "no such command"}}`,
			`{"event": "RESET", "data": {"guest": true, "reason": "guest-reset"}}`,
			`{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}`,
		} {
			_, _ = fmt.Fprintln(theirs, line)
		}
		_ = theirs.Close()
	}()
	<-q.ready
	reason, err := q.shutdownReason()
	if err != nil || reason != causeGuestShutdown {
		t.Errorf("ended by %q, %v", reason, err)
	}
	if all := strings.Join(refused, "|"); !strings.Contains(all, "no such command") || !strings.Contains(all, "not QMP") {
		t.Errorf("refused: %q", refused)
	}
}
