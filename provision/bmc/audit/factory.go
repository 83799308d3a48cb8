package audit

import "strings"

// An account is a factory account.
type account struct{ user, password string }

// A maker has factory accounts of its BMCs, at most two.
type maker struct {
	names    []string // parts of how BMCs and boxes name it, in lower case
	accounts []account
}

// makers returns the makers whose BMCs once left the factory with one password for all. HPE's
// have a random one each, those of Supermicro since 2020 too.
//
// Sources: HD Moore, "A Penetration Tester's Guide to IPMI and BMCs", Rapid7 2013 (Dell, IBM,
// Fujitsu, Supermicro, Oracle, ASUS); iDRAC6 User Guide, "User Authentication and
// Authorization" (Dell); IBM Power, "Setting the password" for POWER9 (OpenBMC) and Power10
// (eBMC).
func makers() []maker {
	return []maker{
		{[]string{"dell"}, []account{{"root", "calvin"}}},
		{[]string{"supermicro", "super micro"}, []account{{"ADMIN", "ADMIN"}}},
		{[]string{"lenovo"}, []account{{"USERID", "PASSW0RD"}}},
		{[]string{"ibm", "international business machines"}, []account{{"admin", "admin"}, {"USERID", "PASSW0RD"}}},
		{[]string{"fujitsu"}, []account{{"admin", "admin"}}},
		{[]string{"oracle", "sun microsystems"}, []account{{"root", "changeme"}}},
		{[]string{"asus"}, []account{{"admin", "admin"}}},
		{[]string{"openbmc"}, []account{{"root", "0penBmc"}}},
	}
}

// factoryAccounts returns those of the first name that is a known maker's; nil for others.
func factoryAccounts(names ...string) []account {
	for _, name := range names {
		name = strings.ToLower(name)
		for _, m := range makers() {
			for _, part := range m.names {
				if strings.Contains(name, part) {
					return m.accounts
				}
			}
		}
	}
	return nil
}

// isFactory reports whether an account is a factory account of any maker.
func isFactory(user, password string) bool {
	for _, m := range makers() {
		for _, a := range m.accounts {
			if a == (account{user, password}) {
				return true
			}
		}
	}
	return false
}
