# expect: killed | sleep past the time limit
# bare: escapes
import time

time.sleep(11)
print("ESCAPED: slept for 11 s")
