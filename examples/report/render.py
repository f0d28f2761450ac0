"""Renders the sample annual report: text/*.md with the numbers of data.toml, to a PDF.

The same sources give the same bytes: no date, no random id, no machine name gets into the file.

    python render.py [output.pdf]
"""

from io import BytesIO
from pathlib import Path
import re
import sys

from reportlab import rl_config
from reportlab.lib.pagesizes import A4, landscape
from reportlab.platypus import BaseDocTemplate, CondPageBreak, Frame, NextPageTemplate, PageBreak, PageTemplate, Spacer

import layout
from figures import Figures
from layout import BLUE, FONT, INK, RULE, Contents, Text
from tables_notes import TABLES as NOTE_TABLES
from tables_review import TABLES as REVIEW_TABLES
from tables_statements import TABLES as STATEMENT_TABLES
from wording import fill

HERE = Path(__file__).parent
OUTPUT = HERE.parent / "annual-report-2025.pdf"
TABLES = REVIEW_TABLES | STATEMENT_TABLES | NOTE_TABLES
SHORT, FULL, TITLE = "岚序智造", "岚序智造股份有限公司", "2025年年度报告"
LONG = 14  # rows, head included, above which a table may break across pages
DIRECTIVE = re.compile(r"^\[\[(\w+)(?: (.+))?\]\]$")


def cover():
    """The first page."""
    line = lambda text, size, **more: Text(text, size=size, align="c", **more)
    return [
        Spacer(1, 60), line("股票代码：699025（虚构）　　　股票简称：岚序智造", 11),
        Spacer(1, 130), line(FULL, 26, bold=True, color=BLUE), Spacer(1, 14), line("Lanxu Intelligent Manufacturing Co., Ltd.", 12),
        Spacer(1, 34), line(TITLE, 30, bold=True, color=BLUE), Spacer(1, 190), line("二〇二六年四月", 14),
        Spacer(1, 60), line("样例文件：本报告所载公司、机构、人员职务和全部数据均为虚构，仅用于软件演示，与任何真实主体无关。", 9),
    ]


def story(text, figures, keys):
    """Flowables of one Markdown-like text; `keys` collects (title, bookmark) of the chapters.

    `#` opens a chapter on a new page (`#~` on the same), `##`, `###` and `####` are headings, `[[name]]` puts a table,
    `[[unit 元]]` the line above it, `[[page]]` breaks, `[[landscape]]` and `[[portrait]]` turn the page.
    """
    out = []
    for block in re.split(r"\n\s*\n", fill(text, figures).strip()):
        block = block.strip()
        heading = re.match(r"^(#+~?) (.+)$", block)
        directive = DIRECTIVE.match(block)
        if heading:
            level, title = heading[1].count("#"), heading[2]
            key = f"s{len(keys)}"
            if level == 1 and "~" not in heading[1]:
                out.append(PageBreak())
            size = {1: 16, 2: 12.5, 3: 11, 4: 10.5}[level]
            outline = (level - 1, key, title) if level < 4 else None
            keys.append((level, title, key))
            out.append(Text(title, size=size, leading=size * 1.7, align="c" if level == 1 else "l", bold=True, color=BLUE if level == 1 else INK,
                            before=2 if level == 1 else 9, after=12 if level == 1 else 3, keep=True, outline=outline))
        elif directive and directive[1] == "unit":
            out.append(Text(f"单位：{directive[2]}　币种：人民币" if "元" in directive[2] else f"单位：{directive[2]}", size=9, align="r", keep=True))
        elif directive and directive[1] == "page":
            out.append(PageBreak())
        elif directive and directive[1] in ("landscape", "portrait"):
            out += [NextPageTemplate(directive[1]), PageBreak()]
        elif directive and directive[1] == "center":
            out.append(Text(directive[2], size=10, align="c", keep=True))
        elif directive and directive[1] == "right":
            out.append(Text(directive[2], align="r"))
        elif directive:
            tables = TABLES[directive[1]](figures)
            if tables[0]._nrows > LONG:
                loosen(out)
            out += tables
        elif block.startswith("- "):
            for item in block.split("\n"):
                out.append(Text("·　" + item[2:], left=21, after=2))
        else:
            caption = block.startswith("（") and "。" not in block
            out.append(Text("".join(block.split("\n")), indent=21, after=4, keep=caption))
    return out


