"""What code shows: the value of its last line, and what it passes to display().

A thing to be shown becomes {mime, text} in the report, base64 where the type is binary. Its own class knows best what it
looks like, so the `_repr_*_` methods of notebooks are asked; they are the code's, so they may raise, hang (the time
limit is the answer) or return anything. Whatever is too large for a report becomes a file of the session instead.
"""
import base64, builtins, io, json, os, sys

import notebook, tables
from plain import plain

TEXT_MAX = 64 << 10      # of the text beside a result
ITEM_MAX = 512 << 10     # of one thing shown
TOTAL_MAX = 2 << 20      # of all of them; the whole report must stay below what the runner reads
COUNT_MAX = 64
ROWS_SHOWN, COLUMNS_SHOWN = 60, 40

PLOTLY, ECHARTS = "application/vnd.plotly.v1+json", "application/vnd.echarts.v1+json"
# Best first. The method that notebooks ask for it, and the end of a file name.
_KINDS = {
    PLOTLY: (None, ".plotly.json"),
    ECHARTS: (None, ".echarts.json"),
    "image/svg+xml": ("_repr_svg_", ".svg"),
    "image/png": ("_repr_png_", ".png"),
    "image/jpeg": ("_repr_jpeg_", ".jpg"),
    "text/html": ("_repr_html_", ".html"),
    "text/markdown": ("_repr_markdown_", ".md"),
    "text/latex": ("_repr_latex_", ".tex"),
    "application/json": ("_repr_json_", ".json"),
    "text/plain": (None, ".txt"),
}
_BINARY = ("image/png", "image/jpeg")

_shown: list[dict] = []              # of the job that runs
_room = TOTAL_MAX


def prepare():
    """Called once, in the zygote."""
    vars(builtins).update(display=display, display_echarts=display_echarts)
    notebook.install(display)
    try:
        from plotly.basedatatypes import BaseFigure
    except ImportError:
        return
    BaseFigure.show = lambda figure, *args, **kwargs: display(figure)


def begin(shown):
    """From here on what is shown goes into the list `shown`."""
    global _shown, _room
    _shown, _room = shown, TOTAL_MAX


def display(*values, **_):
    """Shows values as charts, pictures, tables, formulas or text, whatever they are best at."""
    for value in values:
        bundle = _bundle(value)
        if bundle is None:
            _show("text/plain", _text(value))
        elif bundle:
            if _is_table(value):
                _show("text/plain", _or_words(_text, value))
            _show(*bundle)


def show_as(mime, content):
    """Shows content of a stated type."""
    _show(mime, content)


def display_echarts(option):
    """Shows a chart of ECharts: its option as a dict or JSON, or a chart of pyecharts."""
    _show(ECHARTS, _echarts(option))


def present(value):
    """The result that a last line comes to: text and, for tables, JSON. What it looks like beyond that is shown. Each form is made
    for itself: one that fails leaves the others whole."""
    bundle = _attempt(_bundle, value)
    if bundle == ():
        return None
    if bundle:
        _attempt(_show, *bundle)
    if bundle and bundle[0] in (PLOTLY, ECHARTS):
        return {"text": "<a chart: %s>" % type(value).__name__}
    result = {"text": _or_words(_text, value)}
    table = _attempt(tables.plain_table, _framed(value)) if _is_table(value) else None
    if table is not None:
        result["json"] = table
    return result


def _attempt(make, *values):
    """What foreign code returns, or nothing when it fails, however it does."""
    try:
        return make(*values)
    except BaseException:
        return None


def _or_words(make, value):
    try:
        return make(value)
    except BaseException as error:
        return "<a value of type %s that cannot be shown: %s>" % (type(value).__name__, type(error).__name__)


def _bundle(value):
    """What a value looks like at its best: (mime, content). None when that is only text, () when it is shown already."""
    kind = type(value)
    origin = kind.__module__.partition(".")[0]
    if origin == "matplotlib" or (kind in (list, tuple) and value and _origin(value[0]) == "matplotlib"):
        return _figure(value)
    try:
        if origin == "plotly" and hasattr(value, "to_json"):
            return PLOTLY, value.to_json()
        if hasattr(kind, "dump_options"):
            return ECHARTS, _echarts(value)
        if origin == "PIL":
            return "image/png", _png(value)
        if _is_table(value):
            return "text/html", _html(value)
        if isinstance(value, type):
            return None
        return _own(value, kind)
    except Exception:
        return None


