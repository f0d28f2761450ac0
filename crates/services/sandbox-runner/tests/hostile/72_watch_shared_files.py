# expect: blocked | watch files that all sessions share: inotify, directory notifications and leases tell what others do
# bare: escapes
import ctypes, errno, fcntl, os, signal

libc = ctypes.CDLL(None, use_errno=True)
for name, call in (("inotify_init1", lambda: libc.inotify_init1(0)), ("inotify_init", lambda: libc.inotify_init())):
    fd = call()
    if fd >= 0 and libc.inotify_add_watch(fd, b"/usr/bin", 0x21) >= 0:
        print("ESCAPED: watches /usr/bin by", name)
    else:
        print("blocked", name, errno.errorcode.get(ctypes.get_errno()))
signal.signal(signal.SIGIO, signal.SIG_IGN)
folder = os.open("/usr/bin", os.O_RDONLY)
try:
    fcntl.fcntl(folder, fcntl.F_NOTIFY, fcntl.DN_ACCESS | fcntl.DN_MULTISHOT)
    print("ESCAPED: F_NOTIFY")
except OSError as error:
    print("blocked", error.strerror)
for name, number in (("fanotify_init", {"x86_64": 300, "aarch64": 262}[os.uname().machine]),):
    print("blocked" if libc.syscall(number, 0, 0) < 0 else "ESCAPED: " + name)
