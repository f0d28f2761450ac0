"""Reads a cell as notebooks do: Python, and what notebooks accept beyond it.

Models that know a hosted code interpreter write `%matplotlib inline`, `!ls`, `files = !ls`, `name?`, a fence of Markdown around
the code, or begin with a byte order mark. Python itself decides what is Python: only a line at which it stops is read in
another way, and becomes a call of the shell (`notebook.Shell`) on the same line, so that tracebacks name the right ones.
"""
import ast, re

# None of these looks at a character more than a few times, however long the line is.
_FENCE = re.compile(r"\s*(`{3,}(?!`)|~{3,}(?!~))(.*)")
_PYTHON = {"", "py", "python", "python3", "ipython", "ipython3"}
_CELL = re.compile(r"((?:[ \t]*(?:#[^\n]*)?\n)*)%%([\w!]+)([^\n]*)(?:\n|\Z)")
_SYSTEM = re.compile(r"(\s*)(!!?)(.*)")
_MAGIC = re.compile(r"(\s*)%(?!%)(\w+)(.*)")
_ASSIGNED = re.compile(r"((?:[^=!%'\"(\[]|\[[^\]=!%]*\])+=\s*)([!%])(.*)")
_HELP = re.compile(r"(\s*)\?{0,2}([\w.]+)\?{0,2}\s*")
_OPENS = re.compile(r"((?:[^#'\"]|'[^'\\]*'|\"[^\"\\]*\")*?:\s*)([!%].*)")


def parse(code, name):
    """The tree of a cell. Raises the SyntaxError that Python has about what is left when all else has been understood."""
    whole = code.removeprefix("\ufeff").replace("\r\n", "\n")
    code = _bare(whole)
    cell = _CELL.match(code)
    if cell:
        before, magic, line = cell.groups()
        body = code[cell.end():]
        call = "%sget_ipython().run_cell_magic(%r, %r, %r)" % ("\n" * before.count("\n"), magic, line.strip(), body)
        return compile(call, name, "exec", ast.PyCF_ONLY_AST)
    try:
        return _understood(code.split("\n"), name)
    except SyntaxError:
        fenced = _fenced_lines(whole)
        if fenced is None:
            raise
        return _understood(fenced, name)


def _understood(lines, name):
    while True:
        try:
            return compile("\n".join(lines), name, "exec", ast.PyCF_ONLY_AST)
        except SyntaxError as error:
            if not _understand(lines, (error.lineno or 0) - 1):
                raise


def _fence(line):
    """The mark of a fence that begins or ends with a line, and what is said behind it; None when there is none."""
    match = _FENCE.fullmatch(line)
    if not match or "`" in match.group(2):
        return None, None
    return match.group(1), match.group(2).strip()


def _fenced_lines(code):
    """Only what lies in fences of Python, on the lines where it was: the rest is what somebody says about it."""
    lines, inside, is_python, n_fences = code.split("\n"), None, False, 0
    for number, line in enumerate(lines):
        mark, language = _fence(line)
        if mark and not inside:
            inside, is_python = mark, language.partition(" ")[0].strip("{}").lower() in _PYTHON
            n_fences += is_python
        elif mark and mark.startswith(inside) and not language:
            inside = None
        elif inside and is_python:
            continue
        lines[number] = ""
    return lines if n_fences else None


def _bare(code):
    """Without a fence around all of it, with the line numbers that it had."""
    opening, _, body = code.lstrip().partition("\n")
    mark, _ = _fence(opening)
    if not mark:
        return code
    n_lines = code.count("\n", 0, len(code) - len(body))
    inside, _, last = body.rstrip().rpartition("\n")
    return "\n" * n_lines + (inside if last.strip() == mark else body)


def _understand(lines, number):
    """Writes a line in the words of Python. Whether it was one that could be."""
    if not 0 <= number < len(lines):
        return False
    last = number
    while lines[last].endswith("\\") and last + 1 < len(lines):
        last += 1
    whole = "".join(line.removesuffix("\\") if n < last else line for n, line in enumerate(lines[number:last + 1], number))
    python = _translated(whole)
    if python is None:
        return False
    lines[number:last + 1] = [python] + [""] * (last - number)
    return True


def _translated(line):
    if match := _SYSTEM.fullmatch(line):
        space, kind, command = match.groups()
        return "%sget_ipython().%s(%r)" % (space, "getoutput" if kind == "!!" else "system", command.strip())
    if match := _MAGIC.fullmatch(line):
        space, magic, rest = match.groups()
        return "%sget_ipython().run_line_magic(%r, %r)" % (space, magic, rest.strip())
    if match := _ASSIGNED.fullmatch(line):
        left, kind, rest = match.groups()
        if kind == "!":
            return "%sget_ipython().getoutput(%r)" % (left, rest.strip())
        magic, _, rest = rest.strip().partition(" ")
        return "%sget_ipython().run_line_magic(%r, %r)" % (left, magic, rest.strip())
    if "?" in line and (match := _HELP.fullmatch(line)):
        return "%sget_ipython().run_line_magic('pinfo', %r)" % match.groups()
    if match := _OPENS.fullmatch(line):
        rest = _translated(match.group(2))
        return None if rest is None else match.group(1) + rest
    return None
