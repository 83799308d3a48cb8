package catalog

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"
)

// A User of the system.
type User struct {
	Name   string `json:"name"`
	Ensure string `json:"ensure"` // present, absent
	// UID is its number; nil for any.
	UID *int `json:"uid,omitempty"`
	// Group is the name of its primary group; "" leaves it.
	Group string `json:"group,omitempty"`
	// Groups are its supplementary groups; nil leaves them, an empty list is no group.
	Groups []string `json:"groups,omitzero"`
	// Membership: minimum keeps supplementary groups beside Groups; inclusive, or "", doesn't.
	Membership string `json:"membership,omitempty"`
	// Comment is the GECOS field of passwd(5); nil leaves it.
	Comment *string `json:"comment,omitempty"`
	Home    string  `json:"home,omitempty"` // absolute; "" leaves it
	// ManageHome: the home folder is made from /etc/skel, and moves along with Home.
	ManageHome bool `json:"manage_home,omitempty"`
	// RemoveHome: with ensure absent, the home folder and the mail spool go, too.
	RemoveHome bool   `json:"remove_home,omitempty"`
	Shell      string `json:"shell,omitempty"` // absolute; "" leaves it
	// Password is a hash as crypt(5) has it. It is the resource's secret.
	Password string `json:"password,omitempty"`
	// Expiry is the day from which the account is closed, 2027-01-31, or never; "" leaves it.
	Expiry string `json:"expiry,omitempty"`
	// Locked: the password can't be used (passwd -l); nil leaves it.
	Locked *bool `json:"locked,omitempty"`
	// System: without a UID, a number of the system's range is taken.
	System bool `json:"system,omitempty"`
}

// The values of User.Membership, and the one of User.Expiry that isn't a day.
const (
	Inclusive = "inclusive"
	Minimum   = "minimum"
	Never     = "never"
)

// PasswordChanged is the message of a user of whom nothing but the password was changed.
const PasswordChanged = "password changed"

// crypt(5): a prefix $ID$ and what the method wants. DES and other hashes without a prefix
// are too weak to be declared.
var cryptHash = regexp.MustCompile(`^\$(1|2[abxy]|5|6|7|y|gy|md5|sha1)[$,][A-Za-z0-9./$=,*-]{8,400}$`)

func (u *User) Title() string { return u.Name }
func (u *User) absent() bool  { return u.Ensure == Absent }

func (u *User) secret() string { return u.Password }

func (u *User) withSecret(r *Resource, text string) {
	other := *u
	other.Password = text
	r.User = &other
}

func (u *User) validate() error {
	switch {
	case !validName(u.Name):
		return fmt.Errorf("%.80q is not a valid user name", u.Name)
	case u.Ensure != Present && u.Ensure != Absent:
		return fmt.Errorf("ensure is %.40q: use present or absent", u.Ensure)
	case u.Ensure == Absent && u.Name == "root":
		return fmt.Errorf("the user root can't be absent")
	case u.UID != nil && (*u.UID < 0 || *u.UID > MaxID):
		return fmt.Errorf("uid is %d: 0 to %d are allowed", *u.UID, MaxID)
	case u.Group != "" && !validName(u.Group):
		return fmt.Errorf("%.80q is not a valid group name", u.Group)
	case u.Membership != "" && u.Membership != Inclusive && u.Membership != Minimum:
		return fmt.Errorf("membership is %.40q: use %s or %s", u.Membership, Inclusive, Minimum)
	case u.Comment != nil && (len(*u.Comment) > 512 || strings.ContainsAny(*u.Comment, ":\n\r\x00")):
		return fmt.Errorf("a comment has at most 512 bytes, and neither a colon nor a line break")
	case u.Password != "" && u.Password != Masked && !cryptHash.MatchString(u.Password):
		return fmt.Errorf("the password is not a hash as crypt(5) has it, such as $6$SALT$HASH or $y$...: make one with mkpasswd or openssl passwd -6")
	case u.RemoveHome && u.Ensure != Absent:
		return fmt.Errorf("remove_home goes with ensure: absent")
	}
	for _, g := range u.Groups {
		if !validName(g) {
			return fmt.Errorf("%.80q is not a valid group name", g)
		}
	}
	for what, p := range map[string]string{"home": u.Home, "shell": u.Shell} {
		if p != "" && (!path.IsAbs(p) || p != path.Clean(p) || len(p) > 1024 || strings.ContainsAny(p, ":\n\r\x00")) {
			return fmt.Errorf("%s is %.100q: write an absolute path without a colon", what, p)
		}
	}
	if u.Expiry != "" && u.Expiry != Never {
		day, err := time.Parse(time.DateOnly, u.Expiry)
		if err != nil || day.Year() < 1970 || day.Year() > 9999 {
			return fmt.Errorf("expiry is %.40q: write a day such as 2027-01-31, or never", u.Expiry)
		}
	}
	return nil
}

// validName reports whether useradd(8) and groupadd(8) take a name.
func validName(name string) bool { return len(name) <= 32 && userName.MatchString(name) }
