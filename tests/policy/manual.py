# SPDX-License-Identifier: MIT
"""What the manual and README say, held against the headers, the command and the build.

manual.py SOURCE-FOLDER hakmemctl LIBRARY TEMP-FOLDER: complains on standard output, and ends with 1 if it had to.
"""
import glob, json, os, re, shlex, subprocess, sys

SRC, CTL, LIB, TEMP = sys.argv[1:5]
bad = 0


def complain(what):
    global bad
    print(what)
    bad = 1


def read(*path):
    with open(os.path.join(SRC, *path), encoding="utf-8") as f:
        return f.read()


def section(page, name):
    found = re.search(rf"^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)", page, re.M | re.S)
    return found.group(1) if found else ""


def squeeze(text):
    """Without blanks that mean nothing, and names of parameters of a function that is a parameter."""
    text = re.sub(r"(\(\*\w+\)\()([^()]+)", lambda m: m[1] + ",".join(re.sub(r"(\w[ *]+)\w+$", r"\1", p.strip())
                  if len(re.findall(r"\w+", p.replace("const", ""))) > 1 else p for p in m[2].split(",")), text)
    return re.sub(r"\s*([*,()])\s*", r"\1", " ".join(text.split()))


# ---- hakmem(3) and hakmem.h ----

def declared():
    """name → type of its result, parameters, errors that the comment above it names."""
    header = read("include", "hakmem.h")
    functions = {}
    for comment, kind, name, parameters in re.findall(
            r"/\*((?:[^*]|\*(?!/))*)\*/\n([a-z_ ]+?\*?) ?\*?(hakmem_\w+)\((.*?)\);\n", header, re.S):
        pointer = "*" if f"*{name}(" in header else ""
        functions[name] = (squeeze(kind + pointer), squeeze(parameters), set(re.findall(r"−(E[A-Z]+)", comment)))
    return functions


def in_synopsis(page):
    functions = {}
    text = section(page, "SYNOPSIS")
    for kind, rest in re.findall(r"^\.Ft (.*)\n((?:\.F[noac].*\n)+)", text, re.M):
        words = []
        for line in rest.splitlines():
            words += shlex.split(line)[1:]
        functions[words[0]] = (squeeze(kind), squeeze(",".join(words[1:])))
    return functions


def functions_are_told():
    page = read("man", "hakmem.3")
    header, synopsis = declared(), in_synopsis(page)
    if len(header) < 8:
        complain(f"hakmem.h: only {sorted(header)} found: this test is broken")
    exported = {n for n in read("tests", "policy", "symbols.list").split() if re.match(r"hakmem_[a-z_]+$", n)}
    missing = exported - set(header) - {"hakmem_control_block", "hakmem_page_map"}  # data, for hakmemctl
    if missing:
        complain(f"exported, and not in hakmem.h as this test reads it: {sorted(missing)}")
    for name, (kind, parameters, errors) in header.items():
        if synopsis.get(name) != (kind, parameters):
            complain(f"hakmem.3, SYNOPSIS: {name}: {synopsis.get(name)}, hakmem.h: {(kind, parameters)}")
        for where, how in (("NAME", rf"^\.Nm {name}\b"), ("DESCRIPTION", rf"^\.It Fn {name}$"),
                           ("RETURN VALUES", rf"^\.Fn {name}$"), ("ATTRIBUTES", rf"^\.It Fn {name} Ta MT-")):
            if not re.search(how, section(page, where), re.M):
                complain(f"hakmem.3, {where}: {name} is missing")
        told = dict(re.findall(r"^\.It Bq Er (E[A-Z]+)\n(.*?)(?=^\.It|^\.El)", section(page, "ERRORS"), re.M | re.S))
        for error in errors:
            if not re.search(rf"^\.Fn .*\b{name}\b", told.get(error, ""), re.M):
                complain(f"hakmem.3, ERRORS: {name} is not told to return {error}")
    if set(synopsis) - set(header):
        complain(f"hakmem.3 has what hakmem.h has not: {set(synopsis) - set(header)}")
    if not section(page, "STANDARDS"):
        complain("hakmem.3 has no section STANDARDS")


# ---- examples ----

def pages():
    return sorted(glob.glob(os.path.join(SRC, "man", "*.[1-8]")))


def blocks(page):
    """Literal displays of a page, as they are shown."""
    for text in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", page, re.M | re.S):
        yield re.sub(r"\\e", r"\\", re.sub(r"\\&", "", text)).replace(r"\-", "-")


def programs_run(page, text):
    source, program = os.path.join(TEMP, "example.c"), os.path.join(TEMP, "example")
    with open(source, "w", encoding="utf-8") as f:
        f.write(text)
    links = [LIB] if "hakmem.h" in text else []
    made = subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-I", os.path.join(SRC, "include"), "-o", program, source,
                           *links, f"-Wl,-rpath,{os.path.dirname(LIB)}"], capture_output=True, text=True)
    if made.returncode != 0:
        complain(f"{page}: an example cannot be compiled: {made.stderr}")
        return
    for preload in ("", LIB):
        ran = subprocess.run([program], env=dict(os.environ, LD_PRELOAD=preload), capture_output=True, text=True, timeout=60)
        if ran.returncode != 0 or ran.stderr or (links and not ran.stdout):
            complain(f"{page}: an example ends with {ran.returncode}: {ran.stdout} {ran.stderr}")


