"""How the report looks: fonts, text that wraps the Chinese way, tables, running head and foot.

reportlab breaks Chinese lines at any character, also inside a number. `Text` here keeps numbers and Latin
words whole and keeps closing punctuation off the start of a line. The font has one weight, so bold is drawn
by stroking the outline.
"""

import re

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Table, TableStyle

FONT = "MicroHei"
FONT_FILE = "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"
INK = colors.HexColor("#1a1a1a")
BLUE = colors.HexColor("#1f3a6e")
RULE = colors.HexColor("#8a94a6")
HEAD_FILL = colors.HexColor("#e6ebf4")
TOTAL_FILL = colors.HexColor("#f5f7fb")
LEFT, RIGHT, TOP, BOTTOM = 62, 62, 70, 60
WIDTH = A4[0] - LEFT - RIGHT
LANDSCAPE_WIDTH = A4[1] - 2 * 46

NOT_FIRST = set("，。、；：！？）》”’％%】〉)")
NOT_LAST = set("（《“‘【〈(")
TOKEN = re.compile(r"[A-Za-z0-9.,+\-/%&@~—]*[A-Za-z0-9%]|.", re.S)


def register_font():
    """Makes the font known; its glyphs are embedded as a subset."""
    pdfmetrics.registerFont(TTFont(FONT, FONT_FILE, subfontIndex=0))


def measure(text, size):
    return pdfmetrics.stringWidth(text, FONT, size)


def break_lines(text, size, width, indent=0.0):
    """Lines of `text` no wider than `width`; the first is shorter by `indent`."""
    units = []
    for token in TOKEN.findall(text):
        glued = units and (token in NOT_FIRST or units[-1][-1] in NOT_LAST)
        if glued:
            units[-1] += token
        else:
            units.append(token)
    lines, line, room, used = [], "", width - indent, 0.0
    for unit in units:
        wide = measure(unit, size)
        if line and used + wide > room + 0.01:
            lines.append(line.rstrip())
            line, room, used = "", width, 0.0
            unit = unit.lstrip()
            wide = measure(unit, size)
        line += unit
        used += wide
    return lines + [line.rstrip()] if line.strip() else lines or [""]


class Text(Flowable):
    """A paragraph. `align` is l, c, r or j (both edges); `outline` is (level, key, title) for bookmarks."""

    def __init__(self, text, size=10.5, leading=None, indent=0.0, align="j", bold=False, color=INK,
                 before=0.0, after=0.0, keep=False, outline=None, lines=None, left=0.0):
        super().__init__()
        self.text, self.size, self.leading = text, size, leading or size * 1.62
        self.indent, self.align, self.bold, self.color = indent, align, bold, color
        self.before, self.after, self.keepWithNext = before, after, keep
        self.outline, self.lines, self.given, self.left = outline, lines, lines is not None, left

    def getSpaceBefore(self):
        return self.before

    def getSpaceAfter(self):
        return self.after

    def wrap(self, width, height):
        self.width = width
        if not self.given:
            self.lines = break_lines(self.text, self.size, width - self.left, self.indent)
        self.height = len(self.lines) * self.leading
        return width, self.height

    def split(self, width, height):
        self.wrap(width, height)
        fit = int(height // self.leading)
        if fit < 2 or len(self.lines) - fit < 2:
            return []
        like = dict(size=self.size, leading=self.leading, align=self.align, bold=self.bold, color=self.color,
                    left=self.left)
        head = Text("", lines=self.lines[:fit], indent=self.indent, before=self.before, **like)
        head.partial = True
        return [head, Text("", lines=self.lines[fit:], after=self.after, **like)]

    def draw(self):
        canvas = self.canv
        if self.outline:
            level, key, title = self.outline
            canvas.bookmarkPage(key)
            canvas.addOutlineEntry(title, key, level, closed=level > 0)
            canvas.places[key] = canvas.getPageNumber()
        y = self.height - self.leading + (self.leading - self.size) / 2 + self.size * 0.14
        for number, line in enumerate(self.lines):
            indent = self.left + (self.indent if number == 0 else 0)
            room, wide = self.width - indent, measure(line, self.size)
            last = number == len(self.lines) - 1 and not getattr(self, "partial", False)
            text = canvas.beginText()
            text.setFont(FONT, self.size)
            text.setFillColor(self.color)
            if self.bold:
                text.setTextRenderMode(2)
                text.setStrokeColor(self.color)
            x = indent
            if self.align == "r":
                x = self.width - wide
            elif self.align == "c":
                x = (self.width - wide) / 2
            elif self.align == "j" and not last and len(line) > 1:
                text.setCharSpace(min(max(room - wide, 0) / (len(line) - 1), self.size * 0.12))
            text.setTextOrigin(x, y)
            text.textOut(line)
            if self.bold:
                text.setTextRenderMode(0)
            canvas.saveState()
            canvas.setLineWidth(self.size * 0.022)
            canvas.drawText(text)
            canvas.restoreState()
            y -= self.leading


def grid(head, rows, widths, aligns, size=8.5, kinds=None, width=WIDTH):
    """A ruled table. `head` and `rows` are lists of lists of text; the head repeats on every page.

    `widths` are shares of `width`, `aligns` one of l, c, r per column. `kinds[i]` is "" (plain),
    "total" (bold on a tint) or "group" (bold label) for row i.
    """
    kinds = kinds or [""] * len(rows)
    whole = sum(widths)
    points = [width * share / whole for share in widths]
    cell = lambda text, align, bold=False: Text(text, size=size, leading=size * 1.36, align=align, bold=bold)
    body = [[cell(text, "c", True) for text in row] for row in head]
    style = [
        ("GRID", (0, 0), (-1, -1), 0.4, RULE),
        ("BACKGROUND", (0, 0), (-1, len(head) - 1), HEAD_FILL),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("LEFTPADDING", (0, 0), (-1, -1), 3.5), ("RIGHTPADDING", (0, 0), (-1, -1), 3.5),
        ("TOPPADDING", (0, 0), (-1, -1), 2.6), ("BOTTOMPADDING", (0, 0), (-1, -1), 2.6),
    ]
    for number, (row, kind) in enumerate(zip(rows, kinds)):
        body.append([cell(text, align, bool(kind)) for text, align in zip(row, aligns)])
        if kind == "total":
            style.append(("BACKGROUND", (0, number + len(head)), (-1, number + len(head)), TOTAL_FILL))
    table = Table(body, colWidths=points, repeatRows=len(head), spaceBefore=3, spaceAfter=9)
    table.setStyle(TableStyle(style))
    return table


class Contents(Flowable):
    """The table of contents: (level, title, key) with dotted leaders and links; pages come from the first pass."""

    def __init__(self, entries, pages):
        super().__init__()
        self.entries, self.pages, self.row = entries, pages, 24

    def wrap(self, width, height):
        self.width, self.height = width, len(self.entries) * self.row
        return width, self.height

    def draw(self):
        canvas, y = self.canv, self.height - self.row + 6
        for title, key in self.entries:
            number = str(self.pages.get(key, 0))
            canvas.setFillColor(INK)
            canvas.setFont(FONT, 11)
            canvas.drawString(0, y, title)
            canvas.drawRightString(self.width, y, number)
            start, end = measure(title, 11) + 8, self.width - measure(number, 11) - 8
            canvas.setDash(0.8, 3)
            canvas.setStrokeColor(RULE)
            canvas.line(start, y + 2, end, y + 2)
            canvas.setDash()
            canvas.linkRect("", key, (0, y - 4, self.width, y + 14), relative=1)
            y -= self.row
