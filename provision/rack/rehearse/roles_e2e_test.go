//go:build e2e

package rehearse_test

import (
	"os"
	"path/filepath"
)

// useShippedRoles lets the web servers have the roles that come with rackhand. Their packages
// are fetched with those of the image. Security updates are tried in a container, which takes
// seconds where this takes minutes.
func (r *rehearsal) useShippedRoles() {
	r.t.Helper()
	const role = `include:
  - role: base
    with:
      base_security_updates: no
      base_groups: [admins]
      base_users: {alice: {comment: Alice, groups: [admins]}}
      base_keys: {alice@laptop: {user: alice, key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx3eGGXkoDW5Qx6PbVEGwhsbn8wVUL9yNSbYpyJp3kE}}
      base_sudo: {admins: {group: admins, nopasswd: yes}}
  - {role: nginx, with: {nginx_sites: {web: {}}}}
resources:
  - file: /var/www/html/index.html
    template: site.html
    require: package[nginx]
checks:
  - http: {port: 80, path: /, status: 200, contains: "served by ${host.name}"}
    within: 60s
`
	if err := os.WriteFile(filepath.Join(r.Inventory, "roles", "web.yaml"), []byte(role), 0o600); err != nil {
		r.t.Fatal(err)
	}
}
