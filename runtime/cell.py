"""Runs pieces of code, Python or SQL, and writes a report about each.

By now the process has no privileges and no descriptors beyond its three standard ones. A report is moved to
/run/report/report.json, where the runner notices it; the code could write there too, and could only lie about itself.
A kept interpreter then waits for a signal, with the next job in /run/report/job.json. Output is not in the report: it
has left through stdout and stderr.

Report: {"seq": n, "exit": n, "error": {name, message, traceback} | null, "result": {text, json?} | null,
"displays": [{mime, text}]}. Figures that are still open and were not saved by the code become chart-<n>.png.
"""
import _signal, ast, builtins, inspect, io, json, linecache, os, sys, traceback, types

import charts, displays, hints, notebook, sql, state, syntax

prepare_fonts = charts.prepare_fonts
FILE = "<code>"
CELL = "<code of a magic>"
FOLDER = "/run/report/"
NEXT_JOB_SIGNAL = 40                  # as the runner's mailbox knows it
# Code that is kept may replace what it likes in the modules it shares with us; these we hold on to. `signal` wraps those of
# `_signal` in enumerations, which a fork would copy pages of memory for.
_open, _rename, _mask, _wait = open, os.rename, _signal.pthread_sigmask, _signal.sigwait
_BLOCK, _UNBLOCK, _INTERRUPT = int(_signal.SIG_BLOCK), int(_signal.SIG_UNBLOCK), int(_signal.SIGINT)
TEXT_MAX = 64 << 10
REPORT_MAX = 4 << 20    # what the runner reads


class Interpreter:
    """What lasts from one job to the next: the module `__main__`, and the database of SQL."""

    def __init__(self):
        self.main = main = types.ModuleType("__main__")
        vars(main)["__builtins__"] = builtins
        sys.modules["__main__"] = main
        self.database = None
        self.limits: dict = {}
        self.loop = None
        self.n_jobs = 0
        notebook.begin(main.__dict__, lambda code: _run(self, code, CELL), displays.show_as)

    def connection(self):
        """The database, made when it is first needed."""
        if self.database is None:
            self.database = sql.connect(self.limits["memory_bytes"])
        return self.database

    def evaluate(self, codes):
        """The value of the last of some pieces of code, run one after the other. When one of them waits, all of them run in an
        event loop, which lasts from cell to cell."""
        scope = self.main.__dict__
        if not any(code.co_flags & inspect.CO_COROUTINE for code in codes):
            return [eval(code, scope) for code in codes][-1]
        if self.loop is None:
            import asyncio
            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)

        async def run():
            for code in codes:
                value = eval(code, scope)
                if code.co_flags & inspect.CO_COROUTINE:
                    value = await value
            return value
        return self.loop.run_until_complete(run())


def rehearse():
    """What needs no job, done while the worker is parked: what is touched now is not copied from the zygote's memory later."""
    # Blocked outside of the code, so that an interrupt that comes late hits nothing of ours.
    _mask(_BLOCK, (NEXT_JOB_SIGNAL, _INTERRUPT))
    _signal.signal(_INTERRUPT, _signal.default_int_handler)
    job = {"seq": 0, "language": "python", "code": "import sys\nprint(end='')\nsys.argv[:1]", "limits": None, "keep": False}
    report = run(Interpreter(), job)
    json.loads(json.dumps(report, ensure_ascii=False, default=str))
    return Interpreter()


def serve(interpreter, job):
    """Runs a job and, while the interpreter is kept, those that follow. Returns the exit code of the last one."""
    sys.path.insert(0, "/session")
    while True:
        report = run(interpreter, job)
        if not job["keep"]:
            _attempt(_end_threads)
        _attempt(sys.stdout.flush); _attempt(sys.stderr.flush)
        _write(report)
        if not job["keep"]:
            return report["exit"]
        _wait((NEXT_JOB_SIGNAL,))
        with _open(FOLDER + "job.json", "rb") as file:
            job = json.load(file)


