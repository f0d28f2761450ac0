# expect: blocked | set the clock, to the present time
# skip-unsandboxed
import ctypes, struct, time

libc = ctypes.CDLL(None, use_errno=True)
try:
    time.clock_settime(time.CLOCK_REALTIME, time.time())
    print("ESCAPED: clock_settime")
except OSError as error:
    print("blocked", error.strerror)
now = ctypes.create_string_buffer(struct.pack("<qq", int(time.time()), 0))
if libc.settimeofday(now, None) == 0:
    print("ESCAPED: settimeofday")
if libc.adjtimex(ctypes.create_string_buffer(208)) >= 0:
    print("ESCAPED: adjtimex")
