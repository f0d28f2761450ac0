# expect: blocked | secrets of the runner in environments and arguments of processes; the harness plants a canary
# skip-unsandboxed
import os

secret = ("septet-canary" + "-secret").encode()
hits = [key for key, value in os.environb.items() if secret in value or b"CANARY" in key]
for name in os.listdir("/proc"):
    if not name.isdigit() and name not in ("self", "thread-self"):
        continue
    for what in ("environ", "cmdline", "auxv"):
        try:
            with open("/proc/%s/%s" % (name, what), "rb") as file:
                text = file.read(1 << 20)
        except OSError:
            continue
        if secret in text or b"CANARY" in text:
            hits.append((name, what))
        if what == "environ" and name == "1" and text.strip(b"\0"):
            hits.append("process 1 has an environment: %r" % text[:80])
print("ESCAPED: %s" % hits if hits else "blocked")