def run(interpreter, job):
    """One job and the report about it."""
    interpreter.n_jobs += 1
    report = {"seq": job["seq"], "exit": 0, "error": None, "result": None, "displays": []}
    interpreter.limits = job["limits"]
    displays.begin(report["displays"])
    body = {"python": _python, "sql": sql.run, "save": _save, "load": _load}[job["language"]]
    try:
        report["result"] = _interruptible(lambda: body(interpreter, job["code"]))
    except SystemExit as stop:
        report["exit"] = _exit_code(stop.code)
    except BaseException as error:
        report["exit"] = 1
        report["error"] = _describe(error, job["limits"])
        if job["language"] != "sql":
            _attempt(lambda: sys.stderr.write(report["error"]["traceback"]))
    _attempt(lambda: charts.save_open(close=job["keep"]))
    return report


def _interruptible(body):
    # An interrupt that came too late for the last job is not meant for this one.
    while _signal.sigtimedwait((_INTERRUPT,), 0):
        pass
    _mask(_UNBLOCK, (_INTERRUPT,))
    try:
        return body()
    finally:
        _mask(_BLOCK, (_INTERRUPT,))


def open_streams():
    """The streams that Python has opened are buffered for a file; these go out line by line and never fail on a character.
    Made once, in the zygote: workers only put other files below them."""
    for name, fd in (("stdout", 1), ("stderr", 2)):
        raw = io.BufferedWriter(io.FileIO(fd, "wb", closefd=False), 1 << 15)
        stream = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)
        setattr(sys, name, stream); setattr(sys, "__%s__" % name, stream)
    stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, "rb", closefd=False)), encoding="utf-8")
    sys.stdin = sys.__stdin__ = stdin  # type: ignore[misc]


def _python(interpreter, code):
    """Runs the code as `__main__`. The value of a last line that is an expression is the result, as in a notebook."""
    main, n = interpreter.main, interpreter.n_jobs
    # A name of its own for every job, so that tracebacks through functions of earlier ones show the right lines.
    main.__file__ = name = FILE if n == 1 else "%s %d>" % (FILE[:-1], n)
    value = _run(interpreter, code, name)
    return None if value is None else displays.present(value)


def _run(interpreter, code, name):
    """The value of a last line that is an expression."""
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    tree = syntax.parse(code, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    codes = [compile(tree, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)]
    if last is not None:
        codes.append(compile(ast.Expression(last.value), name, "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
    return interpreter.evaluate(codes)


def _save(interpreter, _):
    return state.save(interpreter)


def _load(interpreter, _):
    return state.load(interpreter)


def _describe(error, limits):
    """The error without the frames of this file, with a hint where the sandbox is the reason for it."""
    hint = _attempt(lambda: hints.add(error, limits))
    trace = error.__traceback__
    while trace and not trace.tb_frame.f_code.co_filename.startswith(FILE[:-1]):
        trace = trace.tb_next
    try:
        text = "".join(traceback.format_exception(type(error), error, trace))
    except BaseException:
        text = type(error).__name__ + "\n"
    try:
        message = str(error)
    except BaseException:
        message = ""
    if hint:
        message = "%s (%s)" % (message, hint)
    return {"name": type(error).__name__, "message": _cut(message, 4096), "traceback": _cut(text, 16 << 10)}


def _exit_code(code):
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 255
    _attempt(lambda: sys.stderr.write("%s\n" % (code,)))
    return 1


def _end_threads():
    """What the interpreter does at its end: waits for threads, runs exit handlers."""
    import atexit, threading
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()


def _write(report):
    """Moved into place in one step: whoever sees it sees all of it. The runner reads none that is too large, so what is
    largest gives way to the rest."""
    data = _encode(report)
    if len(data) > REPORT_MAX and report["result"]:
        report["result"].pop("json", None)
        data = _encode(report)
    if len(data) > REPORT_MAX:
        report["displays"] = [{"mime": "text/plain", "text": "what was shown is larger than there is room for; save it to a file"}]
        data = _encode(report)
    with _open(FOLDER + "report.new", "wb") as file:
        file.write(data)
    _rename(FOLDER + "report.new", FOLDER + "report.json")


def _encode(report):
    # Half a character would be an escape that no reader of JSON takes; values that JSON has not are gone by now.
    return json.dumps(report, ensure_ascii=False, default=str).encode("utf-8", "replace")


def _cut(text, limit=TEXT_MAX):
    return text if len(text) <= limit else text[:limit] + "… (cut)"


def _attempt(action):
    try:
        return action()
    except BaseException:
        return None
