package provider

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/edit"
)

// authorizedKey brings about keys in the authorized_keys of users.
type authorizedKey struct{ Host }

// A home is where a user's keys are.
type home struct {
	user, dir string
	uid, gid  int
}

func (h home) folder() *catalog.File {
	return &catalog.File{Path: path.Join(h.dir, ".ssh"), Ensure: catalog.Directory, Mode: "0700", Owner: strconv.Itoa(h.uid), Group: strconv.Itoa(h.gid)}
}

func (h home) file(content string) *catalog.File {
	return &catalog.File{
		Path: path.Join(h.dir, ".ssh/authorized_keys"), Ensure: catalog.FileKind, Content: content,
		Mode: "0600", Owner: strconv.Itoa(h.uid), Group: strconv.Itoa(h.gid),
	}
}

// home finds a user's home in /etc/passwd.
func (p authorizedKey) home(ctx context.Context, user string) (h home, err error) {
	users, err := p.table(ctx, passwdFile)
	if err != nil {
		return h, err
	}
	fields, err := users.entry(passwdFile, user, 7)
	if err != nil {
		return h, err
	}
	if fields == nil {
		return h, &Missing{Err: fmt.Errorf("there is no user %s: declare it before this", user), By: []string{catalog.ID(catalog.KindUser, user)}}
	}
	if !path.IsAbs(fields[5]) || path.Clean(fields[5]) == "/" {
		return h, fmt.Errorf("%s gives %s no home: set one", passwdFile, user)
	}
	h = home{user: user, dir: path.Clean(fields[5])}
	var wrong error
	h.uid, err = strconv.Atoi(fields[2])
	h.gid, wrong = strconv.Atoi(fields[3])
	if err = errors.Join(err, wrong); err != nil {
		return h, fmt.Errorf("the line of %s in %s has no numbers: mend it by hand", user, passwdFile)
	}
	return h, nil
}

// plan is the file as it is to be; did says what changes in it.
func (p authorizedKey) plan(ctx context.Context, r *catalog.Resource) (h home, text []byte, did []string, err error) {
	k := r.AuthorizedKey
	h, err = p.home(ctx, k.User)
	if err != nil {
		return h, nil, nil, err
	}
	name := h.file("").Path
	old, err := p.look(ctx, name)
	if err != nil {
		return h, nil, nil, err
	}
	if old == nil {
		old = &Regular{UID: h.uid}
	}
	// A user may move a file of somebody else here. Its content must not become readable for
	// that user.
	if old.UID != h.uid && (old.UID != 0 || old.Mode&worldReadable == 0) {
		return h, nil, nil, fmt.Errorf("%s belongs to user %d and not to %s: give it to that user, or remove it", name, old.UID, k.User)
	}
	text, did, err = edit.Key(old.Content, k)
	if err == nil && len(text) > catalog.MaxEdited {
		err = fmt.Errorf("with it, %s would have more than %d bytes", name, catalog.MaxEdited)
	}
	return h, text, did, err
}

func (p authorizedKey) Check(ctx context.Context, r *catalog.Resource) ([]string, error) {
	h, text, did, err := p.plan(ctx, r)
	var missing *Missing
	if r.AuthorizedKey.Ensure == catalog.Absent {
		if errors.As(err, &missing) && slices.Contains(missing.By, catalog.ID(catalog.KindUser, r.AuthorizedKey.User)) {
			return nil, nil // without the user there is no key
		}
		if err != nil || len(did) == 0 {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	drafts, name := draftsOf(ctx), h.file("").Path
	earlier := false // another key, which would mend the attributes
	if drafts != nil {
		_, earlier, _ = drafts.look(name)
	}
	if !earlier {
		around, err := p.attributes(ctx, h, text, did)
		if err != nil {
			return nil, err
		}
		did = append(did, around...)
	}
	if drafts != nil && len(did) > 0 {
		drafts.Put(name, &Regular{Content: text, UID: h.uid})
	}
	return did, nil
}

// attributes are the differences of the folder and the file beside the keys.
func (p authorizedKey) attributes(ctx context.Context, h home, text []byte, did []string) (out []string, err error) {
	folder, err := p.Files.Check(ctx, h.folder())
	var missing *Missing
	if errors.As(err, &missing) {
		missing.Err = fmt.Errorf("the home of %s, %s, isn't there: let the user resource make it, or declare file[%[2]s]", h.user, h.dir)
		missing.By = []string{catalog.ID(catalog.KindFile, h.dir), catalog.ID(catalog.KindUser, h.user)}
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	for _, d := range folder {
		out = append(out, ".ssh: "+d)
	}
	if len(folder) == 1 && folder[0] == "directory made" {
		return out, nil
	}
	file, err := p.Files.Check(ctx, h.file(string(text)))
	for _, d := range file {
		if len(did) == 0 || !strings.HasPrefix(d, "content ") && !strings.HasPrefix(d, "made,") {
			out = append(out, d)
		}
	}
	return out, err
}

func (p authorizedKey) Apply(ctx context.Context, r *catalog.Resource) error {
	h, text, _, err := p.plan(ctx, r)
	if err != nil {
		return err
	}
	if err := p.Files.Apply(ctx, h.folder()); err != nil {
		return err
	}
	return p.Files.Apply(ctx, h.file(string(text)))
}
