# expect: contained | shared memory of System V and POSIX message queues, seen by another session
# run-twice
# bare: escapes
import ctypes, os

libc = ctypes.CDLL(None, use_errno=True)
KEY, CREATE = 0x53455054, 0o1000
found = libc.shmget(KEY, ctypes.c_size_t(4096), 0o600)
if found >= 0:
    print("ESCAPED: shared memory of an earlier run")
    libc.shmctl(found, 0, None)
else:
    print("shmget", libc.shmget(KEY, ctypes.c_size_t(4096), CREATE | 0o600) >= 0)
queue = libc.mq_open(b"/septet_leak", os.O_RDWR)
if queue >= 0:
    print("ESCAPED: message queue of an earlier run")
    libc.mq_unlink(b"/septet_leak")
else:
    print("mq_open", libc.mq_open(b"/septet_leak", os.O_RDWR | os.O_CREAT, 0o600, None) >= 0)
semaphore = libc.semget(KEY, 1, 0o600)
if semaphore >= 0:
    print("ESCAPED: semaphore of an earlier run")
    libc.semctl(semaphore, 0, 0)
else:
    libc.semget(KEY, 1, CREATE | 0o600)
