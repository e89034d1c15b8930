"""Draws the main table as SVG: processor time per request of every proxy, small bodies, readable on light and dark."""

import math
from html import escape

import report

WIDTH, LEFT, RIGHT = 760, 190, 96
TOP, ROW, BAR, BOTTOM = 64, 30, 18, 52
TICKS = [digit * 10**power for power in range(6) for digit in (1, 2, 5)]
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 15px } .note, .tick { fill: #57606a; font-size: 12px }
  .grid { stroke: #d0d7de } .bar { fill: #8c959f } .ours { fill: #1f6feb } .range { stroke: #24292f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .note, .tick { fill: #9198a1 } .grid { stroke: #3d444d } .bar { fill: #656c76 }
    .ours { fill: #4493f8 } .range { stroke: #e6edf3 }
  }
"""


def text(x, y, words, kind="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x1, y1, x2, y2, kind):
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" class="{kind}"/>'


def draw(result):
    """The scale is logarithmic: from the cheapest to the dearest is more than one to thirty."""
    scenario = result["scenarios"]["small"]
    rows = {name: [sample["cpu_us_per_request"] for sample in rounds]
            for name, rounds in scenario["samples"].items() if rounds and name != "origin"}
    medians = {name: scenario["medians"][name]["cpu_us_per_request"] for name in rows}
    names = sorted(rows, key=medians.get)
    least, most = min(map(min, rows.values())), max(map(max, rows.values()))
    low = max((tick for tick in TICKS if tick <= least / 1.5), default=TICKS[0])
    high = min((tick for tick in TICKS if tick >= most), default=TICKS[-1])
    span = math.log(high / low)
    x = lambda us: LEFT + (WIDTH - LEFT - RIGHT) * math.log(max(us, low) / low) / span  # noqa: E731
    end = TOP + ROW * len(names)
    parts = [text(12, 24, "Processor time per request", "title"),
             text(12, 44, f"µs, logarithmic; {scenario['about']}, {scenario['connections']} connections; "
                          f"median and range of {report.rounds(scenario['rounds'])}", "note")]
    for tick in TICKS:
        if low <= tick <= high:
            parts += [line(x(tick), TOP, x(tick), end, "grid"), text(x(tick), end + 18, str(tick), "tick", "middle")]
    times = {name: bases["nginx"]["cpu_us_per_request"]["median"]
             for name, bases in scenario["ratios"].items() if "nginx" in bases}
    for number, name in enumerate(names):
        y = TOP + ROW * number + (ROW - BAR) / 2
        kind = "bar ours" if name in result["builds"] else "bar"
        middle, ends = y + BAR / 2, (min(rows[name]), max(rows[name]))
        parts += [text(LEFT - 10, middle + 4.5, name, anchor="end"),
                  f'<rect x="{LEFT}" y="{y:.1f}" width="{x(medians[name]) - LEFT:.1f}" height="{BAR}" class="{kind}"/>',
                  line(x(ends[0]), middle, x(ends[1]), middle, "range"),
                  text(x(ends[1]) + 8, middle + 4.5,
                       f"{medians[name]:.1f}" + (f" ({times[name]:.1f}×)" if name in times else ""))]
    machine = result["machine"]
    about = f"{scenario['date']}, commit {scenario['commit']}, {machine['cores']} cores" + (
        "; in brackets: times nginx within a round" if times else "")
    parts.append(text(12, end + 40, about, "note"))
    height = end + BOTTOM
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            f'role="img" aria-label="Processor time per request">\n<style>{STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n")
