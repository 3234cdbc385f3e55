# SPDX-License-Identifier: MIT
"""The report as one HTML file: no script, nothing from elsewhere (its policy forbids both), light and dark as the reader's
system is, readable on paper, by keyboard and aloud."""

import html
import re

import modes_plots as plots
from modes_data import label
from modes_targets import MET, MISSED, UNKNOWN, behind_peers

CSS = """
:root { color-scheme: light dark; --font: "DejaVu Sans", Verdana, system-ui, sans-serif; --ink: #1b1f24; --muted: #59636e;
  --grid: #d5dbe1; --blue: #0072b2; --orange: #b87400; --green: #00835f; --red: #c84d01; --purple: #a8487f; --paper: #fefefe;
  --card: #f4f6f8; }
@media screen and (prefers-color-scheme: dark) { :root { --ink: #e8ebee; --muted: #a2acb6; --grid: #3d454d; --blue: #58b0e8;
  --orange: #f0b13c; --green: #35c79c; --red: #ff8b52; --purple: #e39ac4; --paper: #14181c; --card: #1d2329; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 84rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 var(--font); font-size: 0.95rem; overflow-wrap: break-word; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin: 2.2rem 0 0.4rem; }
a { color: var(--blue); } :focus-visible { outline: 3px solid var(--orange); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; background: var(--paper); padding: 0.3rem; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; padding: 0; list-style: none; }
p { max-width: 60rem; margin: 0.4rem 0; }
.counts { display: flex; flex-wrap: wrap; gap: 0.8rem; padding: 0; list-style: none; }
.counts li { background: var(--card); padding: 0.5rem 1rem; border-radius: 0.4rem; } .counts b { font-size: 1.4rem; }
.key { display: flex; flex-wrap: wrap; gap: 0.1rem 1.2rem; padding: 0; margin: 0.5rem 0; list-style: none; color: var(--ink); }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); gap: 1rem; margin: 0.6rem 0; }
figure { margin: 0; background: var(--card); border-radius: 0.4rem; padding: 0.5rem; break-inside: avoid; }
figure svg { display: block; width: 100%; height: auto; }
.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-size: 0.86rem; margin: 0.4rem 0; }
caption { text-align: left; color: var(--muted); }
th, td { padding: 0.2rem 0.7rem 0.2rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--grid); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.target td:first-child { white-space: nowrap; }
.missed, .bad { color: var(--red); font-weight: bold; } .met { color: var(--green); } .none { color: var(--muted); }
.nodata { border: 1px dashed var(--muted); padding: 0.7rem 1rem; border-radius: 0.4rem; }
summary { cursor: pointer; padding: 0.3rem 0; }
@media (max-width: 40rem) { body { padding: 0.6rem; } .stack thead { display: none; } .stack td, .stack th { display: block; border: 0; }
  .stack tr { display: block; border-bottom: 1px solid var(--grid); padding: 0.4rem 0; } }
@media print { body { max-width: none; font-size: 9pt; } nav, .skip { display: none; } figure { border: 1px solid var(--grid); }
  .panels { grid-template-columns: repeat(2, 1fr); } h2, section > p, .key { break-after: avoid; } .scroll { overflow: visible; } }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
STATES = {MET: ("met", "✔ met"), MISSED: ("missed", "✖ missed"), UNKNOWN: ("none", "? no data")}


def text(value):
    return html.escape(str(value))


def numeric(cell):
    return re.fullmatch(r"[–+−-]?[\d,.]*(e[+-]?\d+)?", cell) is not None


def table(caption, head, rows):
    right = [all(numeric(row[i]) for row in rows) for i in range(len(head))]
    kind = [' class="n"' if r else "" for r in right]
    lines = [f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption)}"><table><caption>{text(caption)}</caption>']
    lines.append("<thead><tr>" + "".join(f'<th scope="col"{k}>{text(h)}</th>' for k, h in zip(kind, head)) + "</tr></thead><tbody>")
    lines += ["<tr>" + "".join(f"<td{k}>{text(c)}</td>" for k, c in zip(kind, row)) + "</tr>" for row in rows]
    return "\n".join([*lines, "</tbody></table></div>"])


def panel_html(figure, number, panel):
    drawing = plots.svg(panel, figure.name, number)
    drawing = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", drawing, count=1)
    drawing = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", drawing, count=1)
    title = f'<title id="{figure.name}{number}-t">{text(panel.alt)}</title>'
    return f"<figure>{re.sub(r'(<svg[^>]*>)', lambda found: found.group(1) + title, drawing, count=1)}</figure>"


def section(figure):
    lines = [f'<section id="{figure.name}" aria-labelledby="{figure.name}-h"><h2 id="{figure.name}-h">{text(figure.title)}</h2>']
    if not figure.panels:
        return "\n".join([*lines, f'<p class="nodata"><b>No data.</b> {text(figure.missing)}</p></section>'])
    lines.append(f"<p>{text(figure.text)}</p>")
    if figure.legend:
        signs = "".join(f'<li><span aria-hidden="true">{text(sign)}</span> {text(name)}</li>' for sign, name in figure.legend)
        lines.append(f'<ul class="key" aria-label="Key">{signs}</ul>')
    lines.append('<div class="panels">')
    lines += [panel_html(figure, number, panel) for number, panel in enumerate(figure.panels)]
    lines.append("</div>")
    if figure.table:
        lines.append(f"<details><summary>The same in numbers</summary>{table(figure.title, *figure.table)}</details>")
    return "\n".join([*lines, "</section>"])


def target_section(targets):
    lines = ['<section id="targets" aria-labelledby="targets-h"><h2 id="targets-h">What was promised, and what is</h2>',
             "<p>The promises are those of the plan of the five modes. Its times were another machine's; a target in ns is compared "
             "all the same.</p>", '<div class="scroll" tabindex="0" role="region" aria-label="Targets"><table class="stack">',
             '<thead><tr><th scope="col">verdict</th><th scope="col">mode</th><th scope="col">target</th>'
             '<th scope="col">measured</th></tr></thead><tbody>']  # fmt: skip
    for target in sorted(targets, key=lambda t: [MISSED, MET, UNKNOWN].index(t.state)):
        kind, word = STATES[target.state]
        lines.append(f'<tr class="target"><td class="{kind}">{word}</td><th scope="row">{text(label(target.who))}</th>'
                     f"<td>{text(target.promise)}</td><td>{text(target.measured)}</td></tr>")  # fmt: skip
    return "\n".join([*lines, "</tbody></table></div></section>"])


def bad_section(data):
    """Failures, and where a peer is faster: first, not last."""
    lines = ['<section id="bad" aria-labelledby="bad-h"><h2 id="bad-h">What is not good</h2>']
    failures = data.failures()
    if failures:
        seen = list(dict.fromkeys((scenario, label(a), error) for scenario, a, error in failures))
        lines.append(f'<p class="bad">{len(failures)} of {len(data.rows)} runs failed:</p>')
        lines.append(table("Runs that failed", ["scenario", "allocator", "error"], seen))
    behind = behind_peers(data)
    if behind:
        rows = [[s, label(a), f"{ratio:.2f}", label(peer)] for ratio, s, a, peer in behind]
        lines.append(table("More than 5 % slower than the best peer of the scenario, the worst first",
                           ["scenario", "mode", "÷ best peer", "best peer"], rows))  # fmt: skip
    elif data.peers:
        lines.append("<p>In no scenario is balanced, fast or learning more than 5 % slower than the best peer measured.</p>")
    else:
        lines.append("<p>No peer was measured, so nothing is known of how the modes compare with others.</p>")
    return "\n".join([*lines, "</section>"])


def summary(data, targets):
    states = [target.state for target in targets]
    few, most = data.rounds()
    rounds = f"{few} rounds" if few == most else f"{few} to {most} rounds"
    counts = "".join(f'<li class="{STATES[state][0]}"><b>{states.count(state)}</b> {text(words)}</li>' for state, words in
                     ((MISSED, "targets missed"), (MET, "targets met"), (UNKNOWN, "targets without data")))  # fmt: skip
    caution = ' <b class="bad">Of so few rounds a median says little.</b>' if few < 3 else ""
    return (f"<p>{len(data.rows)} runs: {len(data.scenarios)} scenarios under {len(data.allocators)} allocators, {rounds} each, from "
            f"{text(', '.join(data.files))}. Every figure is the median of the rounds.{caution}</p>"
            f'<ul class="counts">{counts}<li><b>{len(data.failures())}</b> {"run" if len(data.failures()) == 1 else "runs"} failed</li></ul>')  # fmt: skip


def page(data, targets, figures):
    names = [("targets", "Targets"), ("bad", "What is not good"), *((f.name, f.title.split(":")[0]) for f in figures)]
    links = "".join(f'<li><a href="#{name}">{text(title)}</a></li>' for name, title in names)
    return "\n".join([
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">',
        f"<title>hakmem: modes and peers</title><style>{CSS}</style></head><body>",
        '<a class="skip" href="#main">To the figures</a><header><h1>hakmem: modes and peers</h1>',
        f'{summary(data, targets)}<nav aria-label="Sections"><ul>{links}</ul></nav></header><main id="main">',
        target_section(targets), bad_section(data), *map(section, figures), "</main></body></html>\n",
    ])  # fmt: skip
