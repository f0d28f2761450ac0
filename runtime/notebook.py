"""What code that was written for a notebook imports from IPython, which is not here: display() and its wrappers."""
import base64, builtins, sys, types
from typing import Any

import shell


class _Wrapped:
    """Content that says itself what it is."""
    MIME = "text/plain"

    def __init__(self, data=None, url=None, filename=None, **_):
        path = filename or (data if self._is_path(data) else None)
        if path is not None:
            with open(path, "rb") as file:
                data = file.read()
        if data is None:
            raise ValueError("there is no network to load %s from" % url if url else "give the data or a filename")
        self.data = data

    @staticmethod
    def _is_path(data):
        return False

    def _content(self):
        return self.data.decode("utf-8", "replace") if isinstance(self.data, bytes) else self.data

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {self.MIME: self._content()}

    def __repr__(self):
        return "<%s>" % type(self).__name__


def _kind(name, mime):
    return type(name, (_Wrapped,), {"MIME": mime, "__module__": "IPython.display"})


class Image(_Wrapped):
    """A picture: its bytes, or the name of its file."""

    @staticmethod
    def _is_path(data):
        return isinstance(data, str)

    def _repr_mimebundle_(self, include=None, exclude=None):
        mime = "image/jpeg" if self.data.startswith(b"\xff\xd8") else "image/png"
        return {mime: base64.b64encode(self.data).decode()}


_shell = None


def install(display):
    """Called once, in the zygote."""
    package: Any = types.ModuleType("IPython")
    module: Any = types.ModuleType("IPython.display")
    package.get_ipython = _get_ipython
    package.version_info, package.__version__, package.__path__ = (9, 0, 0, ""), "9.0.0", []
    for name, mime in (("HTML", "text/html"), ("Markdown", "text/markdown"), ("Latex", "text/latex"), ("Math", "text/latex"),
                       ("SVG", "image/svg+xml"), ("JSON", "application/json"), ("Pretty", "text/plain")):
        setattr(module, name, _kind(name, mime))
    module.Image, module.display = Image, display
    module.clear_output = lambda *args, **kwargs: None
    package.display = module
    sys.modules["IPython"], sys.modules["IPython.display"] = package, module
    # Code that was written for a loop that runs already asks for this; here none does.
    nested: Any = types.ModuleType("nest_asyncio")
    nested.apply = lambda loop=None: None
    sys.modules["nest_asyncio"] = nested
    builtins.input = _input


def begin(scope, run, show):
    """An interpreter begins, whose variables are `scope`, which runs cells by `run` and shows content of a type by `show`."""
    global _shell
    _shell = shell.Shell(scope, run, show)
    vars(builtins).update(get_ipython=lambda: _shell)


def _get_ipython():
    """For the code of a cell. Libraries ask to find out whether they run in a notebook, and then expect one."""
    return _shell if sys._getframe(1).f_globals.get("__name__") == "__main__" else None


def _input(prompt=""):
    raise EOFError("nobody is there to type: code in the sandbox runs to its end by itself; put the value into the code")
