"""A matplotlib figure as SVG that stands within a page: in the page's own font and colours.

matplotlib draws in colours that stand for variables of the page's style sheet, so one drawing reads in light
and in dark and in print. What belongs to a file of its own (declaration, metadata, style sheet, size,
ids that nothing points to) is left out.
"""

import re
from importlib.resources import files
from io import StringIO
from typing import Final
from xml.etree import ElementTree

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

WHO_COLOURS: Final = 8
"""Colours for those who answer: the first is ours, and peers begin anew with the second when they run out."""

_VARIABLES: Final = ("ink", "muted", "line", "page", "bad", *(f"who-{n}" for n in range(WHO_COLOURS)))
_COLOURS: Final = {name: f"#fe00{number:02x}" for number, name in enumerate(_VARIABLES)}

_NO_METADATA: Final = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_VIEW_BOX: Final = re.compile(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"')
_STYLE_VARIABLES: Final = re.compile(r":root \{.*?\n\}\n@media screen[^{]*\{.*?\n\}\n", re.DOTALL)
"""What the report's style sheet begins with: the colours, by day and by night."""
_PIXELS_PER_POINT: Final = 4 / 3
_MARGIN_POINTS: Final = 6
"""A page of the report lets drawings stand out of their frame; a file cuts them off there."""
_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)|^#(.+)$")


def colour(variable: str) -> str:
    """The colour to draw in for a variable of the style sheet."""
    return _COLOURS[variable]


def inline_svg(figure: Figure, name: str, alternative: str) -> Markup:
    """A figure as an ``svg`` element.

    Args:
        figure: drawn in colours of :func:`colour` and no others.
        name: unique in the page; its ids begin so.
        alternative: what it shows, for those who do not see it.
    """
    stream = StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(stream, format="svg", transparent=True, metadata=_NO_METADATA)
    text = stream.getvalue()
    for variable, stand_in in _COLOURS.items():
        text = text.replace(stand_in, f"var(--{variable})")
    root = ElementTree.fromstring(text)  # noqa: S314  # matplotlib's own, of a line before
    _make_part_of_page(root, name)
    root.attrib = {
        "role": "img",
        "aria-label": alternative,
        "viewBox": root.attrib["viewBox"],
        "class": "plot",
    }
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704  # escaped by ElementTree


def standing_svg(drawn: Markup) -> str:
    """What :func:`inline_svg` gives as a file of its own: it brings its colours and its background along."""
    css = (
        files("likewise_indexer.backtest.report")
        .joinpath("templates", "page.css")
        .read_text(encoding="utf-8")
    )
    svg = str(drawn)  # as Markup, it would escape what is put into it
    variables, box = _STYLE_VARIABLES.match(css), _VIEW_BOX.search(svg)
    if variables is None or box is None:
        raise ValueError("the report's style sheet, or its drawings, do not begin as they did")
    margin = _MARGIN_POINTS
    width, height = (float(points) + 2 * margin for points in box.groups())
    frame = f'viewBox="-{margin} -{margin} {width:g} {height:g}"'
    size = f'width="{width * _PIXELS_PER_POINT:.0f}" height="{height * _PIXELS_PER_POINT:.0f}"'
    framed = svg.replace(box[0], f"{frame} {size}", 1)
    opening, end, rest = framed.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).partition(">")
    style = f"<style>{variables[0]}* {{ stroke-linejoin: round; stroke-linecap: butt; }}</style>"
    background = f'<rect x="-{margin}" y="-{margin}" width="100%" height="100%" fill="var(--page)"/>'
    return f"{opening}{end}\n{style}\n{background}{rest}\n"


def _make_part_of_page(root: ElementTree.Element, name: str) -> None:
    """Drop what a file of its own would need; ids get the name before them."""
    for parent in root.iter():
        for child in list(parent):
            if _local(child.tag) in ("metadata", "style"):
                parent.remove(child)
    for element in root.iter():
        element.tag = _local(element.tag)
        # xlink:href became href in SVG 2, and HTML knows no namespaces.
        element.attrib = {_local(key): value for key, value in element.attrib.items()}
        if "font" in element.get("style", ""):
            element.set("style", re.sub(r"'[^;]*(?=;|$)", "var(--sans)", element.attrib["style"]))
    used = {
        match[1] or match[2]
        for element in root.iter()
        for value in element.attrib.values()
        for match in _REFERENCE.finditer(value)
    }
    for element in root.iter():
        if element.get("id", "") not in used:
            element.attrib.pop("id", None)
        for key, value in element.attrib.items():
            if key == "id":
                element.set(key, f"{name}-{value}")
            else:
                element.set(key, _REFERENCE.sub(lambda match: _renamed(match, name), value))


def _renamed(match: re.Match[str], name: str) -> str:
    return f"url(#{name}-{match[1]})" if match[1] else f"#{name}-{match[2]}"


def _local(name: str) -> str:
    return name.rpartition("}")[2]
