# expect: contained | fork bomb, bounded to 400 children
# bare: escapes
import os, signal, time

children = []
try:
    for _ in range(400):
        pid = os.fork()
        if pid == 0:
            time.sleep(30)
            os._exit(0)
        children.append(pid)
except OSError as error:
    print("stopped at", len(children), error.strerror)
else:
    print("ESCAPED: 400 children")
for pid in children:
    os.kill(pid, signal.SIGKILL)
for pid in children:
    os.waitpid(pid, 0)
