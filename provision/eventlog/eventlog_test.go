package eventlog

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leodido/go-syslog/v4/octetcounting"
	"github.com/leodido/go-syslog/v4/rfc5424"

	syslog "github.com/leodido/go-syslog/v4"

	"rackhand/provision"
	"rackhand/provision/journal"
	"rackhand/provision/store"
)

// now is the time of these tests.
var now = time.Date(2026, 12, 1, 15, 0, 0, 0, time.UTC)

func hostile() provision.Event {
	return provision.Event{
		Seq: 7, Time: now, Host: "web1", Install: "web1-1", Source: "installer", Kind: "disk guard=\"]", Level: provision.LevelWarn, Stage: provision.Installer,
		Message: "line one\nline two \x00 “ünïcode”",
		Fields:  map[string]string{"disk": `a "quoted" ] \ one`, "two words": "x\ny", "bad\xff": "bad\xffbytes", "large": strings.Repeat("x", 1<<20), "empty": ""},
	}
}

// TestMessage: whatever is in an event, another library reads the message as RFC 5424 has it.
func TestMessage(t *testing.T) {
	parser := rfc5424.NewParser()
	for name, e := range map[string]provision.Event{
		"plain":   {Seq: 1, Time: now, Source: "dhcp", Kind: "ack", Message: "web1 got 10.77.0.11", Host: "web1"},
		"hostile": hostile(), "empty": {Time: now}, "an error": {Time: now, Level: provision.LevelError, Kind: "x"},
		"long": {Time: now, Kind: strings.Repeat("k", 99), Message: strings.Repeat("ü", 5000)},
	} {
		text := Message(e, "rack.example", 42)
		got, err := parser.Parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v\n%.300s", name, err, text)
			continue
		}
		m := got.(*rfc5424.SyslogMessage)
		severity := map[string]uint8{provision.LevelWarn: 4, provision.LevelError: 3, "": 6}[e.Level]
		if *m.Facility != 3 || *m.Severity != severity || !m.Timestamp.Equal(now) || *m.Hostname != "rack.example" || *m.Appname != "rackhand" || len(text) > maxMessage {
			t.Errorf("%s: %+v, %d bytes", name, m, len(text))
		}
		data := (*m.StructuredData)[sdID]
		if data["host"] != e.Host || name == "hostile" && (data["field.disk"] != `a "quoted" ] \ one` || data["stage"] != "installer" || data["field.large"] != "") {
			t.Errorf("%s: %q", name, data)
		}
	}
	const want = `<30>1 2026-12-01T15:00:00.000000Z rack.example rackhand 42 ack [rackhand@32473 seq="1" source="dhcp" host="web1" field.address="10.77.0.11"] web1 got 10.77.0.11`
	if got := Message(provision.Event{Seq: 1, Time: now, Source: "dhcp", Kind: "ack", Host: "web1", Message: "web1 got 10.77.0.11", Fields: map[string]string{"address": "10.77.0.11"}}, "rack.example", 42); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// TestNetworks: messages arrive over UDP, over TCP with their length before them, and at a
