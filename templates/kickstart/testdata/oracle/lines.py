#!/usr/bin/env python3
"""Writes lines.txt: random Kickstart lines, each with a release and a verdict.

The verdict doesn't come from the Go code under test. It is what Python's own shlex
and argparse (RHEL 7: optparse), on which Red Hat's parsers stand, say of a line by
../../syntax.json, and what the rules of rules.py add. Run it in this folder after
syntax.json has changed:

    python3 lines.py > lines.txt

Any Python from 3.6 on writes the same verdicts, Python 2.7 for RHEL 7 too.
"""
import argparse
import io
import json
import optparse
import os
import random
import shlex

import rules

SYNTAX = json.load(io.open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../syntax.json"), encoding="utf-8"))
RELEASES = ["RHEL7", "RHEL8", "RHEL9", "RHEL10", "F42", "F43", "F44"]
NUMBERS = ["0", "1", "500", "-1", "4M", "", "+5", "1_000", "0x10", "1.5", " 7 ", "100", "101", "99"]
POSITIONALS = ["a", "b", "", "/", "/home", "swap", "none", "pv.01", "raid.01", "reconfigure", "use", "vg/lv",
               "/dev/sda1", "sda1", "/mnt", "us", "en_US.UTF-8", "raid.02", "pv.02"]
VALUES = POSITIONALS + ["btrfs", "tmpfs", "xfs", "a,b", "a=b", "-x", "--x", "-5", "a b", '"q"', "http://x/y",
                        "file:///x", "mac", "on", "OFF", "link", "vlan10", "vlan", "eth0.10", "md0", "md",
                        "luks2-hw-opal", "x=y,z=1", "x=", "a|b", "/boot/", "22:tcp", "#", "a#b"]
BY_TYPE = {
    "int": NUMBERS,
    "ksboolean": ["on", "off", "yes", "TRUE", "0", "x"],
    "_level_cb": ["0", "1", "5", "RAID6", "raid10", "linear", "06", "Raid1"],
    "level_cb": ["0", "1", "single", "raid10", "raid5"],
    "_type_cb": ["lvm", "LVM", "btrfs", "plain", "partition", "thinp", "x"],
    "_when_cb": ["pre-install", "POST-INSTALL", "x"],
}


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise rules.Rejected(message)


class OldParser(optparse.OptionParser):
    def error(self, msg):
        raise rules.Rejected(msg)


class OldOption(optparse.Option):
    """An option as RHEL 7's parser has them."""
    TYPES = optparse.Option.TYPES + ("ksboolean",)
    TYPE_CHECKER = dict(optparse.Option.TYPE_CHECKER, string=rules.old_string, int=rules.old_int, ksboolean=rules.old_boolean)

    def process(self, opt, value, values, parser):
        optparse.Option.process(self, opt, value, values, parser)
        parser.seen.add(self.dest)


PARSERS = {}


def parser(release, command):
    """The table's options and positionals as argparse takes them."""
    if (release, command) not in PARSERS:
        PARSERS[release, command] = make_parser(SYNTAX[release]["commands"][command])
    return PARSERS[release, command]


def dest(o):
    return str(o["flags"][0].lstrip("-").replace("-", "_"))


def make_parser(spec):
    p = Parser(add_help=False)
    for o in spec.get("options") or []:
        how = {"dest": dest(o)}
        if o.get("required"):
            how["required"] = True
        if not o["takes_value"]:
            how.update(action="store_const", const=True)
        else:
            how["type"] = rules.TYPES.get(o.get("type"), str)
            if o.get("nargs") == "?":
                how.update(nargs="?", default=False)
            if o.get("choices"):
                how["choices"] = o["choices"]
            if o.get("repeatable"):
                how["action"] = "append"
        p.add_argument(*o["flags"], **how)
    for i, q in enumerate(spec.get("positionals") or []):
        how = {"type": rules.TYPES.get(q.get("type"), str)}
        if q.get("choices"):
            how["choices"] = q["choices"]
        if q.get("nargs"):
            how["nargs"] = q["nargs"]
        p.add_argument("positional%d" % i, **how)
    return p


def old_parse(spec, words):
    """The table's options and positionals as RHEL 7's parser takes them."""
    p = OldParser(option_class=OldOption, add_help_option=False)
    p.seen = set()
    for o in spec.get("options") or []:
        how = {"dest": dest(o), "action": "append"}
        if not o["takes_value"]:
            how.update(action="append_const", const=True)
        elif o.get("choices"):
            how.update(type="choice", choices=o["choices"])
        else:
            how["type"] = {"int": "int", "ksboolean": "ksboolean"}.get(o.get("type"), "string")
        p.add_option(*[str(f) for f in o["flags"]], **how)
    known, words = p.parse_args(words)
    for o in spec.get("options") or []:
        if o.get("required") and dest(o) not in p.seen:
            raise rules.Rejected(dest(o))
        values = getattr(known, dest(o))
        if values and o.get("type") == "_when_cb":
            rules.TYPES["_when_cb"](values[-1])
        known.__dict__["all_" + dest(o)] = values or []
        setattr(known, dest(o), rules.old_value(o, values[-1]) if values else None)
    for i, q in enumerate(spec.get("positionals") or []):
        n = len(words) if q.get("nargs") == "*" else 1
        took, words = words[:n], words[n:]
        if not took and q.get("nargs") not in ("*", "?"):
            raise rules.Rejected("missing")
        if took and q.get("choices") and took[0] not in q["choices"]:
            raise rules.Rejected(took[0])
        if q.get("nargs") not in ("*", 1):
            took = took[0] if took else None
        setattr(known, "positional%d" % i, took)
    return known, words


def verdict(release, line):
    """Whether the parser of a release takes a line."""
    try:
        words = shlex.split(line, comments=True)
        spec = SYNTAX[release]["commands"][words[0]]
        if spec.get("status") == "removed":
            return "reject"
        if spec.get("status") == "deprecated" or words[0] in rules.FREE:
            return "accept"
        if release == "RHEL7":
            known, extra = old_parse(spec, words[1:])
        else:
            known, extra = parser(release, words[0]).parse_known_args(words[1:])
        rules.check(release, words[0], known, extra, spec.get("extra_words") == "ignored")
    except (rules.Rejected, ValueError, argparse.ArgumentTypeError, optparse.OptParseError):
        return "reject"
    return "accept"


def value(rnd, o):
    if o.get("choices") and rnd.random() < .8:
        return rnd.choice(o["choices"])
    if o.get("type") in BY_TYPE and rnd.random() < .9:
        return rnd.choice(BY_TYPE[o["type"]])
    return rnd.choice(VALUES)


def line(rnd, release, command):
    """A command with some of its options, most of them right, in any order."""
    spec = SYNTAX[release]["commands"][command]
    options = spec.get("options") or []
    picked = rnd.sample(options, min(len(options), rnd.choice([0, 1, 1, 2, 2, 3, 4])))
    if rnd.random() < .9:
        picked += [o for o in options if o.get("required") and o not in picked]
    groups = []
    for o in picked:
        flag, r = rnd.choice(o["flags"]), rnd.random()
        if r < .06 and len(flag) > 4:
            flag = flag[:rnd.randint(3, len(flag) - 1)]
        elif r < .08:
            flag += "x"
        elif r < .09:
            flag = flag[1:]
        r = rnd.random()
        if not o["takes_value"]:
            groups.append([flag] if r < .97 else [flag + "=1"])
        elif r < .6:
            groups.append([flag + "=" + value(rnd, o)])
        elif r < .95:
            groups.append([flag, value(rnd, o)])
        else:
            groups.append([flag])
    count = 0
    for q in spec.get("positionals") or []:
        count += rnd.choice([1, 1, 1, 1, 0, 2] if q.get("nargs") in (1, None) else [0, 1, 1, 2])
    if not spec.get("positionals") and (command in rules.LEFTOVERS or rnd.random() < .05):
        count = rnd.choice([0, 1, 2, 3])
    words = [[rnd.choice(POSITIONALS)] for _ in range(count)]
    if rnd.random() < .7:
        at = rnd.choice([0, len(groups)])
        groups[at:at] = words
    else:
        for w in words:
            groups.insert(rnd.randint(0, len(groups)), w)
    return " ".join([command] + [w if rnd.random() < .05 else shlex.quote(w) for g in groups for w in g])


def main():
    rnd = random.Random(4)
    for release in RELEASES:
        commands = sorted(c for c in SYNTAX[release]["commands"] if c not in rules.FREE + rules.ELSEWHERE)
        for command in commands:
            for _ in range(5):
                text = line(rnd, release, command)
                print(release, verdict(release, text), text)


if __name__ == "__main__":
    main()
