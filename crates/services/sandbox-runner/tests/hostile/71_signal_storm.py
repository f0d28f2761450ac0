# expect: contained | signals to the own process group, to everything that is seen, to process 1; the runner must not notice
# skip-unsandboxed
import os, signal, time

for target in (0, -1, 1, -os.getpgrp() if os.getpgrp() else 0):
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for number in (signal.SIGSTOP, signal.SIGCONT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGKILL):
            try:
                os.kill(target, number)
            except OSError:
                pass
        os._exit(0)
    time.sleep(0.1)
for number in range(1, 65):
    for target in (1, os.getppid()):
        try:
            if target:
                os.kill(target, number)
        except OSError:
            pass
os.kill(0, signal.SIGKILL)
