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
	// overhead is what stands before the data of a block in its packet: 20 bytes of
	// IPv4, 8 of UDP, 4 of TFTP. (The library forgets the last ones.)
	overhead = 32
	// usualMTU is taken for a way that the kernel says nothing about: Ethernet's.
	usualMTU = 1500
	minBlock = 512   // the block without the option (RFC 1350), and the library's smallest
	maxBlock = 65464 // RFC 2348
)

// prepare makes a client's options ones that the library understands, and bounds the
// blocks: none may need two packets on its way, for some firmware reassembles none.
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

// fit writes the known options under the names that the library knows, which takes
// capitals for another option (RFC 2347 does not), and makes blksize at most most
// bytes. tsize asks for the size whatever its value (RFC 2349: 0).
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

// optionsOf is the library's own table of a request's options; nil when there are
// none. The library has no way to change what it negotiates, and none to see it. A
// library without that field leaves the options as they are, and TestOptions fails.
func optionsOf(rf io.ReaderFrom) map[string]string {
	if table := field[map[string]string](rf, "opts"); table != nil {
		return *table
	}
	return nil
}

// field is a field of the library's transfer that isn't exported; nil when there is
// none of that name and type.
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

// mtuTo is the biggest packet in bytes that the kernel sends whole to an address: the
// MTU of the link, or less where the route or the way behind it is known to be
// narrower.
func mtuTo(peer netip.Addr) int {
	if !peer.Is4() {
		return usualMTU
	}
	// Port 9, discard: nothing is sent.
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
