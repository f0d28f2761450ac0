# expect: blocked | see or signal processes outside, also through the process group (signal 0 only); the harness plants a sleeper
# skip-unsandboxed
import json, os

canary = json.load(open("canary.json")) if os.path.exists("canary.json") else {}
outside = canary.get("sleeper")
if outside:
    try:
        os.kill(outside, 0)
        print("ESCAPED: signalled the sleeper")
    except OSError as error:
        print("blocked", error.strerror)
for name in os.listdir("/proc"):
    if name.isdigit():
        try:
            if b"canary-sleeper" in open("/proc/%s/cmdline" % name, "rb").read():
                print("ESCAPED: sees the sleeper")
        except OSError:
            pass
def may_signal(pid):
    try:
        os.kill(pid, 0)
        return True
    except OSError:
        return False
# Not kill(-1): the kernel calls that a success even when it may signal none of those that are there.
others = [pid for pid in range(1, 1 << 16) if pid != os.getpid() and may_signal(pid)]
# Process 1 of a namespace of the run's own is nobody outside.
print("ESCAPED: may signal %s" % others[:9] if set(others) - ({1} if os.getppid() == 0 else set()) else "blocked")
if os.getpgrp() == 0 or os.getsid(0) == 0:
    print("ESCAPED: in the process group or session of a process outside")
