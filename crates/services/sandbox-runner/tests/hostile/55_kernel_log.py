# expect: blocked | log of the kernel and addresses of its symbols
import ctypes, os

libc = ctypes.CDLL(None, use_errno=True)
buffer = ctypes.create_string_buffer(4096)
for action in (3, 10, 9):       # read all, size of the buffer, size unread
    if libc.klogctl(action, buffer, 4096) >= 0:
        print("ESCAPED: kernel log, action", action)
for path in ("/dev/kmsg", "/proc/kmsg", "/proc/kcore", "/proc/vmallocinfo", "/sys/kernel/notes", "/sys/kernel/btf/vmlinux"):
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        print("ESCAPED: opened", path)
    except OSError as error:
        print("blocked", path, error.strerror)
for path in ("/proc/kallsyms", "/proc/modules"):
    try:
        if any(line.split()[0].strip("0") or "0x" in line for line in open(path)):
            print("ESCAPED: addresses in", path)
    except OSError as error:
        print("blocked", path, error.strerror)
