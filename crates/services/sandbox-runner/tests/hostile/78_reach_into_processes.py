# expect: blocked | descriptors and memory of other processes by way of pidfd_getfd, kcmp, process_madvise, move_pages, a new dumpable flag
# skip-unsandboxed
import ctypes, errno, os

libc = ctypes.CDLL(None, use_errno=True)
kcmp, move_pages = {"x86_64": (312, 279), "aarch64": (272, 239)}[os.uname().machine]
seen = [int(name) for name in os.listdir("/proc") if name.isdigit()]
for pid in {1, os.getppid(), *seen} - {0}:
    try:
        pidfd = os.pidfd_open(pid)
    except OSError as error:
        print("blocked", pid, error.strerror)
        continue
    for name, call in (
        ("pidfd_getfd", lambda: libc.syscall(438, pidfd, 0, 0)),
        ("process_madvise", lambda: libc.syscall(440, pidfd, None, ctypes.c_size_t(0), 21, 0)),
        ("process_mrelease", lambda: libc.syscall(448, pidfd, 0)),
        ("kcmp", lambda: libc.syscall(kcmp, pid, pid, 1, 0, 0)),
        ("move_pages", lambda: libc.syscall(move_pages, pid, ctypes.c_ulong(0), None, None, None, 0)),
    ):
        if call() >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
            print("ESCAPED:", name, pid, errno.errorcode.get(ctypes.get_errno()))
print("done")
