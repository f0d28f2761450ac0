# expect: blocked | flush every disk of the machine, or the host's file system behind a read-only mount, again and again
# bare: escapes
import ctypes, errno, os

libc = ctypes.CDLL(None, use_errno=True)
sync, syncfs = {"x86_64": (162, 306), "aarch64": (81, 267)}[os.uname().machine]
print("ESCAPED: sync" if libc.syscall(sync) == 0 else "blocked " + errno.errorcode.get(ctypes.get_errno(), "?"))
for path in ("/usr/bin", "/usr/lib"):
    done = libc.syscall(syncfs, os.open(path, os.O_RDONLY))
    print("ESCAPED: syncfs of " + path if done == 0 else "blocked " + errno.errorcode.get(ctypes.get_errno(), "?"))
os.sync()       # is not allowed to fail, so it must do nothing
