"""What an error of the sandbox means for whoever wrote the code, said beside Python's own words."""
import errno, os

# What code reaches for that is not here, and what does the same.
_INSTEAD = {
    "cv2": "PIL and skimage read and change pictures", "torch": "scikit-learn, xgboost and lightgbm are there",
    "tensorflow": "scikit-learn, xgboost and lightgbm are there", "keras": "scikit-learn is there",
    "transformers": "scikit-learn and jieba are there", "prophet": "statsmodels forecasts too", "fitz": "pypdf and pdfplumber read PDF",
    "pymupdf": "pypdf and pdfplumber read PDF", "PyPDF2": "pypdf is its successor", "fpdf": "reportlab writes PDF",
    "bokeh": "plotly, pyecharts and matplotlib draw", "altair": "plotly, pyecharts and matplotlib draw",
    "pyogrio": "geopandas reads no files here; GeoDataFrame.from_features takes what json has read",
    "xlwt": "openpyxl and xlsxwriter write .xlsx", "numba": "numpy and scipy are there",
}


def add(error, limits):
    """Puts the hint into the notes of the error, which tracebacks end with. Returns it, or nothing."""
    hint = _about(error, limits)
    if hint and hasattr(error, "add_note"):
        error.add_note("note: " + hint)
    return hint


def _about(error, limits):
    if isinstance(error, ModuleNotFoundError) and error.name:
        name = error.name.partition(".")[0]
        instead = "; " + _INSTEAD[name] if name in _INSTEAD else ""
        how = "%pip install may bring it" if "PIP_USER" in os.environ else "it cannot be installed, for there is no network"
        return "%s is not in this sandbox, and %s%s" % (name, how, instead)
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return ("a file in this sandbox can have at most %s; write fewer rows or columns, several files, or a compressed "
                "format such as Parquet" % _size(limits["file_bytes"]))
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the files of this session can have at most %s together; delete some, or write less" % _size(_room())
    return None


def _room():
    try:
        status = os.statvfs("/session")
        return status.f_blocks * status.f_frsize
    except OSError:
        return 0


def _size(n_bytes):
    return "%d MiB" % (n_bytes >> 20) if n_bytes >= 1 << 20 else "%d bytes" % n_bytes
