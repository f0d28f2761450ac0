# expect: contained | memory of the kernel in queued signals and timers, bounded to 20000 of each
# bare: escapes
import ctypes, os, signal

libc = ctypes.CDLL(None, use_errno=True)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGRTMIN})
n_queued = 0
while n_queued < 20000 and libc.sigqueue(os.getpid(), signal.SIGRTMIN, None) == 0:
    n_queued += 1
n_timers, timer = 0, ctypes.c_void_p()
while n_timers < 20000 and libc.timer_create(1, None, ctypes.byref(timer)) == 0:
    n_timers += 1
print("ESCAPED: %d signals, %d timers" % (n_queued, n_timers) if max(n_queued, n_timers) >= 20000 else "stopped at %d and %d" % (n_queued, n_timers))
