package rack

import (
	"context"

	"github.com/bougou/go-ipmi/pkg/handlers"
	"github.com/bougou/go-ipmi/pkg/types"
)

// bootOptionVersion is the parameter version of IPMI 2.0 §28.13.
const bootOptionVersion = 1

// handleSetBootOptions is Set System Boot Options (IPMI 2.0 §28.12): byte 1 is
// the parameter, the rest its data; no data only marks a parameter as valid.
func (b *Box) handleSetBootOptions(_ context.Context, _ *handlers.HandlerContext, req []byte) ([]byte, types.CompletionCode, error) {
	if len(req) == 0 {
		return nil, types.CodeRequestDataTruncated, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	param, data := req[0]&0x7f, req[1:]
	want, known := bootParamLength(param)
	switch {
	case !known:
		return nil, types.CodeParameterNotSupported, nil
	case len(data) == 0:
		return nil, types.CodeOK, nil
	case len(data) != want:
		return nil, types.CodeRequestDataLengthInvalid, nil
	}
	switch param {
	case paramSetInProgress:
		b.setInProgress = data[0] & 0x03
	case paramValidClear:
		b.boot.validClear = data[0] & 0x1f
	case paramBootInfoAck:
		// Byte 1 says which bits of byte 2 are written.
		b.ack = b.ack&^data[0] | data[1]&data[0]
	case paramBootFlags:
		if b.opts.BMCFaults.SwallowsOverride {
			return nil, types.CodeOK, nil
		}
		b.boot.setFlags([5]byte(data), b.clock())
		b.log.Info("BMC: boot flags written", "boot", b.boot.String())
	}
	return nil, types.CodeOK, nil
}

// handleGetBootOptions is Get System Boot Options (IPMI 2.0 §28.13).
func (b *Box) handleGetBootOptions(_ context.Context, _ *handlers.HandlerContext, req []byte) ([]byte, types.CompletionCode, error) {
	if len(req) < 1 {
		return nil, types.CodeRequestDataTruncated, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	param := req[0] & 0x7f
	resp := []byte{bootOptionVersion, param}
	switch param {
	case paramSetInProgress:
		resp = append(resp, b.setInProgress)
	case paramValidClear:
		resp = append(resp, b.boot.validClear)
	case paramBootInfoAck:
		resp = append(resp, 0, b.ack)
	case paramBootFlags:
		flags := b.boot.read(b.clock())
		resp = append(resp, flags[:]...)
	default:
		return nil, types.CodeParameterNotSupported, nil
	}
	return resp, types.CodeOK, nil
}

// bootParamLength is the length of a parameter's data (table 28-14), and whether
// this BMC has it.
func bootParamLength(param byte) (int, bool) {
	switch param {
	case paramSetInProgress, paramValidClear:
		return 1, true
	case paramBootInfoAck:
		return 2, true
	case paramBootFlags:
		return 5, true
	}
	return 0, false
}