def loosen(out):
    """Lets the long table that follows start at the foot of a page; its headings still stay with its first rows."""
    start = len(out)
    while start and getattr(out[start - 1], "keepWithNext", False):
        start -= 1
        out[start].keepWithNext = False
    if start < len(out):
        out.insert(start, CondPageBreak(105 + 24 * (len(out) - start)))


class Report(BaseDocTemplate):
    """The page templates and what is drawn around the text. `n_pages` is known on the second pass."""

    def __init__(self, target, n_pages):
        about = dict(title=f"{FULL}{TITLE}", author=f"{FULL}（虚构公司）", subject="虚构公司的年度报告样例 / sample annual report of an invented company",
                     keywords="年度报告, 样例, sample, annual report, 2025", creator="render.py", producer="reportlab")
        super().__init__(target, pagesize=A4, invariant=1, pageCompression=1, lang="zh-CN", **about)
        self.n_pages, self.places = n_pages, {}
        tall, wide = A4, landscape(A4)
        frame = lambda size, left, right: Frame(left, layout.BOTTOM, size[0] - left - right, size[1] - layout.TOP - layout.BOTTOM, 0, 0, 0, 0)
        self.addPageTemplates([
            PageTemplate("cover", [frame(tall, layout.LEFT, layout.RIGHT)], pagesize=tall, autoNextPageTemplate="portrait"),
            PageTemplate("portrait", [frame(tall, layout.LEFT, layout.RIGHT)], pagesize=tall, onPage=self.surround),
            PageTemplate("landscape", [frame(wide, 46, 46)], pagesize=wide, onPage=self.surround),
        ])

    def beforePage(self):
        self.canv.places = self.places

    def surround(self, canvas, _):
        width, height = canvas._pagesize
        left = layout.LEFT if width < height else 46
        canvas.saveState()
        canvas.setFont(FONT, 9)
        canvas.setFillColor(INK)
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.6)
        canvas.drawString(left, height - 48, f"{SHORT}{TITLE}")
        canvas.drawRightString(width - left, height - 48, "虚构公司样例")
        canvas.line(left, height - 54, width - left, height - 54)
        canvas.drawCentredString(width / 2, 34, f"{canvas.getPageNumber()} / {self.n_pages}")
        canvas.restoreState()


def compose(figures, places, n_pages):
    """One pass; returns the PDF, where the headings fell and the number of pages."""
    keys, body = [], []
    texts = sorted((HERE / "text").glob("*.md"))
    for path in texts:
        body += story(path.read_text(encoding="utf-8"), figures, keys)
    chapters = [(title, key) for level, title, key in keys if level == 1]
    contents = [PageBreak(), Text("目录", size=16, leading=40, align="c", bold=True, color=BLUE), Contents(chapters, places)]
    # The notice stands before the contents, as in real reports.
    breaks = [i for i, part in enumerate(body) if isinstance(part, PageBreak)]
    body[breaks[1]:breaks[1]] = contents
    target = BytesIO()
    report = Report(target, n_pages)
    report.build(cover() + body)
    return target.getvalue(), report.places, report.page


def render(path=OUTPUT):
    """Writes the report to `path` and returns its number of pages."""
    rl_config.invariant = 1
    layout.register_font()
    figures = Figures()
    _, places, n_pages = compose(figures, {}, 0)
    data, again, _ = compose(figures, places, n_pages)
    if again != places:
        raise RuntimeError("the headings moved between the two passes")
    Path(path).write_bytes(data)
    return n_pages


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT
    print(f"{target.name}: {render(target)} pages, {target.stat().st_size / 1024:.0f} KiB")
