package ipmi

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"rackhand/provision/bmc"
)

func TestWhy(t *testing.T) {
	noRoute := &net.OpError{Op: "read", Net: "udp", Err: os.NewSyscallError("read", syscall.EHOSTUNREACH)}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("web1: %w", bmc.ErrNoBMC), bmc.WhyAddress},
		{fmt.Errorf("%w: %w", bmc.ErrPassword, errors.New("no such secret")), bmc.WhyPassword},
		{classify(noRoute), bmc.WhyAddress},
		{classify(os.ErrDeadlineExceeded), bmc.WhySilence},
		{noSuite([]failedSuite{{17, &bmc.Error{Kind: bmc.ErrSilent, Err: os.ErrDeadlineExceeded, Hint: bmc.HintSilentLogin}}}), bmc.WhyPassword},
		{noSuite([]failedSuite{{17, os.ErrDeadlineExceeded}}), bmc.WhySilence},
		{fmt.Errorf("set: %w", &bmc.Error{Kind: bmc.ErrCredentials}), bmc.WhyPassword},
		{privilegeError(errors.New("operator refused")), bmc.WhyPrivilege},
		{&bmc.Error{Kind: bmc.ErrCipher}, bmc.WhyRefused},
		{&bmc.Error{Kind: bmc.ErrSessions}, bmc.WhySessions},
		{&bmc.Error{Kind: bmc.ErrRefused}, bmc.WhyRefused},
		{&bmc.Error{Kind: bmc.ErrBootDevice}, bmc.WhyRefused},
		{&bmc.Error{Kind: bmc.ErrPowerState}, bmc.WhyState},
		{&bmc.Error{Kind: bmc.ErrBusy}, bmc.WhyBusy},
		{errors.New("the moon"), bmc.WhyOther},
	} {
		if got := bmc.Why(tt.err); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.err, got, tt.want)
		}
	}
}
