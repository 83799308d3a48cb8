package redfishsim

import (
	"cmp"
	"fmt"
	"net/http"
	"path"
	"slices"
)

// ownAccount is where the account is in a tree without accounts.
const ownAccount = "(account)"

func (s *Service) accountsPath() string {
	return linkOf(s.tree[linkOf(s.tree[root]["AccountService"])]["Accounts"])
}

func (s *Service) isAccount(p string) bool {
	return slices.Contains(s.tree.members(s.accountsPath()), p)
}

// AddAccount gives the BMC one more account; role is Administrator, Operator or ReadOnly.
func (s *Service) AddAccount(user, password, role string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addAccount(user, password, role)
}

// addAccount writes an account of its name, a free slot or a new document; role "" is of no
// privilege. It returns the path.
func (s *Service) addAccount(user, password, role string) string {
	collection := s.accountsPath()
	if s.tree[collection] == nil {
		p := ownAccount + user
		s.tree[p] = map[string]any{"UserName": user, "RoleId": role, "Enabled": true}
		s.passwords[p] = password
		return p
	}
	members, p := s.tree.members(collection), ""
	for _, m := range members {
		doc := s.tree[m]
		if name, _ := doc["UserName"].(string); doc != nil && (name == user || name == "" && p == "" && path.Base(m) != "1") {
			p = m
		}
	}
	if p == "" {
		p = fmt.Sprintf("%s/%d", collection, len(members)+1)
		for s.tree[p] != nil {
			p += "0"
		}
		s.tree[p] = map[string]any{"@odata.id": p, "@odata.type": "#ManagerAccount.v1_1_0.ManagerAccount", "Id": path.Base(p), "Name": "User Account"}
		s.tree[collection]["Members"] = links(append(members, p))
		s.tree[collection]["Members@odata.count"] = len(members) + 1
	}
	doc := s.tree[p]
	doc["UserName"], doc["RoleId"], doc["Enabled"], doc["Password"] = user, role, true, nil
	s.passwords[p] = password
	return p
}

// identity is the account at a path, or nil.
func (s *Service) identity(p string) *identity {
	doc := s.tree[p]
	if enabled, _ := doc["Enabled"].(bool); !enabled {
		return nil
	}
	role, _ := doc["RoleId"].(string)
	return &identity{account: p, role: role, mustChange: s.faults[MustChange]}
}

// check compares a name and a password. After five refusals the account is locked, where
// the tree says so (AccountLockoutThreshold) or the fault is on.
func (s *Service) check(user, password string) (*identity, answer) {
	threshold, _ := at(s.tree[linkOf(s.tree[root]["AccountService"])], "AccountLockoutThreshold").(float64)
	if s.faults[Locked] {
		threshold = cmp.Or(threshold, 5)
	}
	if threshold > 0 && s.failed[user] >= int(threshold) {
		return nil, refuse(http.StatusUnauthorized, "AccountLocked", "The account is locked because of too many failed logins.")
	}
	for p, is := range s.passwords {
		if name, _ := s.tree[p]["UserName"].(string); name != user || is != password {
			continue
		}
		if who := s.identity(p); who != nil {
			s.failed[user] = 0
			return who, answer{}
		}
	}
	s.failed[user]++
	return nil, refuse(http.StatusUnauthorized, "ResourceAtUriUnauthorized", "While accessing the resource, the service received an authorization error: Invalid username or password.")
}

func (s *Service) removeAccount(who *identity, p string) answer {
	if !who.may("ConfigureUsers") {
		return insufficient()
	}
	collection := s.accountsPath()
	members := slices.DeleteFunc(s.tree.members(collection), func(m string) bool { return m == p })
	s.tree[collection]["Members"], s.tree[collection]["Members@odata.count"] = links(members), len(members)
	delete(s.tree, p)
	delete(s.passwords, p)
	return done()
}

func (s *Service) makeAccount(who *identity, body map[string]any) answer {
	user, _ := body["UserName"].(string)
	password, _ := body["Password"].(string)
	role, _ := body["RoleId"].(string)
	switch {
	case !who.may("ConfigureUsers"):
		return insufficient()
	case s.faults[SlotAccounts]:
		return refuse(http.StatusMethodNotAllowed, "OperationNotAllowed", "The HTTP method is not allowed on this resource.")
	case user == "" || password == "" || role == "":
		return refuse(http.StatusBadRequest, "CreateFailedMissingReqProperties", "The create operation failed because a required property was missing from the request.")
	}
	if a := s.goodPassword(password); a.status != 0 {
		return a
	}
	for _, m := range s.tree.members(s.accountsPath()) {
		if s.tree[m]["UserName"] == user {
			return refuse(http.StatusConflict, "ResourceAlreadyExists", "The requested resource already exists.")
		}
	}
	p := s.addAccount(user, password, role)
	a := show(s.tree[p])
	a.status, a.header["Location"] = http.StatusCreated, p
	return a
}

// goodPassword holds a password to the account service's limits.
func (s *Service) goodPassword(password string) answer {
	service := s.tree[linkOf(s.tree[root]["AccountService"])]
	least, _ := service["MinPasswordLength"].(float64)
	most, _ := service["MaxPasswordLength"].(float64)
	if len(password) < int(least) || most > 0 && len(password) > int(most) {
		return refuse(http.StatusBadRequest, "PropertyValueFormatError", "The value for the property Password is of a different format than the property can accept.")
	}
	return answer{}
}

// patchAccount writes an account. An account may change its own password.
func (s *Service) patchAccount(who *identity, p string, body map[string]any) answer {
	password, changes := body["Password"].(string)
	if !who.may("ConfigureUsers") && (p != who.account || !changes || len(body) > 1) {
		return insufficient()
	}
	if a := writable(s.tree[p], body, "UserName", "RoleId", "Enabled", "Locked", "PasswordChangeRequired", "AccountTypes", "Password"); a.status != 0 {
		return a
	}
	if changes {
		if a := s.goodPassword(password); a.status != 0 {
			return a
		}
		s.passwords[p] = password
		if p == who.account {
			s.faults[MustChange] = false
		}
	}
	rest := clone(body)
	delete(rest, "Password")
	merge(s.tree[p], rest)
	return done()
}
