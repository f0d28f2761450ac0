"""The nearest value that JSON has a word for, for every value that code can come up with.

JSON knows neither NaN nor dates, periods, bytes or sets; a reader that keeps to its standard refuses a whole answer for one of
them. What is missing or no number is null, what is a time or an amount of it is text as the ISO writes it, and what JSON has
nothing for is the text that `print` would show. Nothing in here raises: one odd cell must not cost a table.
"""
import datetime, decimal
from typing import Any

DEPTH_MAX = 8            # lists in lists; what is deeper, or contains itself, is text
ITEMS_MAX = 1000         # of one list or dict
TEXT_MAX = 64 << 10
_EXACT = 1 << 53         # from here on a float has no room for every whole number
_INTEGER = 1 << 63       # what other languages read as a whole number


def plain(value, depth=0):
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is str:
        return value if len(value) <= TEXT_MAX else value[:TEXT_MAX] + "… (cut)"
    if kind is int:
        return value if -_INTEGER <= value < 2 * _INTEGER else str(value)
    if kind is float:
        return value if value - value == 0 else None
    try:
        return _other(value, kind, depth)
    except BaseException:
        return text(value)


def text(value):
    """What `print` would show, whatever the class of the value does."""
    try:
        shown = str(value)
        return shown if len(shown) <= TEXT_MAX else shown[:TEXT_MAX] + "… (cut)"
    except BaseException:
        return "<%s>" % type(value).__name__


def _other(value, kind, depth):
    if kind.__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, decimal.Decimal):
        if not value.is_finite():
            return None
        return int(value) if abs(value) < _EXACT and value == value.to_integral_value() else plain(float(value))
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.isoformat() if hasattr(value, "isoformat") else str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, (str, int, float)):
        base: Any = next(base for base in (bool, int, float, str) if isinstance(value, base))
        return plain(base.__new__(base, value), depth)
    if kind.__module__ == "numpy":
        return _of_numpy(value, depth)
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        if depth == DEPTH_MAX or len(value) > ITEMS_MAX:
            return text(value)
        if isinstance(value, dict):
            return {key if type(key) is str else text(key): plain(item, depth + 1) for key, item in value.items()}
        return [plain(item, depth + 1) for item in value]
    return text(value)


def _of_numpy(value, depth):
    if value.dtype.kind in "mM":
        return None if str(value) == "NaT" else str(value) if value.ndim == 0 else [plain(v, depth + 1) for v in value]
    if value.ndim and (value.size > ITEMS_MAX or depth == DEPTH_MAX):
        return text(value)
    inner = value.tolist()       # of one value: itself, as Python has it, where Python has it
    return text(inner) if type(inner) is type(value) else plain(inner, depth)
