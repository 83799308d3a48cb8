package redfish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rackhand/provision/bmc"
)

// maxAccounts bounds how many accounts are read.
const maxAccounts = 64

// An accountService is what is needed of the AccountService.
type accountService struct {
	Accounts          link
	MinPasswordLength number
	MaxPasswordLength number
}

// An account is a ManagerAccount: on some BMCs (Dell, Lenovo) one of a fixed number of
// slots, an unused one with an empty name.
type account struct {
	path link
	tag  string

	ID         string `json:"Id"`
	UserName   string
	RoleID     string `json:"RoleId"`
	Enabled    bool
	MustChange bool `json:"PasswordChangeRequired"`
	Links      struct{ Role link }
}

func (s *session) accounts(ctx context.Context) (accountService, []account, error) {
	var service accountService
	if _, err := s.get(ctx, s.root.AccountService, &service); err != nil {
		return service, nil, err
	}
	all, err := s.members(ctx, service.Accounts, maxAccounts)
	if err != nil {
		return service, nil, err
	}
	var out []account
	for _, at := range all {
		a := account{path: at}
		if a.tag, err = s.get(ctx, at, &a); errors.Is(err, bmc.ErrUnsupported) {
			continue
		} else if err != nil {
			return service, nil, err
		}
		if a.ID == "" {
			a.ID = last(string(at))
		}
		out = append(out, a)
	}
	return service, out, nil
}

// Users implements bmc.Session. Unused slots are left out.
func (s *session) Users(ctx context.Context) ([]bmc.Account, error) {
	_, all, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	var out []bmc.Account
	for _, a := range all {
		if a.UserName == "" && !a.Enabled {
			continue
		}
		out = append(out, bmc.Account{
			ID: clean(a.ID, shortText), Name: clean(a.UserName, shortText), Privilege: s.privilege(ctx, a),
			Enabled: a.Enabled, MustReset: a.MustChange,
		})
	}
	return out, nil
}

// privilege is what an account's role grants. A role of the BMC's own is judged by the
// standard privileges that it assigns.
func (s *session) privilege(ctx context.Context, a account) bmc.Privilege {
	switch a.RoleID {
	case "Administrator", "Admin":
		return bmc.Administrator
	case "Operator":
		return bmc.Operator
	case "ReadOnly", "ReadOnlyUser", "User":
		return bmc.User
	case "", "NoAccess", "None":
		return ""
	}
	var role struct {
		Assigned []string `json:"AssignedPrivileges"`
	}
	if a.Links.Role == "" {
		return ""
	}
	if _, err := s.get(ctx, a.Links.Role, &role); err != nil {
		return ""
	}
	switch {
	case slices.Contains(role.Assigned, "ConfigureUsers"), slices.Contains(role.Assigned, "ConfigureManager"):
		return bmc.Administrator
	case slices.Contains(role.Assigned, "ConfigureComponents"):
		return bmc.Operator
	case slices.Contains(role.Assigned, "Login"):
		return bmc.User
	}
	return ""
}

var roles = map[bmc.Privilege]string{bmc.Administrator: "Administrator", bmc.Operator: "Operator", bmc.User: "ReadOnly"}

// SetUser implements bmc.Session.
func (s *session) SetUser(ctx context.Context, a bmc.Account, password string) error {
	s.also = password
	if err := s.setUser(ctx, a, password); err != nil {
		return err
	}
	if password != "" && a.Name == s.target.User {
		s.target.Password = password // should the session end now
	}
	return nil
}

func (s *session) setUser(ctx context.Context, a bmc.Account, password string) error {
	service, all, err := s.accounts(ctx)
	if errors.Is(err, bmc.ErrPasswordChange) && s.mustChange != "" && password != "" && a.Name == s.target.User {
		// The one thing that the BMC allows.
		return s.patch(ctx, s.mustChange, map[string]string{"Password": password}, "")
	}
	if err != nil {
		return err
	}
	if err := service.fits(password); err != nil {
		return err
	}
	body := map[string]any{"UserName": a.Name, "Enabled": a.Enabled}
	if role := roles[a.Privilege]; role != "" {
		body["RoleId"] = role
	}
	if password != "" {
		body["Password"] = password
	}
	if slot := slotFor(all, a, s.dell()); slot != nil {
		if slot.UserName == a.Name {
			delete(body, "UserName") // some can't rename, and refuse even the same name
		}
		if slot.RoleID == body["RoleId"] {
			delete(body, "RoleId")
		}
		return s.patch(ctx, slot.path, body, slot.tag)
	}
	if a.ID != "" {
		return fmt.Errorf("%w: it has no account with the id %q", bmc.ErrUnsupported, clean(a.ID, shortText))
	}
	return s.post(ctx, service.Accounts, body)
}

// dell reports whether the BMC is an iDRAC, whose first slot can't be used.
func (s *session) dell() bool {
	_, oem := s.root.Oem["Dell"]
	return oem || strings.HasPrefix(s.root.Vendor, "Dell")
}

// slotFor is the account to write: that of the id or of the name, or a free slot; nil where
// a new account is wanted.
func slotFor(all []account, a bmc.Account, dell bool) *account {
	free := -1
	for i := range all {
		switch x := &all[i]; {
		case a.ID != "" && x.ID == a.ID, a.ID == "" && x.UserName == a.Name && a.Name != "":
			return x
		case x.UserName == "" && !x.Enabled && free < 0 && !(dell && x.ID == "1"):
			free = i
		}
	}
	if a.ID != "" || free < 0 {
		return nil
	}
	return &all[free]
}

// fits checks a password early against the lengths that the BMC names: many cut a longer one
// without a word.
func (service accountService) fits(password string) error {
	least, most := service.MinPasswordLength, service.MaxPasswordLength
	switch n := float64(len(password)); {
	case n == 0:
		return nil
	case least.known && n < least.value:
		return &bmc.Error{Kind: bmc.ErrRefused, Err: fmt.Errorf("its passwords have %v bytes at least, the new one has %v", least.value, n), Hint: "choose a longer one"}
	case most.known && most.value > 0 && n > most.value:
		return &bmc.Error{Kind: bmc.ErrRefused, Err: fmt.Errorf("its passwords have %v bytes at most, the new one has %v", most.value, n), Hint: "choose a shorter one"}
	}
	return nil
}
