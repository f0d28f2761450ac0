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
try:
    os.kill(-1, 0)
    print("ESCAPED: there is somebody to signal")
except OSError as error:
    print("blocked", error.strerror)
if os.getpgrp() == 0 or os.getsid(0) == 0:
    print("ESCAPED: in the process group or session of a process outside")
