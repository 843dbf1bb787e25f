"""Markup. Whatever is not Html is escaped, so that a name can hold anything."""
import html
import os
import string

ASSETS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "site_assets")
# Control characters may not stand in HTML at all.
CONTROL = {c: "\ufffd" for c in (*range(0x20), *range(0x7f, 0xa0)) if c not in (0x09, 0x0a, 0x0d)}
GLYPH = {"PASS": "\u2713", "FAIL": "\u2717", "SKIP": "\u2013", "XFAIL": "!"}


class Html(str):
    """Text that is markup already."""


NONE = Html("\u2013")


def esc(value):
    return value if isinstance(value, Html) else html.escape(str(value).translate(CONTROL))


def join(parts, between=""):
    return Html(between.join(esc(p) for p in parts))


def tag(name, *children, **attributes):
    """class_ and for_ lose their underscore, other underscores become hyphens; None is left out."""
    text = "".join(' %s="%s"' % (key.rstrip("_").replace("_", "-"), esc(value)) for key, value in attributes.items()
                   if value is not None)
    return Html("<%s%s>%s</%s>" % (name, text, "".join(esc(c) for c in children), name))


def link(url, text, **attributes):
    return tag("a", text, href=url, **attributes)


def command(text):
    return tag("code", text, class_="cmd")


def chip(verdict):
    return Html('<b class="v %s">%s</b>' % (verdict, verdict))


# ---- numbers ----

def whole(value):
    return NONE if value is None else Html("{:,.0f}".format(value))


def number_of(count, noun):
    return "%s %s%s" % (whole(count), noun, "" if count == 1 else "s")


def fixed(decimals):
    def text(value):
        return NONE if value is None else Html("{:,.{}f}".format(value, decimals))
    return text


def signed(value):
    return NONE if value is None else Html("{:+,.0f}".format(value) if value else "0")


def signed_percent(value):
    return NONE if value is None else Html("{:+,.2f}".format(value) if value else "0")


def percent(share):
    return NONE if share is None else Html("{:.1f}".format(100 * share))


# ---- tables ----

class Column:
    """kind: "" for text, "n" for numbers, "c" for words of which few differ, which become a menu, "x" for what has no order."""

    def __init__(self, head, kind="", about=None):
        self.head, self.kind, self.about = head, kind, about


KINDS = {"": "", "n": ' class="n"', "c": " data-menu", "x": " data-fixed"}


def table(caption, columns, rows):
    """A table that sorts and filters where there are scripts. The first cell of a row is its header."""
    open_cell = ["<th scope=row>"] + ["<td class=n>" if c.kind == "n" else "<td>" for c in columns[1:]]
    head = "".join('<th scope="col"%s%s>%s</th>' % (KINDS[c.kind], ' title="%s"' % esc(c.about) if c.about else "", esc(c.head))
                   for c in columns)
    body = "\n".join("<tr>" + "".join(o + esc(cell) for o, cell in zip(open_cell, row)) for row in rows)
    return framed(caption, "data", head, body)


def framed(caption, kind, head, body):
    """It scrolls by itself, by the keyboard, too."""
    return Html('<div class="scroll" tabindex="0" role="group" aria-label="%s"><table class="%s"><caption>%s</caption>'
                '<thead><tr>%s</tr></thead><tbody>\n%s\n</tbody></table></div>' % (esc(caption), kind, esc(caption), head, body))


def small_table(caption, head, rows, kind="small"):
    """A few rows, each with its header; nothing to sort. kind: "small numbers" where all cells are."""
    columns = "".join('<th scope="col">%s</th>' % esc(h) for h in head)
    body = "\n".join("<tr><th scope=row>" + "<td>".join(esc(cell) for cell in row) for row in rows)
    return framed(caption, kind, columns, body)


def bar(shares, colours):
    """Parts of a whole, side by side; shares: amounts by name."""
    total = sum(shares.values())
    if not total:
        return NONE
    text, at = [], 0.0
    for name, amount in shares.items():
        width = 100.0 * amount / total
        if width >= 0.05:
            text.append('<rect class=p%d x=%.1f width=%.1f height=10 />' % (colours[name], at, width))
        at += width
    said = ", ".join("%s %.1f %%" % (name, 100.0 * amount / total) for name, amount in shares.items() if amount)
    return Html('<span class=bar role=img title="%s"><svg viewBox="0 0 100 10" preserveAspectRatio=none aria-hidden=true>%s</svg></span>'
                % (esc(said), "".join(text)))


def swatch(colour):
    return tag("span", class_="swatch p%d" % colour, aria_hidden="true")


def legend(colours):
    return tag("ul", *(tag("li", swatch(colour), name) for name, colour in colours.items()), class_="legend")


def section(ident, title, *content):
    return tag("section", tag("h2", title, id=ident), *content)


def note(*text):
    return tag("p", *text, class_="note")


def page(title, body, depth=0, current=None):
    """depth: folders between the page and the root of the site."""
    with open(os.path.join(ASSETS, "page.html"), encoding="utf-8") as file:
        template = string.Template(file.read())
    root = "../" * depth
    here = ' aria-current="page"'
    return template.substitute(title=esc(title), body=body, root=root, on_overview=here if current == "overview" else "",
                               on_results=here if current == "results" else "")
