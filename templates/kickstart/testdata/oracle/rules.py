"""What a table of options can't hold, for one line at a time: lines.py asks here.

The rules are those of the Go code, written a second time and from the description of
the language rather than from that code.
"""
import argparse
import os
import re

STORAGE_WITHOUT_BTRFS = ("RHEL8", "RHEL9", "RHEL10")
# Lines that are free text, or that are no line of argparse's.
FREE = ("auth", "authconfig", "authselect", "deviceprobe")
ELSEWHERE = ("realm", "method")
# Commands that look at the words that no positional took.
LEFTOVERS = ("raid", "btrfs", "volgroup", "device")


class Rejected(Exception):
    pass


def boolean(text):
    if text.lower() not in ("on", "yes", "true", "1", "off", "no", "false", "0"):
        raise argparse.ArgumentTypeError(text)
    return text


def items(text):
    return [item.strip() for item in text.split(",") if item.strip()]


def one_of(*words):
    def check(text):
        if text.lower() not in words:
            raise argparse.ArgumentTypeError(text)
        return text.lower()
    return check


RAID_LEVELS = ("0", "1", "4", "5", "6", "10")
TYPES = {
    "int": int, "ksboolean": boolean, "commaSplit": items, "firewall_port_cb": items,
    "mountpoint": lambda text: os.path.normpath(text) if text.startswith("/") else text,
    "_level_cb": one_of(*(RAID_LEVELS + tuple("raid" + n for n in RAID_LEVELS))),
    "level_cb": one_of("0", "1", "10", "raid0", "raid1", "raid10", "single"),
    "_type_cb": one_of("lvm", "btrfs", "plain", "partition", "thinp"),
    "_when_cb": one_of("pre-install", "post-install"),
}


# RHEL 7's parser: its values, and the types that it checks.
def old_string(option, opt, value):
    if len(value) > 2 and value.startswith("--"):
        raise Rejected(value)
    return value


def old_boolean(option, opt, value):
    return boolean(value)


def old_int(option, opt, value):
    """Python 2's optparse, which names the base by what the number begins with."""
    base, low = 10, value.lower()
    if low.startswith("0x"):
        base = 16
    elif low.startswith("0b"):
        base, value = 2, value[2:] or "0"
    elif low.startswith("0"):
        base = 8
    return python2_int(value, base)


def python2_int(text, base=10):
    if not re.match("[\t-\r ]*[+-]?[0-9a-zA-Z]+[\t-\r ]*$", text):
        raise ValueError(text)
    return int(text, base)


def old_value(o, value):
    """A value as RHEL 7's own callbacks keep it."""
    if o.get("type") == "commaSplit":
        return [item.strip() for item in value.split(",")]
    return value


def reject_if(wrong, why):
    if wrong:
        raise Rejected(why)


def check(release, command, n, extra, ignored=False):
    """Raises Rejected for a line that is wrong by itself."""
    if command == "partition":
        command = "part"
    if release == "RHEL7" and command == "rootpw" and n.lock:
        ignored = True
    reject_if(extra and command not in LEFTOVERS and not ignored, "one word too many")
    rule = globals().get("check_" + command)
    if rule:
        rule(release, n, extra)


def given(n, *names):
    return sum(1 for name in names if getattr(n, name, None))


def encryption(n):
    reject_if(given(n, "pbkdf_time", "pbkdf_iterations") == 2, "pbkdf")
    reject_if(given(n, "hw_passphrase") and not (n.encrypted and (n.luks_version or "").startswith("luks2-")), "opal")


def file_system(release, n, without_btrfs):
    encryption(n)
    reject_if(n.mkfsoptions and given(n, "noformat", "fsprofile"), "mkfsoptions")
    reject_if(n.fstype == "btrfs" and release in without_btrfs, "btrfs")


def check_part(release, n, extra):
    file_system(release, n, STORAGE_WITHOUT_BTRFS)
    reject_if(n.positional0[0].startswith("btrfs.") and release in STORAGE_WITHOUT_BTRFS, "btrfs")
    reject_if(n.resize and given(n, "onpart", "size") < 2, "resize")
    reject_if(n.fstype == "tmpfs" and given(n, "grow", "maxsize"), "tmpfs")


