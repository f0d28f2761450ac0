# expect: killed | stop oneself and every child: a process that is stopped must not hold the end up
import os, signal, threading, time

for _ in range(4):
    if os.fork() == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
threading.Thread(target=lambda: (time.sleep(11), print("ESCAPED: went on")), daemon=True).start()
os.kill(os.getpid(), signal.SIGSTOP)
