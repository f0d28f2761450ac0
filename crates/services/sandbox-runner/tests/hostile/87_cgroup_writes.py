# expect: blocked | change or leave the own control group, by file or by mounting one
# skip-unsandboxed
import ctypes, glob, os

libc = ctypes.CDLL(None, use_errno=True)
for place in ("/sys/fs/cgroup", "/session/cg", "/tmp/cg"):
    os.makedirs(place, exist_ok=True) if not place.startswith("/sys") else None
    for kind, options in ((b"cgroup2", None), (b"cgroup", b"memory"), (b"cgroup", b"none,name=septet")):
        if libc.mount(b"none", place.encode(), kind, 0, options) == 0:
            print("ESCAPED: mounted", kind, "on", place)
for pattern in ("cgroup.procs", "*/cgroup.procs", "*/*/cgroup.procs", "memory.max", "*/memory.limit_in_bytes", "*/notify_on_release", "*/release_agent", "cgroup.subtree_control"):
    for path in glob.glob("/sys/fs/cgroup/" + pattern):
        try:
            os.close(os.open(path, os.O_WRONLY))
            print("ESCAPED: may write", path)
        except OSError:
            pass
try:
    os.mkdir("/sys/fs/cgroup/septet_probe")
    print("ESCAPED: made a control group")
except OSError as error:
    print("blocked", error.strerror)
