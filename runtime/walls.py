"""The last walls, raised by the worker around itself after the fork.

Namespaces, mounts and memory limits are made by the warden, in Rust, before. What only the process itself can
do is here: join the namespaces, limit resources, give up every privilege, filter system calls. The order
matters: what needs a privilege comes before the privileges go, and the filter comes last.

Every step raises when it fails, except Landlock, which old kernels do not have.
"""
import ctypes, os, resource, struct, sys

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_PR_SET_DUMPABLE, _PR_CAPBSET_READ, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 4, 23, 24, 38, 22
_PR_SET_CHILD_SUBREAPER = 36
# The agent and what belongs to it, which count towards the limit of their user too.
PLAIN_PROCESSES = 16
# What code may read of a container: not the agent's folder, of /proc only itself, and of /sys only what libraries size
# themselves by (DuckDB ends the process when it sees its control group and cannot read it).
PLAIN_READABLE = ("/usr", "/bin", "/lib", "/lib64", "/etc", "/opt", "/dev", "/proc/self", "/sys/fs/cgroup", "/sys/devices/system/cpu")
# The same numbers on x86-64 and aarch64.
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446


def _check(result, what):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, "%s: %s" % (what, os.strerror(code)))
    return result


def _prctl(*args):
    return _libc.prctl(*[ctypes.c_ulong(a) for a in (list(args) + [0] * 5)[:5]])


def join(fd, namespaces):
    _check(_libc.setns(ctypes.c_int(fd), ctypes.c_int(namespaces)), "setns")


def close_all_but(keep):
    os.closerange(3, keep)
    os.closerange(keep + 1, 4096)


def hide():
    """From other processes of the same user: no tracing, no reading of memory or environment."""
    _check(_prctl(_PR_SET_DUMPABLE, 0), "dumpable")


def forget_zygote():
    """A fork shares its parent's random state; without this every run would draw the same numbers. Python sees to its own."""
    numpy = sys.modules.get("numpy")
    if numpy:
        numpy.random.seed(int.from_bytes(os.urandom(4), "little"))


class Plan:
    """What is the same for all workers, made in the zygote."""

    def __init__(self, spec):
        """`spec`: uid, map_groups, plain (whether a container is the only wall around us), seccomp programs (hex):
        `inherited`, which the zygote can live with, `own` and, for sessions that have egress, `own_with_egress`."""
        self.plain, self.uid, self.map_groups = spec["plain"], spec["uid"], spec["map_groups"]
        self.inherited, self.own, self.own_with_egress = (
            [_filter(bytes.fromhex(program)) for program in spec[name]]
            for name in ("inherited", "own", "own_with_egress"))
        self.n_capabilities = next(n for n in range(65) if _prctl(_PR_CAPBSET_READ, n) < 0)

    def inherit(self):
        """Raises what workers need not raise again: the kernel translates a filter for every process that installs it, and
        hands it on to forks for nothing."""
        _check(_prctl(_PR_SET_NO_NEW_PRIVS, 1), "no_new_privs")
        _install(self.inherited)


class Walls:
    """The last walls of one worker: what needs neither the job nor its session folder is done while it is parked."""

    def __init__(self, plan):
        self.plan = plan
        os.umask(0o022)
        for name, value in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_NOFILE, 256),
            (resource.RLIMIT_MEMLOCK, 0),
            (resource.RLIMIT_MSGQUEUE, 0),
            (resource.RLIMIT_SIGPENDING, 1024),   # memory of the kernel: signals that wait, timers
            (resource.RLIMIT_NICE, 0),
            (resource.RLIMIT_RTPRIO, 0),
        ):
            resource.setrlimit(name, (value, value))
        if plan.plain:
            # Orphans stay below us, where they are found, and the kernel kills us before the agent when memory runs out.
            _check(_prctl(_PR_SET_CHILD_SUBREAPER, 1), "subreaper")
            # The files in /proc of a process that is not dumpable belong to root, so we are dumpable for a moment, before any code runs.
            _prctl(_PR_SET_DUMPABLE, 1)
            with open("/proc/self/oom_score_adj", "w") as score:
                score.write("1000")
            hide()
        for capability in range(plan.n_capabilities):
            _prctl(_PR_CAPBSET_DROP, capability)
        uid = plan.uid
        if plan.map_groups:
            os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        _check(_libc.capset(ctypes.byref((ctypes.c_uint32 * 2)(0x20080522, 0)), ctypes.byref((ctypes.c_uint32 * 6)())), "capset")
        self.landlock = Landlock(PLAIN_READABLE if plan.plain else ("/",))

    def raise_(self, limits, network=None):
        """Around the code to come. `limits`: file_bytes, n_processes, and cpu_s and address_bytes or null. `network`: the
        port of the egress, and whether nothing but Landlock keeps code from others; in a session that has one."""
        os.chdir("/session")
        for name, value in (
            (resource.RLIMIT_NPROC, limits["n_processes"] + (PLAIN_PROCESSES if self.plan.plain else 0)),
            (resource.RLIMIT_FSIZE, limits["file_bytes"]),
            (resource.RLIMIT_CPU, limits["cpu_s"]),
            (resource.RLIMIT_AS, limits["address_bytes"]),
        ):
            if value is not None:
                resource.setrlimit(name, (value, value))
        try:
            os.nice(5)                    # the service itself stays responsive
        except OSError:
            pass
        _prctl(_PR_SET_DUMPABLE, 0)
        self.landlock.write_to("/session")
        if network:
            self.landlock.connect_to(network["port"], network["must_fence"])
        self.landlock.close()
        _install(self.plan.own_with_egress if network else self.plan.own)