def check_raid(release, n, extra):
    file_system(release, n, STORAGE_WITHOUT_BTRFS)
    reject_if(any(w.startswith("-") for w in extra), "dash")
    members, device = n.positional1 or extra, n.device
    if release in ("RHEL7", "RHEL8", "F42") and device.startswith("md"):
        device = device[2:]
    level = n.level
    if release == "RHEL7":  # one that it doesn't know is skipped
        level = [v for v in n.all_level if re.match("(?i)(raid)?(0|1|4|5|6|10)$", v)]
    if given(n, "useexisting", "noformat"):
        reject_if(members or not device, "existing")
    else:
        reject_if(not members or not level, "new")


def check_volgroup(release, n, extra):
    reject_if(not n.positional0, "name")
    existing, members = given(n, "useexisting", "noformat") > 0, extra or n.positional0[1:]
    reject_if(existing == bool(members), "members")
    reject_if(n.reserved_space is not None and n.reserved_space < 0, "space")
    reject_if(n.reserved_percent is not None and not 1 <= n.reserved_percent <= 99, "percent")


def check_logvol(release, n, extra):
    file_system(release, n, STORAGE_WITHOUT_BTRFS)
    existing = given(n, "useexisting", "noformat")
    reject_if(n.percent is not None and not 0 <= n.percent <= 100, "percent")
    reject_if(given(n, "size", "percent") == 2, "two sizes")
    sizes = ["size", "percent", "recommended"] + ["hibernation"] * (release != "RHEL7")
    reject_if(not existing and not given(n, *sizes), "no size")
    reject_if(n.resize and not (existing and n.size), "resize")
    reject_if(n.thin and (n.thinpool or not n.poolname), "thin")
    reject_if(given(n, "chunksize", "metadatasize") and not n.thinpool, "pool")
    if given(n, "cachesize", "cachemode", "cachepvs"):
        reject_if(existing or n.thin or given(n, "cachesize", "cachepvs") < 2, "cache")
        reject_if(n.cachemode and n.cachemode not in ("writeback", "writethrough"), "mode")


def check_btrfs(release, n, extra):
    reject_if(any(w.startswith("-") for w in extra) or len(extra) < 2, "members")
    reject_if(n.subvol and not n.name, "subvol")
    reject_if(n.mkfsoptions and given(n, "noformat", "useexisting"), "mkfsoptions")


def check_device(release, n, extra):
    reject_if(len(extra) != 1, "module")


def check_autopart(release, n, extra):
    encryption(n)
    reject_if(n.fstype == "btrfs", "fstype")
    if release == "RHEL7":  # the first of --type and --nolvm holds: the Go corpus tells
        known = [v.lower() for v in n.all_type if v.lower() in ("lvm", "btrfs", "plain", "partition", "thinp")]
        n.type = known[0] if known else None
    # --nolvm is --type=plain; the generator's lines with both are told by the Go corpus.
    reject_if(n.type == "btrfs" and not n.nolvm and (n.fstype or release in STORAGE_WITHOUT_BTRFS), "btrfs")
    reject_if(given(n, "noswap", "hibernation") == 2, "hibernation")


def check_ignoredisk(release, n, extra):
    choices = ["drives", "only_use"] + ["interactive"] * (release in ("RHEL7", "RHEL8"))
    reject_if(given(n, *choices) != 1, "exactly one")


def check_mount(release, n, extra):
    at = n.positional1[0]
    reject_if(not at.startswith("/") and at.lower() != "none", "mount point")
    reject_if(n.mkfsoptions and n.reformat is (None if release == "RHEL7" else False), "reformat")


def check_snapshot(release, n, extra):
    parts = n.positional0.split("/")
    reject_if(len(parts) != 2 or not all(parts), "origin")


def check_nvdimm(release, n, extra):
    reject_if(given(n, "namespace", "blockdevs") == 2, "both")
    reject_if(n.positional0[0] == "reconfigure" and given(n, "namespace", "sectorsize") < 2, "reconfigure")
    some = given(n, "namespace", "blockdevs")
    if release == "RHEL7":
        some = n.namespace is not None or n.blockdevs is not None
    reject_if(n.positional0[0] == "use" and not some, "use")


