//go:build e2e || bench

package flood

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mdlayher/packet"
)

func TestMain(m *testing.M) {
	text := os.Getenv(envRole)
	if text == "" {
		os.Exit(m.Run())
	}
	var j job
	err := json.Unmarshal([]byte(text), &j)
	switch {
	case err != nil:
	case j.Port > 0:
		err = holdConnections(j)
	case j.Attack != "":
		err = sendFlood(j)
	default:
		err = runBoxes(j)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// untilStopped returns when the test closes our input.
func untilStopped() { _, _ = io.Copy(io.Discard, os.Stdin) }

// sendFlood sends packets of one kind until it is stopped.
func sendFlood(j job) error {
	kinds := Kinds()
	k := kinds[slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == j.Attack })]
	ifi, err := net.InterfaceByName("cable")
	if err != nil {
		return err
	}
	c, err := packet.Listen(ifi, packet.Raw, 0, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	// Made before, so that the flood isn't as slow as its making.
	r, l := rand.New(rand.NewPCG(uint64(os.Getpid()), 1)), testLink()
	frames := make([][]byte, 1<<15)
	for i := range frames {
		frames[i] = k.Next(r, l)
	}
	var stop atomic.Bool
	go func() { untilStopped(); stop.Store(true) }()
	fmt.Println("going")
	sent, began := 0, time.Now()
	for ; !stop.Load(); sent++ {
		if j.Rate > 0 && sent%32 == 0 {
			time.Sleep(time.Until(began.Add(time.Duration(sent) * time.Second / time.Duration(j.Rate))))
		}
		if _, err := c.WriteTo(frames[sent%len(frames)], &packet.Addr{HardwareAddr: BroadcastMAC}); err != nil {
			return err
		}
	}
	fmt.Println(sent)
	return nil
}

// attackerAddresses is how many addresses the attacker has.
const attackerAddresses = 20

func attackerAddress(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 64, 99, byte(1 + i)}) }

// holdConnections keeps connections open until it is stopped: idle ones, ones that send
// half a header, and ones that send a request and read nothing. It replaces closed ones.
func holdConnections(j job) error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() { untilStopped(); cancel() }()
	var made atomic.Int64
	var tried, all sync.WaitGroup
	tried.Add(j.Connections)
	turns := make(chan bool, 100)
	for i := range j.Connections {
		all.Go(func() {
			first := sync.OnceFunc(tried.Done)
			for ctx.Err() == nil {
				turns <- true
				c, err := openConnection(ctx, i, j.Port)
				<-turns
				first()
				if err == nil {
					made.Add(1)
					stop := context.AfterFunc(ctx, func() { c.Close() })
					if i%4 == 3 { // asked, and reads nothing: it is closed some day
						<-ctx.Done()
					} else {
						_, _ = io.Copy(io.Discard, c)
					}
					stop()
					c.Close()
				}
				select {
				case <-ctx.Done():
				case <-time.After(time.Second):
				}
			}
		})
	}
	tried.Wait()
	fmt.Println("going")
	all.Wait()
	fmt.Println(made.Load())
	return nil
}

// openConnection opens the i-th connection.
func openConnection(ctx context.Context, i, port int) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: attackerAddress(i % attackerAddresses).AsSlice()}}
	c, err := d.DialContext(ctx, "tcp", fmt.Sprintf("%s:%d", testLink().Server, port))
	if err != nil {
		return nil, err
	}
	ask := "GET / HTTP/1.1\r\nHost: " + testLink().Server.String() + "\r\n"
	if i%4 > 1 && port == 8443 {
		secure := tls.Client(c, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		if err := secure.Handshake(); err != nil {
			c.Close()
			return nil, err
		}
		_ = c.SetDeadline(time.Time{})
		_, err = io.WriteString(secure, ask)
		return c, err
	}
	switch i % 4 {
	case 2:
		_, err = io.WriteString(c, ask)
	case 3:
		_, err = io.WriteString(c, ask+"\r\n"+ask+"\r\n"+ask+"\r\n")
	}
	return c, err
}

// A report is the result of the boxes.
type report struct {
	Begun, Answered int
	Median, Worst   time.Duration
	Failed          []string // a few
}

// runBoxes runs boxes that want their addresses, renew them, and fetch files.
func runBoxes(j job) error {
	together := 6
	if j.Victim {
		together = 1
	}
	end := time.Now().Add(time.Duration(j.Seconds * float64(time.Second)))
	var mu sync.Mutex
	var rep report
	var took []time.Duration
	count := func(d time.Duration, err error) {
		mu.Lock()
		defer mu.Unlock()
		rep.Begun++
		if err == nil {
			rep.Answered++
			took = append(took, d)
		} else if len(rep.Failed) < 5 {
			rep.Failed = append(rep.Failed, err.Error())
		}
	}
	var wg sync.WaitGroup
	errs := make(chan error, together)
	for w := range together {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(w)))
			for n := 0; n == 0 || time.Now().Before(end); n++ {
				host := 1 + (w+together*n)%(hosts-1)
				if j.Victim {
					host = hosts
				}
				b := Box{Link: testLink(), MAC: macOf(host), Address: addressOf(host), Relay: netip.MustParseAddr(relay)}
				if err := b.Open("cable", r); err != nil {
					errs <- err
					return
				}
				count(b.Do(Exchange(n % int(exchanges))))
				_ = b.Close()
				if j.Web {
					fetches(addressOf(host), macOf(host), count)
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	wg.Wait()
	if len(errs) > 0 {
		return <-errs
	}
	if slices.Sort(took); len(took) > 0 {
		rep.Median, rep.Worst = took[len(took)/2], took[len(took)-1]
	}
	return json.NewEncoder(os.Stdout).Encode(rep)
}

// fetches lets a host use all three ports; the page as an operator.
func fetches(from netip.Addr, mac net.HardwareAddr, count func(time.Duration, error)) {
	server := testLink().Server.String()
	for _, f := range []struct{ from, url string }{
		{from.String(), "http://" + server + "/boot/ipxe?mac=" + mac.String()},
		{from.String(), "https://" + server + ":8443/v1/time"},
		{operator, "http://" + server + ":8080/"},
	} {
		began := time.Now()
		err := func() error {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(f.from)}}
			tr := &http.Transport{DialContext: d.DialContext, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true} //nolint:gosec // a test
			defer tr.CloseIdleConnections()
			err := errSilent
			for range 4 { // as curl --retry
				var res *http.Response
				if res, err = (&http.Client{Transport: tr, Timeout: 10 * time.Second}).Get(f.url); err != nil {
					continue
				}
				_, err = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if err == nil && res.StatusCode == http.StatusOK {
					return nil
				}
				err = errors.Join(err, fmt.Errorf("%s: %s", f.url, res.Status))
			}
			return err
		}()
		count(time.Since(began), err)
	}
}
