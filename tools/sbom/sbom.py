#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sbom.py VERSION FILE...: what the built FILEs are linked with, as an SPDX 2.3 document (tag and value).

Dynamic: what readelf finds needed. Static: the archives and start-up objects out of which the linker took
code, by its own list (NAME.linked in the current folder, written by -Wl,-Map). Versions and licences come from pkg-config and
the package manager of the building host; what they do not tell is NOASSERTION.
"""
import hashlib, os, re, shlex, subprocess, sys, time

UNKNOWN = "NOASSERTION"
# What Debian's copyright files say, where SPDX spells it otherwise.
SPELLING = {"bsd-3-clause": "BSD-3-Clause", "bsd-2-clause": "BSD-2-Clause", "expat": "MIT", "mit": "MIT", "isc": "ISC"}


def output_of(*command):
    """What it prints, or "" where it fails or is not there."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"})
    except OSError:
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def needed_by(path):
    found = re.findall(r"\(NEEDED\).*\[(.*)\]", output_of("readelf", "-dW", path))
    if not found:
        sys.exit(f"sbom.py: {path}: readelf finds nothing needed: is it built?")
    return sorted(set(found))


def archives_in(path):
    """Paths of the foreign archives and objects whose code is in it; ours are below the build folder, by relative paths."""
    stem = os.path.basename(path).split(".")[0]
    try:
        with open(stem + ".linked", encoding="utf-8", errors="replace") as f:
            text = f.read()
    except OSError as e:
        sys.exit(f"sbom.py: {e}: link {path} anew")
    taken = re.findall(r"(?<!\S)(/[^\s()]+\.a)\([^()\s]+\)", text) + re.findall(r"(?<!\S)(/[^\s():]+crt[a-zA-Z1]*\.o)\b", text)
    here = os.path.realpath(".") + "/"
    return sorted({one for one in map(os.path.realpath, taken) if not one.startswith(here)})


def owner_of(path):
    """Package and version of dpkg or rpm that the file belongs to."""
    for name in (path, re.sub("^/usr(?=/lib)", "", path)):
        owner = output_of("dpkg-query", "-S", name).split(": ")[0].split(",")[0].strip()
        if owner:
            return owner.split(":")[0], output_of("dpkg-query", "-W", "-f", "${Version}", owner).split("\n")[0], "deb"
    owner = output_of("rpm", "-qf", "--qf", "%{NAME} %{VERSION}-%{RELEASE}", path).split()
    return (owner[0], owner[1], "rpm") if len(owner) == 2 else ("", "", "")


def licence_of(package):
    """Of its files in general, if its copyright file is made for machines; as written there, and as SPDX spells it."""
    try:
        with open(f"/usr/share/doc/{package}/copyright", encoding="utf-8") as f:
            text = f.read()
    except OSError:
        return "", UNKNOWN
    for part in re.split(r"\n\s*\n", text):
        said = re.search(r"^License: *(\S+)$", part, re.M)
        if said and re.search(r"^Files: *\*$", part, re.M):
            return said[1], SPELLING.get(said[1].lower(), UNKNOWN)
    return "", UNKNOWN


def identifier(name):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def package(name, version, licence, *more):
    return [f"PackageName: {name}", f"SPDXID: {identifier(name)}", f"PackageVersion: {version}", *more,
            f"PackageDownloadLocation: {UNKNOWN}", "FilesAnalyzed: false", f"PackageLicenseConcluded: {UNKNOWN}",
            f"PackageLicenseDeclared: {licence}", f"PackageCopyrightText: {UNKNOWN}", ""]


def describe(name, path):
    """The package of a file that is linked with; its name is the file's."""
    owner, version, kind = owner_of(path) if path.startswith("/") else ("", "", "")
    said, licence = licence_of(owner) if owner else ("", UNKNOWN)
    more = [f"PackageFileName: {os.path.basename(path)}"]
    if name == "libinih.a":
        version = output_of("pkg-config", "--modversion", "inih").strip() or version
    result = package(name, version or UNKNOWN, licence, *more)[:-1]
    if owner:
        result.append(f"PackageComment: <text>of the package {owner} ({kind})</text>")
    if said:
        result.append(f"PackageLicenseComments: <text>the package's copyright file: {said}</text>")
    return result + [""]


def main():
    version, files = sys.argv[1], sys.argv[2:]
    compiler = shlex.split(os.environ.get("CC", "cc"))
    body = package("hakmem", version, "MIT")
    relations, parts = ["Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-hakmem"], {}
    for path in files:
        name = os.path.basename(path)
        body += package(name, version, "MIT")
        relations.append(f"Relationship: SPDXRef-hakmem CONTAINS {identifier(name)}")
        for one in needed_by(path):
            parts[one] = os.path.realpath(output_of(*compiler, "-print-file-name=" + one).strip())
            relations.append(f"Relationship: {identifier(name)} DYNAMIC_LINK {identifier(one)}")
        for one in archives_in(path):
            parts[os.path.basename(one)] = one
            relations.append(f"Relationship: {identifier(name)} STATIC_LINK {identifier(os.path.basename(one))}")
    for name in sorted(parts):
        body += describe(name, parts[name])
    text = "\n".join(body + relations)
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
    print("\n".join(["SPDXVersion: SPDX-2.3", "DataLicense: CC0-1.0", "SPDXID: SPDXRef-DOCUMENT", f"DocumentName: hakmem-{version}",
                     f"DocumentNamespace: https://spdx.org/spdxdocs/hakmem-{version}-{hashlib.sha256(text.encode()).hexdigest()[:32]}",
                     "Creator: Tool: hakmem-sbom.py", f"Created: {created}", "", text]))


main()