def _origin(value):
    return type(value).__module__.partition(".")[0]


def _own(value, kind):
    """What the `_repr_*_` methods say. Looked up on the class: some objects have every attribute one asks for."""
    if hasattr(kind, "_repr_mimebundle_"):
        try:
            data = value._repr_mimebundle_(include=None, exclude=None)
        except TypeError:
            data = value._repr_mimebundle_()
        data = data[0] if isinstance(data, tuple) else data
        for mime in _KINDS:
            if isinstance(data, dict) and data.get(mime) is not None and mime != "text/plain":
                return mime, data[mime]
    for mime, (method, _) in _KINDS.items():
        if method and hasattr(kind, method):
            content = getattr(value, method)()
            content = content[0] if isinstance(content, tuple) else content
            if content is not None:
                return mime, content
    return None


def _figure(value):
    """A figure of matplotlib becomes a file, as all that are left open do."""
    figure = value if hasattr(type(value), "savefig") else getattr(value, "figure", None)
    pyplot = sys.modules.get("matplotlib.pyplot")
    is_open = pyplot and any(pyplot.figure(n) is figure for n in pyplot.get_fignums())
    if figure is not None and hasattr(figure, "savefig") and not is_open:
        figure.savefig(_free("chart-%d.png"))
    return ()


def _echarts(option):
    if hasattr(type(option), "dump_options"):
        option = option.dump_options()
    text = option if isinstance(option, str) else json.dumps(option, ensure_ascii=False, default=plain)
    if not isinstance(json.loads(text), dict):
        raise TypeError("an option of ECharts is a dict")
    return text


def _png(picture):
    if not hasattr(picture, "save"):
        return None
    data = io.BytesIO()
    (picture if picture.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else picture.convert("RGB")).save(data, "PNG")
    return data.getvalue()


def _pandas():
    return sys.modules.get("pandas")


def _is_table(value):
    pandas = _pandas()
    return bool(pandas) and type(value) in (pandas.DataFrame, pandas.Series)


def _framed(value):
    return value.to_frame() if type(value) is _pandas().Series else value


def _html(value):
    return _framed(value).to_html(max_rows=ROWS_SHOWN, max_cols=COLUMNS_SHOWN, border=0)


def _text(value):
    if not _is_table(value):
        return _cut(value if type(value) is str else repr(value)) if value is not None else "None"
    with _pandas().option_context("display.width", 200, "display.max_columns", COLUMNS_SHOWN, "display.max_rows", ROWS_SHOWN,
                                  "display.unicode.east_asian_width", True):
        return _cut(repr(_framed(value)))


def _show(mime, content):
    """Into the report, or into a file when the report has no room for it."""
    global _room
    if content is None:
        return
    if mime in _BINARY:
        data = base64.b64decode(content) if isinstance(content, str) else bytes(content)
        text = base64.b64encode(data).decode()
    else:
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, default=plain)
        data = text.encode("utf-8", "backslashreplace")
    if len(_shown) == COUNT_MAX:
        _shown.append({"mime": "text/plain", "text": "more than %d things were shown; the rest is left out" % COUNT_MAX})
    if len(_shown) > COUNT_MAX:
        return
    size = max(len(data), len(text))
    if size <= min(ITEM_MAX, _room):
        _room -= size
        _shown.append({"mime": mime, "text": text})
        return
    path = _free("display-%%d%s" % _KINDS.get(mime, (None, ".txt"))[1])
    with open(path, "wb") as file:
        file.write(data)
    _shown.append({"mime": "text/plain", "text": "%s of %d bytes: %s" % (mime, len(data), path)})


def _free(pattern):
    number = 1
    while os.path.lexists("/session/" + pattern % number):
        number += 1
    return "/session/" + pattern % number


def _cut(text):
    return text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + "… (cut)"
