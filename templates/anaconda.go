package templates

// Media is where Anaconda finds its tree.
type Media struct {
	// Stage2 and Repo are URLs of the tree: with the installer's second stage, and with
	// packages; Repo is "" if the media has no packages.
	Stage2, Repo string
}

// anacondaArgs are the arguments of Anaconda's kernel for the system's release. The
// one-time token in the answer file's URL is the only secret among them.
//
// Anaconda's boot-options.rst and dracut.cmdline(7) say what each means. The prefix
// inst. is good on every release that we know: RHEL 7 takes names without it too, RHEL 8
// and later only with.
func (d Data) anacondaArgs() []string {
	args := []string{
		"inst.ks=" + d.Install.Kickstart,
		"inst.ks.sendmac", "inst.ks.sendsn", // the requests then name the box: web/answer.go
		"inst.stage2=" + d.Image.Media.Stage2,
	}
	// A Kickstart that names its own source has `url`, and inst.repo= would take its
	// place.
	if _, own := d.Host.Variables["install_url"]; !own && d.Image.Media.Repo != "" {
		args = append(args, "inst.repo="+d.Image.Media.Repo)
	}
	if host := d.ApplianceHost(); host != "" {
		args = append(args, "inst.syslog="+host)
	}
	// Text mode alone would wait at a prompt when an answer is missing.
	if d.Release() == "RHEL7" {
		args = append(args, "inst.cmdline")
	} else {
		args = append(args, "inst.text", "inst.noninteractive")
		// An initrd that can't fetch what it needs would stand at an emergency shell for
		// good. So the box comes back as another attempt (dracut.cmdline(7)). RHEL 7's
		// dracut doesn't know the second.
		args = append(args, "rd.shell=0", "rd.emergency=reboot")
	}
	// Else the Kickstart, with its hashes, stays in the installed system's /root.
	args = append(args, "inst.nosave=all_ks", "BOOTIF="+d.Install.BootIF)
	return append(args, d.network()...)
}