def check_zfcp(release, n, extra):
    reject_if(release != "RHEL7" and (not n.devnum or given(n, "wwpn", "fcplun") == 1), "one of two")


def check_bootloader(release, n, extra):
    reject_if(given(n, "sdboot", "extlinux") == 2, "two loaders")
    reject_if("," in (n.boot_drive or ""), "one drive")


def check_cmdline(release, n, extra):
    reject_if(given(n, "non_interactive"), "cmdline")


def check_driverdisk(release, n, extra):
    reject_if(len(n.positional0) + given(n, "source", "biospart") != 1, "exactly one")


def check_eula(release, n, extra):
    reject_if(not n.agreed, "agree")


def check_harddrive(release, n, extra):
    reject_if(release in ("RHEL7", "RHEL8") and (n.partition is None) == (n.biospart is None), "exactly one")


def check_install(release, n, extra):
    reject_if(n.root_device == "", "empty")


def check_keyboard(release, n, extra):
    reject_if(len(n.positional0) > 1, "one word")
    layouts = [layout for layout in n.xlayouts or [] if layout]
    reject_if(not n.positional0 and not n.vckeymap and not layouts, "none")


def check_logging(release, n, extra):
    reject_if(n.port and not n.host, "host")


def check_network(release, n, extra):
    if n.bridgeopts:
        pairs = [item.split("=") for item in n.bridgeopts.split(",")]
        reject_if(not n.bridgeslaves or any(len(p) != 2 or not p[1] for p in pairs), "bridge")
    if release == "RHEL7" and n.interfacename:
        prefix, dot, number = n.interfacename.partition(".")
        if dot or prefix.startswith("vlan"):
            number = number if dot else prefix[4:]
            reject_if(prefix == "vlan" and dot or not 0 <= python2_int(number) <= 4095, "vlan")
    reject_if(given(n, "bindto", "vlanid") == 2 and not n.bondopts, "bindto")
    dns = given(n, "ipv4_dns_search", "ipv6_dns_search", "ipv4_ignore_auto_dns", "ipv6_ignore_auto_dns")
    reject_if(dns and not n.device, "device")


def check_ostreesetup(release, n, extra):
    reject_if(not n.url.startswith(("file:", "http:", "https:")), "url")


def check_repo(release, n, extra):
    reject_if(given(n, "baseurl", "mirrorlist", "metalink") > 1, "one source")


def check_url(release, n, extra):
    reject_if(given(n, "url", "mirrorlist", "metalink") != 1, "one source")


def check_rescue(release, n, extra):
    reject_if(given(n, "nomount", "romount") == 2, "mounts")


def check_rhsm(release, n, extra):
    reject_if("" in (n.activation_key or []), "empty key")


def check_rootpw(release, n, extra):
    empty = n.positional0 is None if release == "RHEL7" else not n.positional0
    reject_if(empty and not n.lock, "password")


def check_services(release, n, extra):
    reject_if(not given(n, "enabled", "disabled"), "none")


def check_sshpw(release, n, extra):
    reject_if(not n.positional0, "password")


def check_timesource(release, n, extra):
    reject_if(given(n, "ntp_server", "ntp_pool", "ntp_disable") != 1, "exactly one")


def check_timezone(release, n, extra):
    reject_if(len(n.positional0) > 1, "one zone")
    options = [v for k, v in vars(n).items() if k != "positional0" and not k.startswith("all_")]
    reject_if(not n.positional0 and all(v is None for v in options), "none")
    reject_if(getattr(n, "nontp", None) and any(getattr(n, "ntpservers", None) or []), "ntp")


def check_updates(release, n, extra):
    reject_if(release in ("RHEL7", "RHEL8") and len(n.positional0) > 1, "one")


def check_vnc(release, n, extra):
    reject_if(release == "RHEL7" and n.password and not 6 <= len(n.password) <= 8, "6 to 8")
