# SPDX-License-Identifier: MIT
"""measured.py probe REPORT COPY FRAME: a copy of the report with a script that measures what is shown, and a page that has it in a
frame as narrow as a telephone, which a browser's window cannot be.
measured.py check DOM PNG: everything was shown with a size, nothing beside the window, and the picture is not blank."""

import html
import json
import os
import re
import sys

FIGURES = {"latency": 2, "ladder": 3, "memory": 3, "calls": 2, "ratings": 1, "regret": 3}
SECTIONS = ["targets", "bad", *FIGURES]
PROBE = """<script>
addEventListener("load", () => {
  document.querySelectorAll("details").forEach(d => { d.open = true; });
  const found = [];
  document.querySelectorAll("section, figure svg, figure svg text, table, h1, h2, p").forEach(e => {
    const box = e.getBoundingClientRect();
    found.push([e.tagName, e.closest("section")?.id ?? "", box.width, box.height, e.textContent.slice(0, 60)]);
  });
  const keys = document.querySelectorAll("a[href], summary, [tabindex='0']");
  keys.forEach(e => e.focus());
  parent.postMessage(JSON.stringify({ found, keys: keys.length, focused: document.activeElement.tagName,
    wide: document.documentElement.scrollWidth, window: innerWidth,
    names: [...document.querySelectorAll("svg")].map(e => document.getElementById(e.getAttribute("aria-labelledby"))?.textContent ?? ""),
    twice: document.querySelectorAll("[id]").length - new Set([...document.querySelectorAll("[id]")].map(e => e.id)).size }), "*");
});
</script>"""
NARROW = 420
FRAME = """<!DOCTYPE html><title>frame</title><link rel="icon" href="data:,"><script>
addEventListener("message", event => { document.documentElement.dataset.measured = event.data; });
</script><iframe src="%s" width="%d" height="3000" style="border: 0"></iframe>"""


def check(condition, what):
    if not condition:
        sys.exit(f"measured.py: {what}")


def probe(report, copy, frame):
    with open(report, encoding="utf-8") as file:
        text = file.read()
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', text)
    check(policy and policy.group(1).startswith("default-src 'none';"), "the report has no policy that forbids everything else")
    with open(copy, "w", encoding="utf-8") as file:
        file.write(text.replace(policy.group(0), PROBE))
    with open(frame, "w", encoding="utf-8") as file:
        file.write(FRAME % (os.path.basename(copy), NARROW))


def shown(path):
    with open(path, encoding="utf-8") as file:
        found = re.search(r'data-measured="([^"]*)"', file.read())
    check(found, "the page was not loaded to its end")
    page = json.loads(html.unescape(found.group(1)))
    boxes = page["found"]
    for tag, section, width, height, text in boxes:
        check(width > 0 and height > 0, f"{tag} in '{section}' has no size: {text}")
    check([section for tag, section, *_ in boxes if tag == "SECTION"] == SECTIONS, "a section is missing")
    for name, panels in FIGURES.items():
        drawn = [box for box in boxes if box[0] == "svg" and box[1] == name and box[2] > 200 and box[3] > 80]
        check(len(drawn) == panels, f"{name}: {len(drawn)} panels of {panels} are drawn")
        check(any(box[0] == "TABLE" and box[1] == name for box in boxes), f"{name}: not in numbers")
    check(page["window"] == NARROW, f"the window is {page['window']} wide")
    check(page["wide"] <= page["window"], f"the page is {page['wide']} wide in a window of {page['window']}")
    check(all(len(name) > 20 for name in page["names"]), "a drawing says nothing to those who cannot see it")
    check(page["keys"] > 20 and page["focused"] != "BODY", "the keyboard does not reach it")
    check(page["twice"] == 0, f"{page['twice']} names are there twice")


def not_blank(path):
    import matplotlib.image

    picture = matplotlib.image.imread(path)[:, :, :3]
    ground = picture[-1, 0]
    check(picture.shape[1] == 1280 and ground.mean() < 0.2, f"not dark, or not of that size: {picture.shape}, {ground}")
    ink = abs(picture - ground).max(axis=2) > 0.3
    share = ink.mean()
    check(0.01 < share < 0.5, f"{share:.1%} of the picture is not ground")
    check(ink[: len(ink) // 3].any() and ink[-len(ink) // 3 :].any(), "a part of the picture is blank")


if sys.argv[1] == "probe":
    probe(*sys.argv[2:])
else:
    shown(sys.argv[2])
    not_blank(sys.argv[3])
