package retention_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"rackhand/config"
	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/reports"
	"rackhand/provision/store"
)

// A year is the result of a year: the largest size of the file at the end of a day, its
// size at the end, and the events that were written and kept.
type year struct {
	largest, last int64
	written, left int
}

// simulate simulates a year of hosts. Each is installed four times, boots from the network
// once a week, has a change converged once a day, and keeps 100 reports of 60 resources. One
// host in ten can't converge, and reports that at each of the agent's runs, one in half an
// hour.
func simulate(t testing.TB, hosts int, keep config.Keep) year {
	t.Helper()
	r := newTestKeeper(t, keep)
	var y year
	last, earlier := typicalReports(r)
	for day := range 365 {
		var today []provision.Event
		for n := range hosts {
			host := fmt.Sprintf("web%03d", n)
			r.known[host] = true
			if (day+n)%91 == 0 {
				r.install(host, 45)
				r.serve(host)
			}
			today = append(today, ofADay(host, n, day)...)
			if (day+n)%30 == 0 { // each run overwrites them, so the file doesn't grow
				if _, err := r.store.Txn(context.Background(), nil, store.Op{Key: "report/" + host, Value: last}, store.Op{Key: "reports/" + host, Value: earlier}); err != nil {
					t.Fatal(err)
				}
			}
		}
		r.record(len(today), func(i int) provision.Event { return today[i] })
		y.written += len(today)
		r.sleep(1)
		r.pass()
		y.last = r.size()
		y.largest = max(y.largest, y.last)
		if (day+1)%73 == 0 {
			t.Logf("day %d: %d events written, %s", day+1, y.written, r.keeper.Stats())
		}
	}
	y.left = r.keeper.Stats().Events
	return y
}

// typicalReports are the records of a host with 100 reports of 60 resources, of which one in
// ten runs changes one.
func typicalReports(r *testKeeper) (last, earlier []byte) {
	book := reports.New(reports.Options{Store: r.store, Clock: r.now, Counted: r.now, Keep: config.Default().Keep, Log: slog.New(slog.DiscardHandler)})
	for n := range 100 {
		x := catalog.Report{Host: "typical", Version: fmt.Sprintf("%x", sha256.Sum256([]byte{byte(n / 30)})), Status: catalog.OK, Started: r.now().Add(time.Duration(n) * 1801 * time.Second), Interval: 1800}
		x.Finished = x.Started.Add(time.Duration(n*n*7919) % time.Second)
		for i := range 60 {
			res := catalog.Result{ID: fmt.Sprintf("file[/etc/nginx/conf.d/%02d.conf]", i), Status: catalog.OK, Seconds: float64((i*n*31)%997) / 1e5}
			if i == n%60 && n%10 == 0 {
				x.Status, res.Status, res.Cause, res.Message = catalog.Changed, catalog.Changed, catalog.CauseDrift, "content changed, 512 → 514 bytes"
			}
			x.Results = append(x.Results, res)
		}
		x.SetTotals()
		if _, err := book.Put(context.Background(), "typical", x, 0); err != nil {
			r.Fatal(err)
		}
	}
	read := func(key string) []byte {
		got, err := r.store.Get(context.Background(), key)
		if err != nil {
			r.Fatal(err)
		}
		return got.Value
	}
	last, earlier = read("report/typical"), read("reports/typical")
	r.Logf("the latest report of 60 resources takes %d bytes, 99 earlier ones %d", len(last), len(earlier))
	if len(last)+len(earlier) > 16<<10 {
		r.Errorf("%d bytes of a host, of which 500 may take 8 MiB", len(last)+len(earlier))
	}
	return last, earlier
}

// ofADay are the events of a host on a day, except those of its installs.
func ofADay(host string, n, day int) (out []provision.Event) {
	say := func(source, kind, level, message string, fields map[string]string) {
		out = append(out, provision.Event{Host: host, Source: source, Kind: kind, Level: level, Message: message, Fields: fields})
	}
	if (day+n)%7 == 0 {
		client := map[string]string{
			"mac": "52:54:00:00:00:01", "client": "PXE", "address": "10.77.0.11", "arch": "x86 UEFI", "vendor": "PXEClient:Arch:00007:UNDI:003001",
			"uuid": "0d2a9b1c-0000-0000-0000-525400000001", "relay": "10.77.0.2", "circuit": "ge-0/0/11", "remote": "sw1",
		}
		for _, kind := range []string{"PXE", "iPXE", "other"} {
			say("dhcp", "ack", "", kind+" got 10.77.0.11: web001 boots its own disk: it serves", client)
		}
		for _, file := range []string{"snponly.efi", "ipxe"} {
			say("tftp", "fetch", "", "fetched "+file+", 271360 bytes", map[string]string{"name": file, "address": "10.77.0.11", "bytes": "271360", "milliseconds": "112"})
		}
		say("bmc", "power", "", "the power is on", map[string]string{"power": "on"})
	}
	say("agent", "converged", "", "everything holds: 1 resources changed, 59 held already, in 1.2s", nil)
	if n%10 == 0 {
		for range 48 {
			say("agent", "converge-failed", provision.LevelError, "1 of 60 resources failed; the agent tries again: package[nginx]: apt-get: exit status 100: "+strings.Repeat("E: Unable to fetch some archives. ", 10), nil)
		}
	}
	return out
}

// TestYear simulates a year of ten hosts, which may take 10/500 of the limit for 500 hosts;
// `make bench` measures those.
func TestYear(t *testing.T) {
	const hosts = 10
	keep := config.Default().Keep
	keep.Size = keep.Size * hosts / 500
	y := simulate(t, hosts, keep)
	t.Logf("%d events, %d left; %.1f MiB, at most %.1f", y.written, y.left, float64(y.last)/(1<<20), float64(y.largest)/(1<<20))
	// A file this small may have a free part that isn't worth compacting.
	if most := keep.Size + 8<<20; y.largest > most {
		t.Errorf("the file became %d bytes, of at most %d", y.largest, most)
	}
	if y.left < hosts*90 {
		t.Errorf("%d events are left", y.left)
	}
}