def configuration_is_clean(page, text):
    path = os.path.join(TEMP, "example.ini")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace("...", ""))
    said = subprocess.run([CTL, "check", path], capture_output=True, text=True).stdout
    if re.search(r"^error|: error|unknown|expected", said) or "example.ini" not in said:
        complain(f"{page}: an example is no clean configuration: {said}")


def configurations(page, text):
    if re.match(r"(; .*\n)?\[", text):
        return [text]
    return re.findall(r"^# cat /etc/hakmem.*\n((?:[^#].*\n)+)", text, re.M)


# ---- commands ----

def commands(text):
    """Words behind hakmemctl in lines that are commands: displays, .Dl and .Ic of pages, code of README."""
    text = re.sub(r"#\s.*", "", text) if "hakmemctl" in text and not text.startswith("#") else text
    for piece in re.split(r"[|&;`]|\$\(", text):
        words = piece.replace("\\-", "-").replace("\\&", "").split()
        if words and words[0] in ("$", "#"):
            words = words[1:]
        if words and os.path.basename(words[0]) == "hakmemctl" and len(words) > 1:
            yield words[1:]


def all_commands():
    for path in pages():
        page = re.sub(r"^\.\\\".*\n", "", read(path), flags=re.M)
        for text in list(blocks(page)) + re.findall(r"^\.(?:Dl|Ic) (.*)", page, re.M):
            for line in text.splitlines():
                for words in commands(line):
                    # Only what is set in a display says which options go with it; of prose, the macros are left out.
                    yield os.path.basename(path), [w for w in words if w not in ("Ar", "Ns", "=", "Op", ",", ".")]
    readme = read("README.md")
    for text in re.findall(r"^    (.*)", readme, re.M) + re.findall(r"`(hakmemctl [^`]*)`", readme):
        for words in commands(text):
            yield "README.md", words


def commands_exist():
    table = {v["verb"]: v for v in json.loads(subprocess.run([CTL, "help", "--json"], capture_output=True, check=True).stdout)}
    given = list(all_commands())
    seen = {words[0] for _, words in given}
    if len(seen) < 12:
        complain(f"only {sorted(seen)} found: this test is broken")
    settings = set()
    for where, words in given:
        verb = words[0]
        if verb not in table:
            complain(f"{where}: hakmemctl {' '.join(words)}: there is no such verb")
            continue
        own = words[1:words.index("--")] if "--" in words else words[1:]
        options = [o.split("=")[0] for o in table[verb]["options"]]
        for word in own:
            if word.startswith("--") and word.split("=")[0] not in options:
                complain(f"{where}: hakmemctl {' '.join(words)}: {verb} has no {word}")
            setting = re.fullmatch(r"([a-z_]+)=([\w.]+)[,.]?", word)
            if setting:
                settings.add(f"{setting[1]}={setting[2]}")
    refused = subprocess.run([CTL, "run", *sorted(settings), "--", "true"], capture_output=True, text=True,
                             env=dict(os.environ, HAKMEM_LIB=LIB))
    if refused.returncode != 0 or len(settings) < 4:
        complain(f"settings {settings}: {refused.stderr}")


# ---- the rest ----

def variables_are_told():
    page = read("man", "hakmem-migration.7")
    names = re.findall(r'"([A-Z_]{6,})"', read("src", "ctl", "tuning.c"))
    if "MALLOC_CONF" not in names:
        complain("src/ctl/tuning.c names no variables: this test is broken")
    for name in names:
        if not re.search(rf"\b{name}", page):
            complain(f"hakmem-migration.7 has nothing on {name}, and doctor sends there for it")


def links_lead_somewhere():
    for path in re.findall(r"\]\(([^)#:]+)\)", read("README.md")):
        if not os.path.exists(os.path.join(SRC, path)):
            complain(f"README.md: there is no {path}")
    own = {re.sub(r"\.(\d)$", r" \1", os.path.basename(p)) for p in pages()}
    for path in pages():
        for line in re.findall(r"^\.(?:Xr \S+ \d .*\d\b.*|S[hs] In .*)", read(path), re.M):
            complain(f"{os.path.basename(path)}: {line}: only the first is a reference, and In is a macro")
        for name in re.findall(r"\b(hakmem[a-z.-]* \d)\b", "\n".join(re.findall(r"^\.Xr (.*)", read(path), re.M))):
            if name not in own:
                complain(f"{os.path.basename(path)}: there is no page {name}")


def main():
    ran = 0
    functions_are_told()
    for path in pages():
        page = os.path.basename(path)
        for text in blocks(read(path)):
            if "int main(" in text:
                programs_run(page, text)
                ran += 1
            for example in configurations(page, text):
                configuration_is_clean(page, example)
                ran += 1
    for text in re.findall(r"```ini\n(.*?)```", read("README.md"), re.S):
        configuration_is_clean("README.md", text)
        ran += 1
    if ran < 8:
        complain(f"only {ran} examples found: this test is broken")
    commands_exist()
    variables_are_told()
    links_lead_somewhere()
    if not bad:
        print(f"{len(pages())} pages, {ran} examples")


main()
sys.exit(bad)
