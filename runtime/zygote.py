"""The warm interpreter of the sandbox: imports everything once, then forks itself for every run.

Started by the warden as `python3 -I -S zygote.py` inside the read-only root, with a seqpacket socket as
standard input. It says `{"ready": ...}` and is told once what `walls.Plan` needs to know. After that every message
asks for a worker and has descriptors attached: a pidfd of the run's init process, the run's control socket, and the
files through which the worker enters its control groups. It answers with `{"forked": pid}` and later, unasked, `{"exited": pid, "status": n}` (an exit code, or minus a signal).

It must stay single-threaded: a fork of a threaded process may inherit a lock that nobody will ever release.
It runs nobody's code; what does is the child, after `Walls.raise_`.
"""
import array, atexit, ctypes, gc, json, os, select, socket, sys, time


class Arenas(ctypes.Structure):
    """`PyObjectArenaAllocator` of Python's C interface."""
    _fields_ = [("context", ctypes.c_void_p), ("alloc", ctypes.c_void_p), ("free", ctypes.c_void_p)]


class Raw(ctypes.Structure):
    """`PyMemAllocatorEx` of Python's C interface."""
    _fields_ = [(name, ctypes.c_void_p) for name in ("context", "malloc", "calloc", "realloc", "free")]


def gather():
    """Has objects live on the heap, one piece of memory, instead of in pieces of a megabyte between the libraries: only what
    lies together can be in huge pages. Returns what undoes it. The two allocators take the same arguments, but for a size
    at the end that `free` does not look at."""
    before, raw = Arenas(), Raw()
    ctypes.pythonapi.PyObject_GetArenaAllocator(ctypes.byref(before))
    ctypes.pythonapi.PyMem_GetAllocator(0, ctypes.byref(raw))
    ctypes.pythonapi.PyObject_SetArenaAllocator(ctypes.byref(Arenas(raw.context, raw.malloc, raw.free)))
    return lambda: ctypes.pythonapi.PyObject_SetArenaAllocator(ctypes.byref(before))


spread = gather()        # first of all: what is imported next should be on the heap

HOME = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HOME, "/opt/site"]
sys.dont_write_bytecode = True
sys.argv = [""]
# Before pyarrow is imported: its allocator would start a thread, and a fork copies only one.
os.environ["JE_ARROW_MALLOC_CONF"] = "background_thread:false"

import site
site.setquit(); site.setcopyright(); site.sethelper()   # -S leaves these out, and code uses exit()

import egress, walls

# After so many forks, the pages that this process has written to, which are small again, are collapsed into huge ones again.
FORKS_PER_COLLAPSE = 64
OWN = ("cell", "charts", "displays", "egress", "hints", "notebook", "plain", "shell", "spill", "sql", "state", "syntax", "tables", "walls")
N_FDS_MAX = 5


def preload():
    """Imports what analysis code imports, and draws once so that the fonts are loaded."""
    import random, decimal, datetime, csv, re, statistics, io, pathlib, subprocess, tempfile, traceback  # noqa: F401
    import numpy, pandas, duckdb, openpyxl, cloudpickle  # noqa: F401
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plot
    import cell
    cell.open_streams()
    cell.prepare_fonts()
    cell.displays.prepare()
    figure, axes = plot.subplots()
    axes.bar([1, 2], [1, 2]); axes.set_title("预热 warm"); axes.legend(["一"])
    figure.savefig(io.BytesIO(), format="png")
    plot.close("all")
    # Every fork would empty this cache, page by page.
    matplotlib.font_manager._get_font.cache_clear()
    pandas.DataFrame({"a": [1, 1], "b": [1, 2]}).groupby("a").b.sum().to_string()
    return cell


def collapse_pages():
    """Puts the memory that all workers share into huge pages, as far as the kernel does that: a fork copies one entry for
    each page, and the end of a worker takes it back. Of 100 MB, 90 are then in pages of two megabytes."""
    libc = ctypes.CDLL(None)
    madv_collapse, size = 25, 2 << 20
    with open("/proc/self/maps") as maps:
        areas = [line.split() for line in maps]
    for area in areas:
        start, end = (int(edge, 16) for edge in area[0].split("-"))
        start, end = -(-start // size) * size, end // size * size
        if area[1] == "rw-p" and (len(area) == 5 or area[5] == "[heap]") and end > start:
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), madv_collapse)


def n_threads():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("Threads"))