// unix socket.
func TestNetworks(t *testing.T) {
	dir, err := os.MkdirTemp("", "log") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	e := hostile()
	for network, address := range map[string]string{"udp": "127.0.0.1:0", "unixgram": filepath.Join(dir, "log")} {
		c, err := net.ListenPacket(network, address)
		if err != nil {
			t.Fatal(err)
		}
		s := &Syslog{Network: network, Address: c.LocalAddr().String(), Host: "rack.example"}
		if err := s.Write(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1<<16)
		n, _, err := c.ReadFrom(buf)
		if want := Message(e, "rack.example", os.Getpid()); err != nil || string(buf[:n]) != want {
			t.Errorf("%s: %q, %v", network, buf[:n], err)
		}
		if err := errors.Join(s.Close(), c.Close()); err != nil {
			t.Error(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := &Syslog{Network: "tcp", Address: l.Addr().String(), Host: "rack.example"}
	for range 2 {
		if err := s.Write(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	var got int
	octetcounting.NewParser(syslog.WithListener(func(r *syslog.Result) {
		if r.Error != nil {
			t.Error(r.Error)
		}
		got++
	})).Parse(strings.NewReader(string(text)))
	if got != 2 {
		t.Errorf("%d messages over TCP", got)
	}
}

// TestFile: events are lines of JSON; a file that was renamed away is followed by a new one.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.json")
	s := &File{Path: path}
	write := func(seq uint64) {
		t.Helper()
		e := hostile()
		e.Seq = seq
		if err := s.Write(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	write(1)
	write(2)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write(3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]uint64{path + ".1": {1, 2}, path: {3}} {
		if got := numbers(t, name); !slices.Equal(got, want) {
			t.Errorf("%s has %d, want %d", filepath.Base(name), got, want)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o007 != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := (&File{Path: t.TempDir()}).Write(t.Context(), hostile()); err == nil {
		t.Error("a folder is written to")
	}
}

func numbers(t *testing.T, path string) (all []uint64) {
	t.Helper()
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var e provision.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%.200s: %v", lines.Text(), err)
		}
		all = append(all, e.Seq)
	}
	return all
}

// A flaky is a sink that fails when it is told to.
type flaky struct {
	mu   sync.Mutex
	got  []uint64
	fail bool
	// came has a value for each event that was taken.
	came chan uint64
}

func (s *flaky) Name() string { return "test" }
func (s *flaky) Close() error { return nil }

func (s *flaky) Write(_ context.Context, e provision.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail {
		return errors.New("the disk is full")
	}
	s.got = append(s.got, e.Seq)
	s.came <- e.Seq
	return nil
}

func (s *flaky) set(fail bool) { s.mu.Lock(); s.fail = fail; s.mu.Unlock() }

// TestFollow: a sink gets each event once, in order: from the first after it was set up, over
// failures of its own, and over a restart.
func TestFollow(t *testing.T) {
	st, err := store.OpenBolt(filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	j, err := journal.Open(t.Context(), st, time.Now, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(running) }()
	defer func() { stop(); <-done }()
	record := func(n int) {
		for range n {
			if err := j.Record(provision.Event{Source: "dhcp", Kind: "ack", Message: "x"}); err != nil {
				t.Error(err)
			}
		}
	}
	sink := &flaky{came: make(chan uint64, 1000)}
	waits := make(chan struct{}, 1000)
	start := func() (end func()) {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		f := &Follower{Journal: j, Store: st, Sink: sink, Log: slog.New(slog.DiscardHandler), Wait: func(ctx context.Context, _ time.Duration) {
			waits <- struct{}{}
			pause(ctx, time.Millisecond)
		}}
		if _, err := f.position(ctx); err != nil { // a new sink's is set before the first event
			t.Fatal(err)
		}
		go func() { ended <- f.Run(ctx) }()
		return func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	record(3) // before it was set up
	end := start()
	record(250)
	for range 250 {
		<-sink.came
	}
	sink.set(true)
	record(5)
	<-waits // it has failed
	sink.set(false)
	for range 5 {
		<-sink.came
	}
	end()
	record(4)
	end = start()
	for range 4 {
		<-sink.came
	}
	end()
	want := make([]uint64, 259)
	for i := range want {
		want[i] = uint64(i + 4)
	}
	if !slices.Equal(sink.got, want) {
		t.Errorf("it got %d", sink.got)
	}
}

// TestAhead: after a restore the position may be ahead of the journal; then the next event is
// the first.
func TestAhead(t *testing.T) {
	st, err := store.OpenBolt(filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	f := &Follower{Journal: fixed(10), Store: st, Sink: &flaky{}, Log: slog.New(slog.DiscardHandler)}
	for _, tt := range []struct {
		kept string
		want uint64
	}{{"", 10}, {"7", 7}, {"11", 10}, {`"x"`, 10}} {
		if tt.kept != "" {
			if _, err := st.Txn(t.Context(), nil, store.Op{Key: positionPrefix + "test", Value: []byte(tt.kept)}); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := f.position(t.Context()); got != tt.want || err != nil {
			t.Errorf("kept %s: %d, %v; want %d", tt.kept, got, err, tt.want)
		}
	}
}

type fixed uint64

func (s fixed) Seq() uint64 { return uint64(s) }

func (fixed) Subscribe(context.Context, uint64) (<-chan provision.Event, error) {
	return nil, errors.New("not in this test")
}
