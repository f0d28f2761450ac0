"""SQL over the files of the session, with DuckDB inside the worker.

`SELECT * FROM 'report.csv'` reads a file by its name; an Excel file is read by its name too (its first sheet).
DuckDB's own lock (no network, no extensions, only /session) is a second wall: the first is the sandbox.
Several statements run in order; the last one that gives rows gives the result.
"""
import os, re, unicodedata

import spill, tables
import plain as words
from plain import plain

ROWS_MAX = tables.ROWS_MAX
SHOWN_MAX = 40           # in the text
CELL_MAX = 60


def run(interpreter, code):
    connection = interpreter.connection()
    # A kept interpreter keeps its tables; spreadsheets are read anew, since they may have changed.
    code = _register_spreadsheets(connection, code)
    result = None
    for statement in connection.extract_statements(code):
        connection.execute(statement)
        if connection.description:
            columns = [c[0] for c in connection.description]
            rows = connection.fetchmany(ROWS_MAX + 1)
            n_rows, files = spill.write(connection, rows) if len(rows) > ROWS_MAX else (len(rows), [])
            result = (columns, rows[:ROWS_MAX], n_rows, files)
    if result is None:
        return {"text": "done, no rows"}
    columns, rows, n_rows, files = result
    text = table(columns, [[_text(v) for v in row] for row in rows[:SHOWN_MAX]])
    if n_rows > SHOWN_MAX:
        where = "; all of them in %s" % " and ".join(files) if files else ""
        text += "(%d rows, %d shown%s)\n" % (n_rows, SHOWN_MAX, where)
    else:
        text += "(%d row%s)\n" % (n_rows, "" if n_rows == 1 else "s")
    json = tables.fitting({"columns": columns}, [[plain(v) for v in row] for row in rows], n_rows)
    return {"text": text} if json is None else {"text": text, "json": json}


def connect(memory_bytes):
    import duckdb
    connection = duckdb.connect(":memory:", config={
        "autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "allow_community_extensions": "false"})
    memory = max(64, memory_bytes * 6 // 10 >> 20)
    for setting in ("SET threads=2", "SET memory_limit='%dMB'" % memory, "SET temp_directory=''",
                    "SET python_enable_replacements=false",
                    "SET allowed_directories=['/session/']", "SET enable_external_access=false", "SET lock_configuration=true"):
        connection.execute(setting)
    return connection


def _register_spreadsheets(connection, code):
    """DuckDB's wheel has no Excel reader: a quoted name of a spreadsheet becomes a table read by pandas."""
    number = 0
    for name in dict.fromkeys(re.findall(r"""['"]([^'"]+\.xlsx?m?)['"]""", code, re.I)):
        path = os.path.join("/session", name)
        if not os.path.isfile(path):
            continue
        import pandas
        frame = pandas.read_excel(path)
        table_name = "spreadsheet_%d" % (number := number + 1)
        connection.register(table_name + "_frame", frame)
        connection.execute('CREATE OR REPLACE TABLE %s AS SELECT * FROM %s_frame' % (table_name, table_name))
        connection.unregister(table_name + "_frame")
        quoted = r"""['"]%s['"]""" % re.escape(name)
        code = re.sub(r"(?i)read_xlsx\s*\(\s*%s\s*\)" % quoted, table_name, code)
        code = re.sub(quoted, table_name, code)
    return code


def table(columns, rows):
    """Columns padded by what a terminal shows: a Chinese character is two cells wide."""
    cells = [columns, *rows]
    widths = [max(_width(row[i]) for row in cells) for i in range(len(columns))]
    lines = [" | ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths)).rstrip() for row in cells]
    lines.insert(1, "-+-".join("-" * width for width in widths))
    return "\n".join(lines) + "\n"


def _width(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _text(value):
    text = "NULL" if value is None else words.text(value)
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= CELL_MAX else text[:CELL_MAX - 1] + "…"
