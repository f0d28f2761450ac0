# expect: blocked | io_uring, which does what a filter of system calls does not see
import ctypes, errno

libc = ctypes.CDLL(None, use_errno=True)
params = ctypes.create_string_buffer(120)
for name, call in (
    ("setup", lambda: libc.syscall(425, 8, params)),
    ("enter", lambda: libc.syscall(426, -1, 0, 0, 0, None, 0)),
    ("register", lambda: libc.syscall(427, -1, 0, None, 0)),
):
    if call() >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
        print("ESCAPED: io_uring", name, errno.errorcode.get(ctypes.get_errno()))
    else:
        print("blocked", name)
