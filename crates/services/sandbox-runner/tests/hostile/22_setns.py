# expect: blocked | join the namespaces of the parent, of process 1, of everything that is seen
# skip-unsandboxed
import ctypes, os

libc = ctypes.CDLL(None, use_errno=True)
seen = [int(name) for name in os.listdir("/proc") if name.isdigit()]
own = {kind: os.readlink("/proc/self/ns/" + kind) for kind in os.listdir("/proc/self/ns")}
for pid in {1, os.getppid(), *seen} - {0, os.getpid()}:
    for kind in own:
        path = "/proc/%d/ns/%s" % (pid, kind)
        try:
            if os.readlink(path) != own[kind]:
                print("ESCAPED: sees another namespace", path)
            fd = os.open(path, os.O_RDONLY)
        except OSError:
            continue
        if libc.setns(fd, 0) == 0:
            print("ESCAPED: joined", path)
    try:
        if libc.setns(os.pidfd_open(pid), 0x2E020000) == 0:
            print("ESCAPED: joined all of", pid)
    except OSError:
        pass
for kind in own:
    if libc.setns(os.open("/proc/self/ns/" + kind, os.O_RDONLY), 0) == 0:
        print("ESCAPED: setns works on", kind)
print("done")
