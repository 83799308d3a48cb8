package simulated

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"rackhand/bootfiles/media"
	"rackhand/templates/kickstart"
)

// headers are the headers of Anaconda's request for its Kickstart.
func (b *box) headers(args map[string]string) http.Header {
	h := http.Header{}
	h.Set("X-Anaconda-Architecture", "x86_64")
	h.Set("X-Anaconda-System-Release", "Rocky Linux")
	if _, ok := args["inst.ks.sendmac"]; ok {
		for i, mac := range append(append([]string{}, b.Further...), b.mac.String()) {
			h.Set(fmt.Sprintf("X-RHN-Provisioning-MAC-%d", i), fmt.Sprintf("eth%d %s", i, mac))
		}
	}
	if _, ok := args["inst.ks.sendsn"]; ok {
		h.Set("X-System-Serial-Number", b.Serial)
	}
	return h
}

// install is one run of the installer.
func (b *box) install(ctx context.Context, k kernel) error {
	// One for each interface that comes up.
	var ks []byte
	for range 1 + len(b.Further) {
		text, err := b.fetch(ctx, k.args["inst.ks"], b.headers(k.args), 3)
		if err != nil {
			return fmt.Errorf("%w: the Kickstart: %w", errInitrd, err)
		}
		if ks != nil && string(ks) != string(text) {
			return errors.New("a further interface was given another Kickstart")
		}
		ks = text
	}
	tree, err := b.stage2(ctx, k)
	if err != nil {
		return fmt.Errorf("%w: %w", errInitrd, err)
	}
	if b.Release == "" {
		b.Release = tree.Release()
	}
	file, err := kickstart.Parse("ks.cfg", ks)
	if err != nil {
		return err
	}
	log, err := dialSyslog(ctx, k.args["inst.syslog"])
	if err != nil {
		return err
	}
	defer log.close()
	log.say("main", "Parsing the kickstart file; token in %s", k.args["inst.ks"])
	s := &scripts{box: b, log: log, file: file, cmdline: k.cmdline}
	if err := s.prepare(); err != nil {
		return err
	}
	defer s.clear()
	err = b.carryOut(ctx, k, tree, s, log)
	if s.bootable { // the boot loader is written before any %post runs
		if err := errors.Join(os.RemoveAll(b.system()), os.Rename(filepath.Join(s.root, "mnt/sysimage"), b.system())); err != nil {
			return err
		}
	}
	if err == nil || errors.Is(err, errRestart) {
		return err
	}
	if failed := (*scriptError)(nil); errors.As(err, &failed) && release(b.Release).waitsForEnter() {
		log.say("main", "%v", err)
		return fmt.Errorf("%w: %w", errStands, err)
	}
	log.say("main", "Running kickstart %%onerror script(s): %v", err)
	if err := s.run(ctx, "%onerror"); err != nil {
		b.Say("%%onerror: %v", err)
	}
	return err
}

func (b *box) carryOut(ctx context.Context, k kernel, tree *media.Treeinfo, s *scripts, log *syslog) error {
	if err := s.run(ctx, "%pre"); err != nil {
		return err
	}
	repo := k.args["inst.repo"]
	for _, v := range tree.Variants {
		if _, err := b.fetch(ctx, repo+"/"+v.Repository+"/repodata/repomd.xml", nil, 3); err != nil {
			return fmt.Errorf("the repository %s: %w", v.ID, err)
		}
	}
	if err := s.layOut(); err != nil {
		return err
	}
	if err := s.run(ctx, "%pre-install"); err != nil {
		return err
	}
	failing := b.result.Installs <= b.FailTimes
	before, each, after, again := release(b.Release).packageLines(b.Packages)
	for _, l := range before {
		log.send(l)
	}
	for n := 1; n <= b.Packages; n++ {
		log.send(each(n))
		if n == b.Packages/2 {
			if err := b.pause(ctx, PausePackages); err != nil {
				return err
			}
		}
		if failing && b.Fails == FailPackages && n > b.Packages/2 {
			log.say("packaging", "Failed to download the following packages: simulated-%d-1.0-1.x86_64: Curl error (28): Timeout was reached", n)
			return errors.New("a package can't be installed (as asked for)")
		}
	}
	for _, l := range after {
		log.send(l)
	}
	for n := 1; n <= b.Packages; n++ {
		log.send(again(n))
	}
	s.bootable = true
	if b.Late {
		var status *statusError
		if _, err := b.fetch(ctx, k.args["inst.ks"], b.headers(k.args), 0); errors.As(err, &status) {
			b.result.LateStatus = status.code
		} else if err == nil {
			b.result.LateStatus = http.StatusOK
		}
	}
	if err := s.stubs(failing && b.Fails == FailPost); err != nil {
		return err
	}
	return s.run(ctx, "%post")
}

// stage2 looks for what Anaconda's initrd looks for; some of it is on no media.
func (b *box) stage2(ctx context.Context, k kernel) (*media.Treeinfo, error) {
	base := strings.TrimSuffix(k.args["inst.stage2"], "/")
	text, err := b.fetch(ctx, base+"/.treeinfo", nil, 3)
	if err != nil {
		return nil, err
	}
	tree, err := media.ParseTreeinfo(text)
	if err != nil {
		return nil, err
	}
	if _, err := b.fetch(ctx, base+"/"+tree.Stage2, nil, 3); err != nil {
		return nil, err
	}
	for _, name := range []string{"images/updates.img", "images/product.img", "LiveOS/squashfs.img"} {
		var status *statusError
		if _, err := b.fetch(ctx, base+"/"+name, nil, 3); err != nil && !(errors.As(err, &status) && status.code == http.StatusNotFound) {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return tree, nil
}
