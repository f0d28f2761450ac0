"""What `get_ipython()` is in a cell: commands of the system, and the magics that mean something here.

A magic that means nothing in a sandbox (`%matplotlib inline`, `%load_ext`) is skipped with a note on standard error: the cell
goes on, and whoever reads the output knows.
"""
import os, re, shlex, subprocess, sys, time

_SHELL = "/bin/bash" if os.path.exists("/bin/bash") else "/bin/sh"
_COMMANDS = ("ls", "ll", "cat", "head", "tail", "mkdir", "rm", "rmdir", "cp", "mv", "echo", "man", "less", "more")
_SHELLS = {"bash": "/bin/bash", "sh": "/bin/sh", "script": "/bin/sh", "!": _SHELL, "sx": _SHELL, "system": _SHELL}
_SHOWN_AS = {"html": "text/html", "HTML": "text/html", "markdown": "text/markdown", "latex": "text/latex", "svg": "image/svg+xml", "SVG": "image/svg+xml"}
_OTHER_LANGUAGES = ("javascript", "js", "perl", "ruby", "R", "cython", "julia", "node")


class Shell:
    """One for each interpreter. `run` runs a cell, `show` shows (type, content)."""

    def __init__(self, scope, run, show):
        self.user_ns, self._run, self._show = scope, run, show
        self.config = {}

    # What commands say goes where the cell's own output goes.
    def system(self, command):
        command = self._filled(command)
        if _is_pip(command):
            return self._pip(command)
        _flush()
        subprocess.run(command, shell=True, executable=_SHELL, check=False)

    def getoutput(self, command):
        command = self._filled(command)
        done = subprocess.run(command, shell=True, executable=_SHELL, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout.decode("utf-8", "replace").splitlines()

    def run_cell(self, code, *_, **__):
        return self._run(code)

    def run_line_magic(self, name, line="", *_):
        magic = getattr(self, "_line_" + name, None)
        if magic:
            return magic(line)
        if name in _COMMANDS:
            return self.system("ls -l " + line if name == "ll" else "%s %s" % (name, line))
        _note("%%%s means nothing here and was skipped" % " ".join([name, line]).strip())

    def run_cell_magic(self, name, line, body):
        if name in _SHELLS:
            _flush()
            shell = line.split()[0] if name == "script" and line.split() else _SHELLS[name]
            subprocess.run([shell], input=body.encode("utf-8", "replace"), check=False)
        elif name in _SHOWN_AS:
            self._show(_SHOWN_AS[name], body)
        elif name in ("writefile", "file"):
            words = shlex.split(line)
            path = os.path.expanduser(words[-1])
            with open(path, "a" if "-a" in words else "w", encoding="utf-8") as file:
                file.write(body if body.endswith("\n") else body + "\n")
            print("Writing %s" % path)
        elif name == "time":
            return self._timed(body)
        elif name == "timeit":
            return self._line_timeit(body)
        elif name in _OTHER_LANGUAGES:
            _note("%%%%%s: cells here are Python; this one was skipped" % name)
        else:
            if name not in ("python", "python3", "capture"):
                _note("%%%%%s means nothing here; the rest of the cell runs without it" % name)
            return self._run(body)

    # --- magics of a line

    def _line_pip(self, line):
        return self._pip("pip " + line)

    _line_conda = _line_mamba = _line_uv = _line_pip

    def _line_cd(self, line):
        os.chdir(os.path.expanduser(line.strip("'\" ") or "~"))
        print(os.getcwd())

    def _line_pwd(self, _):
        return os.getcwd()

    def _line_sx(self, line):
        return self.getoutput(line)

    def _line_env(self, line):
        name, mark, value = line.partition("=")
        if not line:
            return dict(os.environ)
        if not mark:
            name, _, value = line.partition(" ")
        if not (mark or value):
            return os.environ.get(name.strip())
        os.environ[name.strip()] = value.strip()

    _line_set_env = _line_env

    def _line_time(self, line):
        return self._timed(line)

    def _line_timeit(self, line):
        import timeit
        code = re.sub(r"^(\s*-\w\s*\d*)*\s*", "", line)
        n, seconds = timeit.Timer(code, globals=self.user_ns).autorange()
        print("%s per loop (%d loops)" % (_duration(seconds / n), n))

    def _line_run(self, line):
        words = shlex.split(line)
        if words[:1] == ["-i"]:
            del words[0]
        with open(os.path.expanduser(words[0]), encoding="utf-8") as file:
            code = file.read()
        before, sys.argv = sys.argv, words
        try:
            self._run(code)
        finally:
            sys.argv = before

    def _line_who(self, _):
        print("  ".join(sorted(name for name in self.user_ns if not name.startswith("_"))))

    _line_whos = _line_who_ls = _line_who

    def _line_pinfo(self, name):
        import pydoc
        try:
            print(pydoc.plain(pydoc.render_doc(eval(name, self.user_ns))))
        except Exception as error:
            print("nothing is known about %s: %s" % (name, error))

    # ---

    def _timed(self, code):
        began = time.perf_counter()
        try:
            return self._run(code)
        finally:
            print("Wall time: %s" % _duration(time.perf_counter() - began))

    def _pip(self, command):
        words = shlex.split(command, comments=True)
        names = words[words.index("install") + 1:] if "install" in words else None
        if names is None or "PIP_USER" in os.environ:
            _flush()
            subprocess.run([sys.executable, "-m", "pip", *words[1 + (words[0] != "pip" and "-m" in words) * 2:]], check=False)
            return
        from importlib import metadata
        for name in (re.split(r"[<>=!~;\[ ]", word)[0] for word in names if not word.startswith("-")):
            try:
                print("Requirement already satisfied: %s (%s)" % (name, metadata.version(name)))
            except (metadata.PackageNotFoundError, ValueError):
                _note("%s cannot be installed: this sandbox has no way to a package index. %%pip list shows what is there" % name)

    def _filled(self, command):
        """`{expression}` and `$name` stand for values of the session, as far as they are some."""
        def value(match):
            try:
                return str(eval(match.group(1), self.user_ns))
            except Exception:
                return match.group()

        command = re.sub(r"(?<![{$])\{([^{}]+)\}(?!\})", value, command)
        return re.sub(r"(?<![\\$])\$(\w+)", lambda match: str(self.user_ns[match.group(1)]) if match.group(1) in self.user_ns else match.group(), command)


def _is_pip(command):
    return bool(re.match(r"\s*(python3?\s+-m\s+)?pip3?\s+install\b[^|;&]*$", command))


def _duration(seconds):
    for size, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= size:
            return "%.3g %s" % (seconds / size, unit)
    return "%.3g ns" % (seconds / 1e-9)


def _note(text):
    print("note: " + text, file=sys.stderr)


def _flush():
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
