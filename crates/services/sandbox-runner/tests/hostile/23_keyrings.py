# expect: blocked | kernel keyrings are shared by everything of one user id
# bare: escapes
import ctypes, errno, os

libc = ctypes.CDLL(None, use_errno=True)
add_key, request_key, keyctl = {"x86_64": (248, 249, 250), "aarch64": (217, 218, 219)}[os.uname().machine]
PROCESS, USER, GET_ID, JOIN_SESSION = -2, -4, 0, 1
for name, call in (
    ("add_key", lambda: libc.syscall(add_key, b"user", b"septet", b"x", ctypes.c_size_t(1), PROCESS)),
    ("request_key", lambda: libc.syscall(request_key, b"user", b"septet", None, PROCESS)),
    ("keyctl user keyring", lambda: libc.syscall(keyctl, GET_ID, USER, 1)),
    ("keyctl join session", lambda: libc.syscall(keyctl, JOIN_SESSION, None)),
):
    if call() >= 0:
        print("ESCAPED:", name)
    elif ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
        print("ESCAPED: reached the kernel:", name, errno.errorcode.get(ctypes.get_errno()))
    else:
        print("blocked", name)
