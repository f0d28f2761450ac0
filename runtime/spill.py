"""A result of SQL that has more rows than are shown, as files: result-1.csv and, where pyarrow is there, result-1.arrow.

Rows go through in pieces, so that a result may be larger than the memory of the run.
"""
import csv, datetime, decimal, json, os
from typing import Any

CHUNK = 5000


def write(connection, first):
    """Writes the rows `first` and all that follow. Returns how many there are, and the names of the files; none when there
    was no space."""
    columns = [c[0] for c in connection.description]
    kinds = [str(c[1]) for c in connection.description]
    number = 1
    while any(os.path.lexists("/session/result-%d.%s" % (number, end)) for end in ("csv", "arrow")):
        number += 1
    writers = [_Csv("result-%d.csv" % number, columns), _Arrow("result-%d.arrow" % number, columns, kinds)]
    n_rows, rows = 0, first
    while rows:
        n_rows += len(rows)
        for writer in writers:
            writer.add(rows)
        rows = connection.fetchmany(CHUNK)
    return n_rows, [writer.name for writer in writers if writer.close()]


class _File:
    """A file that is there in whole or not at all."""

    def __init__(self, name):
        self.name, self.path, self.is_good = name, "/session/" + name, True

    def add(self, rows):
        if self.is_good:
            self._try(lambda: self._add(rows))

    def _add(self, rows):
        raise NotImplementedError

    def _close(self):
        raise NotImplementedError

    def close(self):
        if self.is_good:
            self._try(self._close)
        return self.is_good

    def _try(self, action):
        try:
            action()
        except Exception:           # no space, or values that the format has no word for
            self.is_good = False
            try:
                os.remove(self.path)
            except OSError:
                pass


class _Csv(_File):
    def __init__(self, name, columns):
        super().__init__(name)
        self.columns = columns
        self.file: Any = None

    def _add(self, rows):
        if self.file is None:
            self.file = open(self.path, "w", encoding="utf-8", errors="backslashreplace", newline="")
            self.writer = csv.writer(self.file)
            self.writer.writerow(self.columns)
        self.writer.writerows([_cell(value) for value in row] for row in rows)

    def _close(self):
        self.file.close()


class _Arrow(_File):
    def __init__(self, name, columns, kinds):
        super().__init__(name)
        self.columns, self.kinds, self.schema = columns, kinds, None

    def _add(self, rows):
        import pyarrow
        if self.schema is None:
            types = [_type(pyarrow, kind) for kind in self.kinds]
            arrays = [pyarrow.array(column, t) for column, t in zip(zip(*rows), types)]
            self.schema = pyarrow.schema([pyarrow.field(n, a.type) for n, a in zip(self.columns, arrays)])
            self.writer = pyarrow.ipc.new_file(self.path, self.schema)
        arrays = [pyarrow.array(column, field.type) for column, field in zip(zip(*rows), self.schema)]
        self.writer.write_batch(pyarrow.record_batch(arrays, schema=self.schema))

    def _close(self):
        self.writer.close()


def _type(pyarrow, kind):
    """The Arrow type of one of DuckDB's; None leaves it to the values."""
    if kind.startswith("DECIMAL("):
        width, scale = kind[8:-1].split(",")
        return pyarrow.decimal128(int(width), int(scale))
    return {
        "BOOLEAN": pyarrow.bool_(), "TINYINT": pyarrow.int8(), "SMALLINT": pyarrow.int16(), "INTEGER": pyarrow.int32(),
        "BIGINT": pyarrow.int64(), "UTINYINT": pyarrow.uint8(), "USMALLINT": pyarrow.uint16(), "UINTEGER": pyarrow.uint32(),
        "UBIGINT": pyarrow.uint64(), "HUGEINT": pyarrow.decimal128(38, 0), "FLOAT": pyarrow.float32(),
        "DOUBLE": pyarrow.float64(), "VARCHAR": pyarrow.string(), "BLOB": pyarrow.binary(), "DATE": pyarrow.date32(),
        "TIME": pyarrow.time64("us"), "TIMESTAMP": pyarrow.timestamp("us"),
        "TIMESTAMP WITH TIME ZONE": pyarrow.timestamp("us", "UTC"),
    }.get(kind)


def _cell(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    return value
