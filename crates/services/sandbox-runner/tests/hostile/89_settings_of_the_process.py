# expect: blocked | settings of the process that weaken the walls: personality, keeping capabilities, securebits, ambient capabilities, a filter that is taken back
import ctypes, os

libc = ctypes.CDLL(None, use_errno=True)
if libc.personality(0x0040000) >= 0 and libc.personality(0xFFFFFFFF) & 0x0040000:
    print("ESCAPED: addresses are no longer random")
for name, arguments in (
    ("no_new_privs taken back", (38, 0, 0, 0, 0)), ("securebits", (28, 1, 0, 0, 0)), ("ambient capability", (47, 2, 21, 0, 0)), ("seccomp off", (22, 0, 0, 0, 0)),
    ("memory map", (35, 1, 4096, 0, 0)),
):
    if libc.prctl(*[ctypes.c_ulong(argument) for argument in arguments]) == 0:
        print("ESCAPED:", name)
header, everything = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(*[0xFFFFFFFF] * 6)
if libc.capset(header, everything) == 0:
    print("ESCAPED: capset")
for name in ("setuid", "setgid", "seteuid", "setegid", "setfsuid"):
    getattr(libc, name)(0)
if 0 in os.getresuid() + os.getresgid() or set(os.getgroups()) - {os.getgid()}:
    print("ESCAPED:", os.getresuid(), os.getresgid(), os.getgroups())
print("done")
