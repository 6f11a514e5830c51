"""The figures as a page and a picture."""

import platform
from pathlib import Path

HEIGHT, LEFT, WIDTH = 18, 300, 460
COLOURS = {"strongroom": "#0b6e4f", "other": "#8a8f98"}


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="ascii") if line.startswith("model name")), "unknown")
    cores = sum(line.startswith("processor") for line in open("/proc/cpuinfo", encoding="ascii"))
    return f"{model}, {cores} cores, Linux {platform.release().split('-')[0]}"


def svg(measured):
    """Bars of the median wall time, each group on its own scale."""
    y, parts = 24, []
    for title, contenders in measured:
        parts.append(f'<text x="8" y="{y}" font-weight="bold">{title}</text>')
        longest = max(contender.median() for contender in contenders)
        for contender in contenders:
            y += HEIGHT
            wide = WIDTH * contender.median() / longest
            colour = COLOURS["strongroom" if contender.name.startswith(("strongroom", "gateway")) else "other"]
            parts.append(f'<text x="{LEFT - 8}" y="{y}" text-anchor="end">{contender.name}</text>')
            parts.append(f'<rect x="{LEFT}" y="{y - 12}" width="{wide:.1f}" height="14" fill="{colour}"/>')
            parts.append(f'<text x="{LEFT + wide + 6:.1f}" y="{y}">{contender.median():.3g} s</text>')
        y += 2 * HEIGHT
    style = '<style>text{font:13px sans-serif;fill:#222}</style><rect width="100%" height="100%" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 100}" height="{y}">{style}{"".join(parts)}</svg>\n'


def write_documents(table):
    page = ["# Beside the tools people use", "",
            f"`benches/peers.sh`, on {machine()}. Ratios are of the same round; medians, least and greatest.", "",
            "![wall times](performance-peers.svg)", "", "| work | seen | target | |", "| --- | --- | --- | --- |"]
    page += [f"| {row.what} | {row.figure} | {row.target} | {row.verdict().replace('MISSED', '**missed**')} |" for row in table.rows]
    for title, contenders in table.measured:
        page += ["", f"## {title}", "", "| | wall | processor | most memory | gateway's processor |", "| --- | --- | --- | --- | --- |"]
        page += [
            f"| {one.name} | {one.median():.3f} s | {one.median('processor'):.2f} s | {one.median('peak'):.0f} MiB | {one.median('gateway'):.2f} s |"
            for one in contenders
        ]
    Path("docs/performance-peers.md").write_text("\n".join(page) + "\n", encoding="utf-8")
    Path("docs/performance-peers.svg").write_text(svg(table.measured), encoding="utf-8")
