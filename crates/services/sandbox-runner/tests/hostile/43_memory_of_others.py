# expect: blocked | memory of the parent, of process 1, of everything that is seen: /proc/<pid>/mem and process_vm_readv
# skip-unsandboxed
import ctypes, os

libc = ctypes.CDLL(None, use_errno=True)
readv, writev = {"x86_64": (310, 311), "aarch64": (270, 271)}[os.uname().machine]


class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


buffer = ctypes.create_string_buffer(8)
mine, theirs = Part(ctypes.addressof(buffer), 8), Part(0x400000, 8)
seen = [int(name) for name in os.listdir("/proc") if name.isdigit()]
for pid in {1, os.getppid(), *seen} - {0, os.getpid()}:
    for flags in (os.O_RDONLY, os.O_RDWR):
        try:
            os.close(os.open("/proc/%d/mem" % pid, flags))
            print("ESCAPED: opened the memory of", pid)
        except OSError:
            pass
    for name, number in (("process_vm_readv", readv), ("process_vm_writev", writev)):
        size = libc.syscall(number, pid, ctypes.byref(mine), ctypes.c_ulong(1), ctypes.byref(theirs), ctypes.c_ulong(1), ctypes.c_ulong(0))
        if size >= 0 or ctypes.get_errno() == 14:      # EFAULT: allowed, and there was nothing at this address
            print("ESCAPED:", name, "on", pid)
print("done")
