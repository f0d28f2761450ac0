# expect: blocked | deadlines, real-time classes, priority of disk access, and the priority of everybody else in the process group
# skip-unsandboxed
import ctypes, errno, os, struct

libc = ctypes.CDLL(None, use_errno=True)
setattr_, ioprio_set = {"x86_64": (314, 251), "aarch64": (274, 30)}[os.uname().machine]
SIZE, DEADLINE, FIFO, RR = 48, 6, 1, 2
for name, policy, priority, runtime in (("deadline", DEADLINE, 0, 10_000_000), ("fifo", FIFO, 1, 0), ("round robin", RR, 1, 0)):
    wanted = ctypes.create_string_buffer(struct.pack("<IIQiIQQQ", SIZE, policy, 0, 0, priority, runtime, 30_000_000, 30_000_000), SIZE)
    if libc.syscall(setattr_, 0, wanted, 0) == 0:
        print("ESCAPED: scheduled as", name)
    else:
        print("blocked", name, errno.errorcode.get(ctypes.get_errno()))
if libc.syscall(ioprio_set, 1, 0, 1 << 13) == 0:
    print("ESCAPED: real-time disk access")
for who, name in ((0, "process"), (1, "group"), (2, "user")):
    try:
        os.setpriority(who, 0, -20)
        print("ESCAPED: priority of the", name)
    except OSError as error:
        print("blocked", name, error.strerror)
if os.getpgrp() == 0:
    print("ESCAPED: shares a process group with processes outside")