def _install(filters):
    for _, header in filters:
        _check(_libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(2), ctypes.c_char_p(header), 0, 0), "seccomp")


def _filter(program):
    code = ctypes.create_string_buffer(program, len(program))
    return code, struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(code))


class Landlock:
    """A second wall around files, TCP, signals and abstract sockets, as far as this kernel has it."""

    def __init__(self, readable):
        self.ruleset = None
        abi = _libc.syscall(ctypes.c_long(_LANDLOCK_CREATE), None, ctypes.c_size_t(0), ctypes.c_uint32(1))
        if abi < 1:
            return
        execute, write_file, read_file, read_dir = 1, 2, 4, 8
        devices = (1 << 6) | (1 << 11)                       # make character and block devices: never
        everything = (1 << 13) - 1
        if abi >= 2: everything |= 1 << 13                   # rename across directories
        if abi >= 3: everything |= 1 << 14                   # truncate
        if abi >= 5: everything |= 1 << 15                   # ioctl on devices
        net = 3 if abi >= 4 else 0                           # bind and connect over TCP
        scope = 3 if abi >= 6 else 0                         # abstract unix sockets, signals
        attributes = struct.pack("<QQQ", everything, net, scope)[:8 if abi < 4 else 16 if abi < 6 else 24]
        ruleset = _libc.syscall(ctypes.c_long(_LANDLOCK_CREATE), ctypes.c_char_p(attributes), ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
        if ruleset < 0:
            return
        self.ruleset = ruleset
        self.writing = everything & ~devices
        self.net = net
        files = everything & (execute | write_file | read_file | (1 << 14) | (1 << 15))
        for path in readable:
            if os.path.exists(path):
                self._allow(path, execute | read_file | read_dir)
        for path in ("/tmp", "/var/tmp", "/dev/shm", "/run/report"):
            self.write_to(path)
        for path in ("/dev/null", "/dev/zero", "/dev/full"):
            self._allow(path, files)

    def write_to(self, path):
        if self.ruleset is not None:
            self._allow(path, self.writing)

    def connect_to(self, port, must_fence):
        """Listening stays forbidden."""
        if self.ruleset is None or not self.net:
            if must_fence:
                raise OSError("this kernel has no Landlock for TCP")
        else:
            rule = struct.pack("<QQ", 2, port)
            _check(_libc.syscall(ctypes.c_long(_LANDLOCK_ADD), ctypes.c_int(self.ruleset), ctypes.c_int(2), ctypes.c_char_p(rule), ctypes.c_uint32(0)), "landlock port")

    def _allow(self, path, rights):
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            assert self.ruleset is not None
            rule = struct.pack("<Qi", rights, fd)
            _check(_libc.syscall(ctypes.c_long(_LANDLOCK_ADD), ctypes.c_int(self.ruleset), ctypes.c_int(1), ctypes.c_char_p(rule), ctypes.c_uint32(0)), "landlock " + path)
        finally:
            os.close(fd)

    def close(self):
        """From here on the rules hold, for this process and all that come from it."""
        if self.ruleset is not None:
            _check(_libc.syscall(ctypes.c_long(_LANDLOCK_RESTRICT), ctypes.c_int(self.ruleset), ctypes.c_uint32(0)), "landlock")
            os.close(self.ruleset)
