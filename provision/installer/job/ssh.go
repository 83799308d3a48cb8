package job

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"
)

// An sshServer is the ssh server of a rescue.
type sshServer struct {
	server *ssh.Server
	// since is when the last session ended, in Unix nanoseconds; sessions counts those that
	// are open.
	since    atomic.Int64
	sessions atomic.Int32
}

// idle is how long no user has been logged in.
func (r *sshServer) idle(now time.Time) time.Duration {
	if r.sessions.Load() > 0 {
		return 0
	}
	return now.Sub(time.Unix(0, r.since.Load()))
}

func newHostKey() (gossh.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return gossh.NewSignerFromKey(key)
}

// newSSHServer makes a server that accepts root with one of the keys, and nothing else, for a
// shell or a command. It forwards nothing.
func newSSHServer(keys []string, signer gossh.Signer, now func() time.Time, session ssh.Handler) (*sshServer, error) {
	var allowed []gossh.PublicKey
	for _, text := range keys {
		key, _, _, _, err := gossh.ParseAuthorizedKey([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("a key of the operator's: %w", err)
		}
		allowed = append(allowed, key)
	}
	if len(allowed) == 0 {
		return nil, errors.New("no key was given") // the library lets everybody in then
	}
	r := &sshServer{}
	r.since.Store(now().UnixNano())
	r.server = &ssh.Server{
		Version: "rackhand-rescue", HostSigners: []ssh.Signer{signer}, IdleTimeout: rescueIdle,
		PublicKeyHandler: func(ctx ssh.Context, key ssh.PublicKey) bool {
			if ctx.User() != "root" {
				return false
			}
			for _, a := range allowed {
				if ssh.KeysEqual(a, key) {
					return true
				}
			}
			return false
		},
		ServerConfigCallback: func(ssh.Context) *gossh.ServerConfig { return &gossh.ServerConfig{MaxAuthTries: 6} },
		// A connection without a login must not hold memory forever.
		ConnCallback: newAuthDeadline(2 * time.Minute),
		Handler: func(s ssh.Session) {
			r.sessions.Add(1)
			defer func() {
				r.since.Store(now().UnixNano())
				r.sessions.Add(-1)
			}()
			session(s)
		},
	}
	return r, nil
}

// newAuthDeadline closes connections without a login after d, and allows 32 at a time.
func newAuthDeadline(d time.Duration) ssh.ConnCallback {
	var open atomic.Int32
	return func(ctx ssh.Context, conn net.Conn) net.Conn {
		if open.Add(1) > 32 {
			open.Add(-1)
			return nil // the library closes it
		}
		go func() {
			defer open.Add(-1)
			late := time.NewTimer(d)
			defer late.Stop()
			select {
			case <-ctx.Done():
				return
			case <-late.C:
			}
			if ctx.Value(ssh.ContextKeyConn) == nil { // set once somebody is in
				conn.Close()
			}
			<-ctx.Done()
		}()
		return conn
	}
}
