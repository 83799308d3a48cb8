//go:build bench

package bench

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
)

const (
	blockSize = 1468            // what iPXE and EDK2 ask for on Ethernet
	resend    = time.Second     // EDK2 waits 4 s, iPXE from 0.25 s upwards
	longest   = 2 * time.Minute // a transfer is given up after it
)

// A link is a UDP socket that loses datagrams, in each direction the same share of
// them, by a generator of its own.
type link struct {
	conn *net.UDPConn
	rand *rand.Rand
	loss float64 // 0 to 1
}

func (l *link) lost() bool { return l.loss > 0 && l.rand.Float64() < l.loss }

func (l *link) send(msg []byte, to netip.AddrPort) error {
	if l.lost() {
		return nil
	}
	_, err := l.conn.WriteToUDPAddrPort(msg, to)
	return err
}

// receive reads the next datagram that isn't lost, until the deadline.
func (l *link) receive(buf []byte, deadline time.Time) (int, netip.AddrPort, error) {
	if err := l.conn.SetReadDeadline(deadline); err != nil {
		return 0, netip.AddrPort{}, err
	}
	for {
		n, from, err := l.conn.ReadFromUDPAddrPort(buf)
		if err != nil || !l.lost() {
			return n, from, err
		}
	}
}

// fetch gets a file as firmware does: one block at a time, and what it sent last
// once more when nothing has come for a second. It returns the file's SHA-256 and
// how often it had to repeat itself.
func fetch(ctx context.Context, l *link, server netip.AddrPort, name string) (sum [sha256.Size]byte, repeated int, err error) {
	hash := sha256.New()
	last := []byte("\x00\x01" + name + "\x00octet\x00tsize\x000\x00blksize\x001468\x00")
	to, block, buf := server, uint16(0), make([]byte, blockSize+5)
	if err := l.send(last, to); err != nil {
		return sum, 0, err
	}
	deadline := time.Now().Add(resend)
	for ctx.Err() == nil {
		n, from, err := l.receive(buf, deadline)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			repeated++
			if err := l.send(last, to); err != nil {
				return sum, repeated, err
			}
			deadline = time.Now().Add(resend)
			continue
		}
		if err != nil {
			return sum, repeated, err
		}
		// The first answer settles the server's port (RFC 1350, 4).
		if n < 4 || from.Addr() != server.Addr() || to != server && from != to {
			continue
		}
		msg, fresh := buf[:n], false
		number := binary.BigEndian.Uint16(msg[2:])
		switch op := binary.BigEndian.Uint16(msg); op {
		case 6:
			if !strings.Contains(string(msg), "blksize\x001468\x00") {
				return sum, repeated, fmt.Errorf("options %q", msg)
			}
			number, fresh = 0, to == server
		case 3:
			if to == server {
				return sum, repeated, errors.New("the options were ignored")
			}
			if fresh = number == block+1; fresh {
				block++
				hash.Write(msg[4:])
			}
		case 5:
			return sum, repeated, fmt.Errorf("the server says %q", msg[4:])
		default:
			return sum, repeated, fmt.Errorf("packet of type %d", op)
		}
		if fresh {
			to = from
			last = []byte{0, 4, byte(number >> 8), byte(number)}
			deadline = time.Now().Add(resend)
		}
		// A block that came before: its ACK was lost, or it was sent twice. Firmware
		// answers it anew.
		if err := l.send(last, to); err != nil {
			return sum, repeated, err
		}
		if fresh && block > 0 && n < blockSize+4 {
			hash.Sum(sum[:0])
			return sum, repeated, nil
		}
	}
	return sum, repeated, ctx.Err()
}
