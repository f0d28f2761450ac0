# expect: blocked | ptrace the parent, process 1, everything that is seen; be traced by the parent
# skip-unsandboxed
import ctypes, os

libc = ctypes.CDLL(None, use_errno=True)
SEIZE, TRACEME, DETACH, ATTACH = 0x4206, 0, 17, 16
libc.prctl(4, 1, 0, 0, 0)           # dumpable again
libc.prctl(0x59616d61, -1, 0, 0, 0)  # anybody may trace us
seen = [int(name) for name in os.listdir("/proc") if name.isdigit()]
for pid in {1, os.getppid(), *seen} - {0, os.getpid()}:
    for request in (SEIZE, ATTACH):
        if libc.ptrace(request, pid, 0, 0) == 0:
            print("ESCAPED: traces", pid)
            libc.ptrace(DETACH, pid, 0, 0)
if os.fork() == 0:
    os._exit(1 if libc.ptrace(TRACEME, 0, 0, 0) == 0 else 0)
if os.waitstatus_to_exitcode(os.wait()[1]) == 1:
    print("ESCAPED: a child lets itself be traced")
print("done")
