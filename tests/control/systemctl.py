#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A systemctl for tests: it shows units as systemd 252 was recorded to show them, and drop-ins on top of that.

HK_FAKE/units/NAME holds what `show` says of a unit (names that are not there are not found); every call is
noted in HK_FAKE/log. Drop-ins of HAKMEM_UNIT_DIR take effect with daemon-reload, as far as these tests look:
Environment= and ReadWritePaths= add up, RestrictAddressFamilies= replaces.
"""
import os
import re
import sys

FAKE = os.environ["HK_FAKE"]
BASE = os.environ["HAKMEM_UNIT_DIR"]


def quoted(word):
    return '"%s"' % word.replace("\\", "\\\\").replace('"', '\\"') if re.search(r'[\s"\\]', word) else word


def lay_over(unit, text):
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if not equals or line.startswith("#"):
            continue
        if key == "Environment":
            value = value.strip('"').replace('\\"', '"').replace("\\\\", "\\").replace("%%", "%")
            name = value.split("=")[0]
            old = [w for w in unit[key].split() if not w.strip('"').startswith(name + "=")]
            unit[key] = " ".join(old + [quoted(value)])
        elif key == "ReadWritePaths":
            unit[key] = " ".join((unit[key] + " " + value).split())
        elif key in unit:
            unit[key] = value


def show(name):
    if re.search(r"@\.service$", name):
        sys.exit("Failed to get properties: Unit name %s is neither a valid invocation ID nor unit name." % name)
    template = re.sub(r"@.*\.service$", "@.service", name)
    path = os.path.join(FAKE, "units", name if os.path.exists(os.path.join(FAKE, "units", name)) else template)
    if not os.path.exists(path):
        print('Id=%s\nLoadState=not-found\nLoadError=org.freedesktop.systemd1.NoSuchUnit "Unit not found."' % name)
        return
    lines = [line.rstrip("\n") for line in open(path)]
    unit = dict(line.split("=", 1) for line in lines)
    several = [line for line in lines if line.startswith(("ExecStart=", "EnvironmentFiles="))]
    unit.setdefault("Id", name)
    loaded = os.path.join(FAKE, "loaded")
    for folder in (template, unit["Id"]):
        file = "%s.d/hakmem.conf" % folder
        if os.path.exists(os.path.join(loaded, file)):
            lay_over(unit, open(os.path.join(loaded, file)).read())
            unit["DropInPaths"] = (unit["DropInPaths"] + " " + os.path.join(BASE, file)).strip()
    for line in several:
        print(line)
    for key, value in unit.items():
        if key not in ("ExecStart", "EnvironmentFiles"):
            print("%s=%s" % (key, value))


def main(arguments):
    with open(os.path.join(FAKE, "log"), "a") as log:
        log.write(" ".join(a for a in arguments if not a.startswith("--prop")) + "\n")
    verb = arguments[0]
    if os.path.exists(os.path.join(FAKE, "down")):
        sys.exit("System has not been booted with systemd as init system (PID 1). Can't operate.")
    if verb == "show":
        show(arguments[-1])
    elif verb == "daemon-reload":
        os.system('rm -rf "$HK_FAKE/loaded"; cp -R "$HAKMEM_UNIT_DIR" "$HK_FAKE/loaded"')
    elif verb == "list-units":
        print(open(os.path.join(FAKE, "running")).read() if os.path.exists(os.path.join(FAKE, "running")) else "", end="")
    elif verb == "restart":
        sys.exit("Job failed." if arguments[-1].startswith("broken") else 0)


main(sys.argv[1:])