def main():
    warden = socket.socket(fileno=os.dup(0))
    if os.environ.pop("SEPTET_PLAIN", ""):
        walls.hide()
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0); os.close(null)
    began = time.monotonic()
    cell = preload()
    del os.environ["JE_ARROW_MALLOC_CONF"]         # it was read when the library was loaded; code need not see it
    if n_threads() != 1:
        raise SystemExit("the warm interpreter has %d threads and must have one" % n_threads())
    atexit._clear()          # what libraries do at the end of a program is of no use to a worker that is thrown away
    gc.collect(); gc.freeze()
    os.environ.pop("GLIBC_TUNABLES", None)       # meant for this process and its forks, not for programs they start
    spread()
    collapse_pages()
    versions = {name: sys.modules[name].__version__ for name in ("numpy", "pandas", "matplotlib", "duckdb", "openpyxl")}
    warden.send(json.dumps({"ready": {"python": sys.version.split()[0], "packages": versions,
                                      "import_ms": int(1000 * (time.monotonic() - began))}}).encode())
    plan = walls.Plan(json.loads(warden.recv(1 << 16)))
    plan.inherit()
    children: dict[int, int] = {}    # pidfd -> pid
    n_forks = 0
    poll = select.poll()
    poll.register(warden, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd in children:
                poll.unregister(fd)
                pid = children.pop(fd)
                os.close(fd)
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                warden.send(json.dumps({"exited": pid, "status": status}).encode())
                continue
            message, ancillary, _, _ = warden.recvmsg(1 << 16, socket.CMSG_SPACE(N_FDS_MAX * 4), socket.MSG_CMSG_CLOEXEC)
            if not message:
                os._exit(0)          # the warden is gone
            fds = array.array("i")
            for _, _, data in ancillary:
                fds.frombytes(data[:len(data) - len(data) % 4])
            init, control, *groups = fds
            try:
                pid = fork(plan, init, control, groups, cell)
            except OSError as error:
                warden.send(json.dumps({"failed": str(error)}).encode())
                continue
            finally:
                for fd in fds:
                    os.close(fd)
            child = os.pidfd_open(pid)
            children[child] = pid
            poll.register(child, select.POLLIN)
            warden.send(json.dumps({"forked": pid}).encode())
            n_forks += 1
            if n_forks % FORKS_PER_COLLAPSE == 0:
                collapse_pages()


def fork(plan, init, control, groups, cell):
    """Forks a worker into the namespaces of `init`. Returns its pid as seen from here."""
    # Concerns only children, and is never undone: without root there is no way back, and no need for one.
    if not plan.plain:
        walls.join(init, walls.NEWPID)
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        for group in groups:
            os.write(group, b"0")        # ourselves; first, so that all that is ours counts
        # A process group is not held by a pid namespace: signals to it would reach us and every other worker.
        os.setsid()
        if not plan.plain:
            walls.join(init, walls.NEWUSER | walls.NEWNS | walls.NEWNET | walls.NEWIPC | walls.NEWUTS)
        walls.close_all_but(control)
        status = worker(plan, socket.socket(fileno=control), cell)
    except BaseException as error:       # nothing may ever return into the zygote's loop
        try:
            os.write(2, ("sandbox worker: %r\n" % (error,)).encode())
        except OSError:
            pass
    finally:
        os._exit(status)


def worker(plan, control, cell):
    """Parks until the code arrives, raises the walls, runs it."""
    walls.forget_zygote()
    around = walls.Walls(plan)
    interpreter = cell.rehearse()
    control.sendall(b"P")                # parked
    job, out, err = receive(control)
    control.close()
    os.dup2(out, 1); os.dup2(err, 2)
    os.close(out); os.close(err)
    for name in OWN:   # names that the code may want for its own modules
        sys.modules.pop(name)
    sys.path.remove(HOME)
    network = job["network"]
    around.raise_(job["limits"], network)
    if network:
        egress.open_up(network)
    return cell.serve(interpreter, job)


def receive(control):
    """A job: 4 bytes of length with two descriptors attached, then JSON."""
    head, ancillary, _, _ = control.recvmsg(4, socket.CMSG_SPACE(2 * 4))
    if len(head) < 4:
        os._exit(0)                      # never used: the pool is closing
    fds = array.array("i")
    for _, _, data in ancillary:
        fds.frombytes(data)
    size, body = int.from_bytes(head, "little"), bytearray()
    while len(body) < size:
        chunk = control.recv(min(size - len(body), 1 << 16))
        if not chunk:
            os._exit(0)
        body += chunk
    return json.loads(body), fds[0], fds[1]


if __name__ == "__main__":
    main()
