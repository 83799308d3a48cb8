package operate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/journal"
)

// Job arms a rescue, wipe or burn-in of a host, and boots it from the network when the
// request says so and the host has a BMC.
func (o *Operator) Job(_ context.Context, host string, r provision.JobRequest) (provision.Install, error) {
	h, err := o.host(host)
	if err != nil {
		return provision.Install{}, err
	}
	order := r.Order
	if r.Job == provision.JobRescue {
		if len(order.Keys) == 0 {
			if order.Keys, err = o.keysOf(h); err != nil {
				return provision.Install{}, err
			}
		}
		if order.Keys, err = publicKeys(order.Keys); err != nil {
			return provision.Install{}, fmt.Errorf("%w: %w", provision.ErrInvalidRequest, err)
		}
	}
	if err := order.Check(r.Job); err != nil {
		return provision.Install{}, fmt.Errorf("%w: %w", provision.ErrInvalidRequest, err)
	}
	if r.Job == provision.JobWipe && !r.Yes {
		return provision.Install{}, fmt.Errorf("%w: a wipe erases %s; say --yes when that is meant", provision.ErrInvalidRequest, disksText(order.Disks))
	}
	if r.Job.Disruptive() && o.Journal.Serves(host) && !r.Serving {
		return provision.Install{}, fmt.Errorf("%s %w, and a %s takes it out of service: say --serving when that is meant", host, provision.ErrServes, provision.Install{Job: r.Job}.Noun())
	}
	// A host that can't boot for its job is not armed: otherwise a host in service would be
	// power-cycled in vain.
	if err := o.Handout.JobReady(h); err != nil {
		return provision.Install{}, err
	}
	q := journal.Request{
		Host: host, MACs: h.MACTexts(), Job: r.Job, Order: order,
		Budget:  provision.Budget{Attempts: o.Settings.Attempts},
		Expires: o.Settings.Expires, Source: "operator", Why: orderText(r.Job, order),
	}
	if h.System != nil {
		q.System = h.System.Name
	}
	if r.Power && h.BMC != nil {
		q.Power = provision.PowerWanted
	}
	in, err := o.Journal.Arm(q)
	return o.Journal.Shown(in), err
}

// orderText describes the request in the event.
func orderText(job provision.Job, o provision.Order) string {
	switch job {
	case provision.JobWipe:
		return "the operator asked that " + disksText(o.Disks) + " be erased"
	case provision.JobBurnin:
		return fmt.Sprintf("the operator asked for a burn-in of %d min", o.Minutes)
	}
	var holders []string
	for _, k := range o.Keys {
		if key, comment, _, _, err := ssh.ParseAuthorizedKey([]byte(k)); err == nil {
			holders = append(holders, strings.TrimSpace(ssh.FingerprintSHA256(key)+" "+comment))
		}
	}
	return "the operator asked for a rescue shell, for the holder of the key " + strings.Join(holders, ", ")
}

func disksText(disks []string) string {
	if len(disks) == 0 {
		return "all its disks"
	}
	return "its disks " + strings.Join(disks, ", ")
}

// keysOf are the public keys of the variable ssh_keys, those that an install gives root.
func (o *Operator) keysOf(h *inventory.Host) ([]string, error) {
	list, ok := h.Variables["ssh_keys"].([]any)
	if one, given := h.Variables["ssh_keys"]; given && !ok {
		list = []any{one}
	}
	var keys []string
	for _, v := range list {
		switch v := v.(type) {
		case string:
			keys = append(keys, v)
		case inventory.SecretRef:
			text, err := o.Secret(string(v))
			if err != nil {
				return nil, fmt.Errorf("the variable ssh_keys: %w", err)
			}
			keys = append(keys, text)
		default:
			return nil, errors.New("the variable ssh_keys is not a list of public keys")
		}
	}
	return keys, nil
}

// publicKeys checks public keys from files and variables, where a text may have several. It
// returns each key as a string, without options.
func publicKeys(texts []string) ([]string, error) {
	var keys []string
	for _, text := range texts {
		rest := []byte(text)
		if strings.Contains(text, "PRIVATE KEY") {
			return nil, errors.New("that is a private key: give the public one, whose file ends in .pub")
		}
		for len(strings.TrimSpace(string(rest))) > 0 {
			key, comment, options, more, err := ssh.ParseAuthorizedKey(rest)
			switch {
			case err != nil:
				return nil, fmt.Errorf("%.30q... is not an SSH public key (such as ssh-ed25519 AAAA... you@desk)", strings.TrimSpace(string(rest)))
			case len(options) > 0:
				return nil, fmt.Errorf("the key %s has options (%s), which a rescue shell would not keep to: give the key alone", ssh.FingerprintSHA256(key), strings.Join(options, ","))
			}
			line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
			if comment = strings.ToValidUTF8(strings.TrimSpace(comment), ""); comment != "" {
				line += " " + comment
			}
			keys, rest = append(keys, line), more
		}
	}
	return keys, nil
}
