"""Runs one piece of code, Python or SQL, and writes a report about it.

By now the process has no privileges and no descriptors beyond its three standard ones. The report goes to
/run/report/report.json, which the runner reads after the process has ended; the code could write there too,
and could only lie about itself. Output is not in the report: it has left through stdout and stderr.

Report: {"exit": n, "error": {name, message, traceback} | null, "result": {text, json?} | null,
"displays": [{mime, text}]}. Figures that are still open and were not saved by the code become chart-<n>.png.
"""
import ast, builtins, io, json, linecache, os, sys, traceback, types

import charts, sql

prepare_fonts = charts.prepare_fonts
FILE = "<code>"
TEXT_MAX = 64 << 10
ROWS_MAX = 1000


def run(job):
    _open_streams()
    report = {"exit": 0, "error": None, "result": None, "displays": []}
    if job["language"] == "sql":
        body = lambda: sql.run(job["code"], job["limits"])
    else:
        body = lambda: _python(job["code"])
    try:
        report["result"] = body()
    except SystemExit as stop:
        report["exit"] = _exit_code(stop.code)
    except BaseException as error:
        report["exit"] = 1
        report["error"] = _describe(error)
        if job["language"] != "sql":
            _try(lambda: sys.stderr.write(report["error"]["traceback"]))
    _try(charts.save_open)
    _try(_end_threads)
    _try(sys.stdout.flush); _try(sys.stderr.flush)
    _try(lambda: _write(report))
    return report["exit"]


def _open_streams():
    """The streams of the zygote are buffered for a file; these go out line by line and never fail on a character."""
    for name, fd in (("stdout", 1), ("stderr", 2)):
        raw = io.BufferedWriter(io.FileIO(fd, "wb", closefd=False), 1 << 15)
        stream = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)
        setattr(sys, name, stream); setattr(sys, "__%s__" % name, stream)
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, "rb", closefd=False)), encoding="utf-8")


def _python(code):
    """Runs the code as `__main__`. The value of a last line that is an expression is the result, as in a notebook."""
    main = types.ModuleType("__main__")
    main.__builtins__ = builtins
    main.__file__ = FILE
    sys.modules["__main__"] = main
    sys.path.insert(0, "/session")
    linecache.cache[FILE] = (len(code), None, code.splitlines(True), FILE)
    tree = ast.parse(code, FILE)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, FILE, "exec"), main.__dict__)
    if last is None:
        return None
    value = eval(compile(ast.Expression(last.value), FILE, "eval"), main.__dict__)
    return None if value is None else _present(value)


def _present(value):
    """Text and, for tables, JSON of a value; a value that cannot be shown is none of the code's errors."""
    pandas = sys.modules.get("pandas")
    try:
        if pandas and type(value) is pandas.Series:
            value = value.to_frame()
        if pandas and type(value) is pandas.DataFrame:
            with pandas.option_context("display.width", 200, "display.max_columns", 40, "display.max_rows", 60,
                                       "display.unicode.east_asian_width", True):
                text = repr(value)
            part = json.loads(value.head(ROWS_MAX).to_json(orient="split", date_format="iso", force_ascii=False))
            table = {"columns": [str(c) for c in part["columns"]], "rows": part["data"],
                     "n_rows": len(value), "truncated": len(value) > ROWS_MAX}
            return {"text": _cut(text), "json": table}
        if type(value).__module__.startswith("matplotlib."):
            return None                        # the figure is saved anyway; its repr tells nobody anything
        if isinstance(value, list) and value and type(value[0]).__module__.startswith("matplotlib."):
            return None
        return {"text": _cut(repr(value))}
    except BaseException as error:
        return {"text": "<a value of type %s that cannot be shown: %s>" % (type(value).__name__, type(error).__name__)}


def _describe(error):
    """The error without the frames of this file."""
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename != FILE:
        trace = trace.tb_next
    try:
        text = "".join(traceback.format_exception(type(error), error, trace))
    except BaseException:
        text = type(error).__name__ + "\n"
    try:
        message = str(error)
    except BaseException:
        message = ""
    return {"name": type(error).__name__, "message": _cut(message, 4096), "traceback": _cut(text, 16 << 10)}


def _exit_code(code):
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 255
    _try(lambda: sys.stderr.write("%s\n" % (code,)))
    return 1


def _end_threads():
    """What the interpreter does at its end: waits for threads, runs exit handlers."""
    import atexit, threading
    threading._shutdown()
    atexit._run_exitfuncs()


def _write(report):
    data = json.dumps(report, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace")
    with open("/run/report/report.json", "wb") as file:
        file.write(data)


def _cut(text, limit=TEXT_MAX):
    return text if len(text) <= limit else text[:limit] + "… (cut)"


def _try(action):
    try:
        action()
    except BaseException:
        pass
