# expect: contained | reading standard input ends at once; it is nobody's terminal and cannot be written
import os, sys

if sys.stdin.read() or os.read(0, 10):
    print("ESCAPED: something on standard input")
try:
    input()
    print("ESCAPED: input() gave a line")
except EOFError:
    print("end of file")
for fd in (0, 1, 2):
    if os.isatty(fd):
        print("ESCAPED: a terminal")
try:
    os.write(0, b"x")
    print("ESCAPED: wrote to standard input")
except OSError as error:
    print("blocked", error.strerror)
