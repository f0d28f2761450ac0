"""What code that was written for a notebook imports from IPython, which is not here: display() and its wrappers."""
import base64, sys, types


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


def install(display):
    """Called once, in the zygote."""
    package, module = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    # What libraries ask to find out whether they run in a notebook.
    package.get_ipython = lambda: None
    package.version_info, package.__version__, package.__path__ = (9, 0, 0, ""), "9.0.0", []
    for name, mime in (("HTML", "text/html"), ("Markdown", "text/markdown"), ("Latex", "text/latex"), ("Math", "text/latex"),
                       ("SVG", "image/svg+xml"), ("JSON", "application/json"), ("Pretty", "text/plain")):
        setattr(module, name, _kind(name, mime))
    module.Image, module.display = Image, display
    module.clear_output = lambda *args, **kwargs: None
    package.display = module
    sys.modules["IPython"], sys.modules["IPython.display"] = package, module
