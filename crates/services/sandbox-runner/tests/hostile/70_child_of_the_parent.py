# expect: blocked | a child made with CLONE_PARENT belongs to the process outside that forked us: nobody reaps it, and what it leaves keeps the pid namespace alive
# skip-unsandboxed
import ctypes, errno, os

libc = ctypes.CDLL(None, use_errno=True)
clone = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
CLONE_PARENT, SIGCHLD = 0x8000, 17
for _ in range(8):
    pid = libc.syscall(clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    if pid > 0:
        print("ESCAPED: made a child of the process outside")
    else:
        print("blocked", errno.errorcode.get(ctypes.get_errno()))
