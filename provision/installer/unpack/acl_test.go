package unpack

import (
	"encoding/hex"
	"strings"
	"testing"
)

func TestParseACL(t *testing.T) {
	users := map[string]uint32{"lisa": 1000, "4711": 12}
	groups := map[string]uint32{"web": 33}
	const (
		userObj  = "0100" + "0600" + "ffffffff"
		groupObj = "0400" + "0400" + "ffffffff"
		mask     = "1000" + "0400" + "ffffffff"
		other    = "2000" + "0000" + "ffffffff"
	)
	for _, c := range []struct{ text, want string }{
		{"user::rw-\ngroup::r--\nother::---\n", userObj + groupObj + other},
		{"user::rw-,user:lisa:r-x,group::r--,group:web:rwx,mask::r--,other::---", userObj + "02000500e8030000" + groupObj + "0800070021000000" + mask + other},
		{"u::rw,g::r,m:r,o::,u:5:r,u:4:r", userObj + "0200040004000000" + "0200040005000000" + groupObj + mask + other},
		{"user:4711:rwx", "020007000c000000"},                      // a name that looks like a number
		{"user:0042:rwx", "020007002a000000"},                      // a number
		{"user:gone:r--:502", "02000400f6010000"},                  // star's fourth field
		{"user:lisa:r--:502", "02000400e8030000"},                  // the image's own users come first
		{"default:user::rw-\ndefault:other::---", userObj + other}, // BSD
		{"user:lisa:rwx\t\t#effective:r--", "02000700e8030000"},
	} {
		got, err := parseACL(c.text, users, groups)
		if err != nil || hex.EncodeToString(got) != "02000000"+c.want {
			t.Errorf("%q: %x, %v; want %s", c.text, got, err, c.want)
		}
	}
	for text, want := range map[string]string{
		"user:nobody:rwx":                  `the image has no user "nobody"`,
		"group:lisa:rwx":                   `the image has no group "lisa"`,
		"user:4294967296:r":                "the image has no user",
		"":                                 "empty",
		",,\n#x":                           "empty",
		"user":                             "is not an ACL entry",
		"user:rwx":                         "is not an ACL entry",
		"user::rwt":                        "is not an ACL entry",
		"mask:x:rwx":                       "is not an ACL entry",
		"owner@::rwx":                      "is not an ACL entry",
		"user:a:b:c:d":                     "is not an ACL entry",
		strings.Repeat("user::rwx,", 1025): "more than 1024",
	} {
		if _, err := parseACL(text, users, groups); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
	}
}

func TestReadNames(t *testing.T) {
	got := readNames(strings.NewReader("root:x:0:0:root:/root:/bin/sh\nweb:x:33:\nshort\nbad:x:y:\n+::::\n"))
	if len(got) != 2 || got["root"] != 0 || got["web"] != 33 {
		t.Errorf("got %v", got)
	}
}

func FuzzParseACL(f *testing.F) {
	f.Add("user::rw-,user:lisa:r--:502,group::r--,mask::r--,other::---")
	f.Add("default:user::rwx\nm:r\n")
	f.Fuzz(func(t *testing.T, text string) {
		b, err := parseACL(text, map[string]uint32{"lisa": 1}, nil)
		if err == nil && (len(b) < 12 || len(b) > 4+8*aclEntries || len(b)%8 != 4) {
			t.Errorf("%q became %x", text, b)
		}
	})
}
