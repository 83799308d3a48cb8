package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// The kinds of resources, as they stand before the bracket of an id.
const (
	KindPackage       = "package"
	KindFile          = "file"
	KindService       = "service"
	KindGroup         = "group"
	KindLine          = "line"
	KindBlock         = "block"
	KindINI           = "ini"
	KindAuthorizedKey = "authorized_key"
	KindSudoers       = "sudoers"
	KindCron          = "cron"
	KindRepository    = "repository"
	KindUser          = "user"
	KindExec          = "exec"
	KindTimer         = "timer"
)

// The values of Ensure; a package's may be a version too.
const (
	Present   = "present"
	Absent    = "absent"
	FileKind  = "file"
	Directory = "directory"
	Link      = "link"
	Latest    = "latest" // of a package: what its sources offer
	Purged    = "purged" // of a package: absent, with its configuration
)

// The values of Service.Refresh.
const (
	Restart = "restart"
	Reload  = "reload"
)

// ID is the id of a resource: service[nginx].
func ID(kind, name string) string { return kind + "[" + name + "]" }

// With is the catalog with a host's maintenance windows. Its version names them, too, so
// that a change of the windows alone reaches the agent.
func (c Catalog) With(m *Maintenance) (Catalog, error) {
	if m == nil {
		return c, nil
	}
	b, err := json.Marshal(m)
	if err != nil {
		return c, fmt.Errorf("hashing the catalog: %w", err)
	}
	sum := sha256.Sum256(append([]byte(c.Version), b...))
	c.Maintenance, c.Version = m, hex.EncodeToString(sum[:8])
	return c, nil
}

// Version is the hash that names a list of resources: 16 hex digits of the
// SHA-256 of their JSON.
func Version(resources []Resource) (string, error) {
	b, err := json.Marshal(resources)
	if err != nil {
		return "", fmt.Errorf("hashing the catalog: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8]), nil
}
