"""The variables of an interpreter as a file, and back: how a session is forked.

A process that has given up its privileges cannot be copied into walls of its own, so what is copied is what it knows. Values go
through cloudpickle: modules by name, functions and classes of the session by their code. What has no copy (open files,
connections, threads, generators) stays behind, and its names are told.

The file is made and read inside the sandbox only.
"""
import io, os, pickle

PATH = "/session/.septet/state"
_OWN = {"__name__", "__doc__", "__package__", "__loader__", "__spec__", "__builtins__", "__file__"}


def save(interpreter):
    """Writes the file. The names of what was left behind are the result."""
    scope = interpreter.main.__dict__
    values = {name: value for name, value in scope.items() if name not in _OWN}
    tables = _tables(interpreter.database)
    os.makedirs(os.path.dirname(PATH), exist_ok=True)
    left = []
    while True:
        try:
            with open(PATH, "wb") as file:
                _pickler(scope, file).dump((values, tables))
            break
        except OSError:
            raise
        except BaseException:
            # One at a time now, to find out which.
            bad = [name for name, value in values.items() if not _has_copy(scope, value)]
            if not bad:
                raise
            left += bad
            for name in bad:
                del values[name]
    left.sort()
    return {"text": "", "json": {"left": left}}


def load(interpreter):
    """Reads the file and removes it."""
    scope = interpreter.main.__dict__

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, _):
            return scope

    with open(PATH, "rb") as file:
        values, tables = Unpickler(file).load()
    os.remove(PATH)
    scope.update(values)
    if tables:
        database = interpreter.connection()
        for name, frame in tables.items():
            database.register("septet_copied", frame)
            database.execute('CREATE TABLE "%s" AS SELECT * FROM septet_copied' % name.replace('"', '""'))
            database.unregister("septet_copied")


def _pickler(scope, file):
    import cloudpickle

    # Functions share the variables of the session, and must share those of the new one.
    stand_in = {"__name__": "__main__"}

    class Pickler(cloudpickle.Pickler):
        def persistent_id(self, value):
            return "main" if value is stand_in or value is scope else None

    pickler = Pickler(file, protocol=5)
    pickler.globals_ref[id(scope)] = stand_in
    return pickler


def _has_copy(scope, value):
    try:
        _pickler(scope, io.BytesIO()).dump(value)
        return True
    except BaseException:
        return False


def _tables(database):
    if database is None:
        return {}
    names = database.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary").fetchall()
    return {name: database.execute('SELECT * FROM "%s"' % name.replace('"', '""')).fetchdf() for (name,) in names}
