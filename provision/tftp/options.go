package tftp

import (
	"cmp"
	"io"
	"maps"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// overhead is the size of the headers before a block's data: 20 bytes of IPv4, 8 of
	// UDP, 4 of TFTP. (The library forgets the last ones.)
	overhead = 32
	// usualMTU is assumed when the kernel doesn't know a route's MTU: Ethernet's.
	usualMTU = 1500
	minBlock = 512   // the block without the option (RFC 1350), and the library's smallest
	maxBlock = 65464 // RFC 2348
)

// prepare rewrites a client's options so that the library understands them, and bounds the
// block size: no block may be fragmented, since some firmware can't reassemble fragments.
func (s *Server) prepare(rf io.ReaderFrom, peer netip.Addr) {
	options := optionsOf(rf)
	if len(options) == 0 {
		return
	}
	mtu := mtuTo(peer)
	if s.MTU != nil {
		if n := s.MTU(peer); n > 0 {
			mtu = min(mtu, n)
		}
	}
	fit(options, mtu-overhead)
}

// fit renames known options to lower case, since the library doesn't recognise capitals
// (RFC 2347 does). It limits blksize to most bytes. tsize becomes 0: it asks for the size
// whatever its value (RFC 2349).
func fit(options map[string]string, most int) {
	for _, known := range []string{"blksize", "tsize"} {
		value, ok := options[known]
		for _, name := range slices.Sorted(maps.Keys(options)) {
			if name == known || !strings.EqualFold(name, known) {
				continue
			}
			value, ok = cmp.Or(value, options[name]), true
			delete(options, name)
		}
		if ok {
			options[known] = value
		}
	}
	if _, ok := options["tsize"]; ok {
		options["tsize"] = "0"
	}
	most = min(max(most, minBlock), maxBlock)
	if n, err := strconv.Atoi(options["blksize"]); err == nil && n > most {
		options["blksize"] = strconv.Itoa(most)
	}
}

// optionsOf is the library's own map of a request's options; nil when there are none. The
// library has no function to read or change the options that it negotiates. If a library
// lacks that field, the options stay unchanged, and TestOptions fails.
func optionsOf(rf io.ReaderFrom) map[string]string {
	if table := field[map[string]string](rf, "opts"); table != nil {
		return *table
	}
	return nil
}

// field is an unexported field of the library's transfer; nil when there is no field of
// that name and type.
func field[T any](rf io.ReaderFrom, name string) *T {
	v := reflect.ValueOf(rf)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil
	}
	f := v.Elem().FieldByName(name)
	if !f.IsValid() || !f.CanAddr() || f.Kind() != reflect.TypeFor[T]().Kind() || !f.Type().ConvertibleTo(reflect.TypeFor[T]()) {
		return nil
	}
	return (*T)(unsafe.Pointer(f.UnsafeAddr()))
}

// mtuTo is the size in bytes of the biggest packet that the kernel sends unfragmented to an
// address: the MTU of the link, or less where the route or path is known to be narrower.
func mtuTo(peer netip.Addr) int {
	if !peer.Is4() {
		return usualMTU
	}
	// It connects to port 9, discard, and sends nothing.
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, 9)))
	if err != nil {
		return usualMTU
	}
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		return usualMTU
	}
	var mtu int
	var failed error
	err = raw.Control(func(fd uintptr) {
		mtu, failed = unix.GetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU)
	})
	if err != nil || failed != nil || mtu <= 0 {
		return usualMTU
	}
	return mtu
}
