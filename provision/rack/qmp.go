package rack

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// A qmp is a conversation with one QEMU in its machine protocol (QEMU's
// docs/interop/qmp-spec): a line of JSON each way. Commands here need no
// results, so replies are only read for errors.
type qmp struct {
	conn   io.ReadWriteCloser
	ready  chan struct{} // QEMU has greeted: the machine exists
	done   chan struct{} // the conversation is over
	errors func(string)  // called with what QEMU refused

	mu     sync.Mutex
	reason string // of the last SHUTDOWN event
	// clock is how far the guest has moved the hardware clock from the time that QEMU was
	// started with (RTC_CHANGE).
	clock time.Duration
}

// qmpLine bounds one message; those that we cause are a few hundred bytes.
const qmpLine = 1 << 20

// Reasons of a SHUTDOWN event (QAPI ShutdownCause) that the chassis acts on.
const (
	causeGuestReset    = "guest-reset"
	causeGuestShutdown = "guest-shutdown"
)

// startQMP begins the conversation.
func startQMP(conn io.ReadWriteCloser, onError func(string)) (*qmp, error) {
	q := &qmp{conn: conn, ready: make(chan struct{}), done: make(chan struct{}), errors: onError}
	if err := q.execute("qmp_capabilities"); err != nil {
		return nil, err
	}
	go q.read()
	return q, nil
}

type qmpMessage struct {
	Greeting json.RawMessage `json:"QMP"`
	Event    string          `json:"event"`
	Data     struct {
		Reason string `json:"reason"`
		Offset int64  `json:"offset"` // seconds
	} `json:"data"`
	Error *struct {
		Desc string `json:"desc"`
	} `json:"error"`
}

func (q *qmp) read() {
	defer close(q.done)
	greeted := false
	lines := bufio.NewScanner(q.conn)
	lines.Buffer(make([]byte, 4096), qmpLine)
	for lines.Scan() {
		var m qmpMessage
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			q.errors("not QMP: " + err.Error())
			continue
		}
		if m.Greeting != nil && !greeted {
			greeted = true
			close(q.ready)
		}
		if m.Error != nil {
			q.errors(m.Error.Desc)
		}
		q.mu.Lock()
		switch m.Event {
		case "SHUTDOWN":
			q.reason = m.Data.Reason
		case "RTC_CHANGE":
			q.clock = time.Duration(m.Data.Offset) * time.Second
		}
		q.mu.Unlock()
	}
}

// execute sends a command without arguments.
func (q *qmp) execute(command string) error { return q.executeWith(command, nil) }

// executeWith sends a command with its arguments, a JSON object; nil for none.
func (q *qmp) executeWith(command string, arguments any) error {
	said := map[string]any{"execute": command}
	if arguments != nil {
		said["arguments"] = arguments
	}
	line, err := json.Marshal(said)
	if err != nil {
		return err
	}
	if d, ok := q.conn.(interface{ SetWriteDeadline(time.Time) error }); ok {
		_ = d.SetWriteDeadline(time.Now().Add(5 * time.Second))
	}
	if _, err := q.conn.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("rack: tell QEMU %s: %w", command, err)
	}
	return nil
}

// shutdownReason waits until QEMU has said its last and returns why it ended;
// "" when it didn't say, as when it was killed.
func (q *qmp) shutdownReason() (string, error) {
	select {
	case <-q.done:
	case <-time.After(5 * time.Second):
		return "", errors.New("rack: QEMU ended but its QMP socket stayed open")
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.reason, nil
}
