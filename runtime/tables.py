"""Tables as JSON, of pandas and of SQL: {columns, rows, n_rows, truncated} and, where the rows have labels that say more than
their number does, {index, index_names}. As many rows as fit.
"""
import json

from plain import plain, text

JSON_MAX = 1 << 20
ROWS_MAX = 1000
CELLS_MAX = 200_000


def plain_table(frame):
    """A data frame of pandas. None when not even its columns fit."""
    n_columns = frame.shape[1]
    if n_columns > CELLS_MAX:
        return None
    head = frame.iloc[:min(ROWS_MAX, CELLS_MAX // max(n_columns, 1))]
    # By position, for names need not be unique; cell by cell, for one odd value must not cost the rest.
    columns = [[plain(value) for value in _values(head.iloc[:, n])] for n in range(n_columns)]
    rows = [list(row) for row in zip(*columns)] if columns else [[] for _ in range(len(head))]
    table = {"columns": [text(name) for name in frame.columns]}
    if _says_something(frame.index):
        table["index_names"] = [None if name is None else text(name) for name in frame.index.names]
        labels = [plain(label) for label in _values(head.index)]
    else:
        labels = None
    return fitting(table, rows, len(frame), labels)


def fitting(table, rows, n_rows, labels=None):
    """Completes a table with as many of the rows as fit. None when nothing does."""
    n_kept = len(rows)
    while True:
        table["rows"] = rows[:n_kept]
        if labels is not None:
            table["index"] = labels[:n_kept]
        if len(json.dumps(table, ensure_ascii=False, default=text)) <= JSON_MAX:
            break
        if n_kept == 0:
            return None
        n_kept //= 2
    table["n_rows"], table["truncated"] = n_rows, n_rows > n_kept
    return table


def _values(column):
    try:
        return column.tolist()
    except Exception:
        return list(column)


def _says_something(index):
    """Whether the labels of rows are not simply their numbers from 0 on."""
    return not (type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1 and index.name is None)
