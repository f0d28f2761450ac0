# expect: contained | a grandchild that burns the processor after its parents have ended; the harness looks for the file ESCAPED afterwards
import os, time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in (0, 1, 2):
            os.close(fd)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            pass
        open("/session/ESCAPED", "w").write("burned on")
        os._exit(0)
    os._exit(0)
os.wait()
print("done")
