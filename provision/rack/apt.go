package rack

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path"
	"strings"
	"time"
)

// AptUpstreams reads which package mirrors this machine's apt uses for this
// Debian release, from apt itself and at the time it is asked: name, the last
// element of the mirror's path (debian, debian-security), to base URL without a
// trailing slash. Only Debian's own archives count, not third parties'.
func AptUpstreams() (map[string]string, error) {
	osRelease, err := os.Open("/etc/os-release")
	if err != nil {
		return nil, fmt.Errorf("rack: which Debian release is this: %w", err)
	}
	defer func() { _ = osRelease.Close() }()
	codename, err := debianCodename(osRelease)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "apt-get", "indextargets", "--format",
		"$(ORIGIN)|$(CODENAME)|$(REPO_URI)", "Created-By: Packages")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("rack: ask apt for its mirrors: %w: %s", err, lastLine(stderr.Bytes()))
	}
	return parseAptTargets(bytes.NewReader(out), codename)
}

// debianCodename reads os-release(5).
func debianCodename(r io.Reader) (string, error) {
	values := map[string]string{}
	lines := bufio.NewScanner(io.LimitReader(r, 64<<10))
	for lines.Scan() {
		if k, v, ok := strings.Cut(lines.Text(), "="); ok {
			values[k] = strings.Trim(v, `"'`)
		}
	}
	if values["ID"] != "debian" || values["VERSION_CODENAME"] == "" {
		return "", fmt.Errorf("rack: this is %q, not a Debian release: its apt has no mirror of Debian to offer", values["ID"])
	}
	return values["VERSION_CODENAME"], nil
}

// parseAptTargets reads lines of origin|codename|repository.
func parseAptTargets(r io.Reader, codename string) (map[string]string, error) {
	upstreams := map[string]string{}
	lines := bufio.NewScanner(io.LimitReader(r, 4<<20))
	for lines.Scan() {
		f := strings.SplitN(strings.TrimSpace(lines.Text()), "|", 3)
		if len(f) != 3 || f[0] != "Debian" {
			continue
		}
		// bookworm, bookworm-updates, bookworm-security, bookworm-backports.
		if f[1] != codename && !strings.HasPrefix(f[1], codename+"-") {
			continue
		}
		u, err := url.Parse(f[2])
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
			continue // cdrom:, file: and mirror: can't be forwarded to
		}
		base := strings.TrimRight(u.String(), "/")
		name := path.Base(strings.TrimRight(u.Path, "/"))
		if name == "." || name == "/" {
			continue
		}
		// The first one that apt names is the one that it prefers.
		if _, known := upstreams[name]; !known {
			upstreams[name] = base
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("rack: read apt's mirrors: %w", err)
	}
	if len(upstreams) == 0 {
		return nil, errors.New("rack: apt knows no http or https mirror of Debian " + codename +
			": look at /etc/apt/sources.list and sources.list.d, and run `apt-get update`")
	}
	return upstreams, nil
}
