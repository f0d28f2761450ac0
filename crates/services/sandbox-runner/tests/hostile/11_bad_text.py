# expect: contained | invalid UTF-8, NUL, terminal escapes, lone surrogates on both streams and in the error: the answer stays JSON
import os, sys

for fd in (1, 2):
    os.write(fd, b"\xff\xfe\xc3\x28 \x00 \x1b]0;title\x07\x1b[2J \xed\xa0\x80 \xf0\x9f\x92\n")
for stream in (sys.stdout, sys.stderr):
    stream.write("\ud800 \udfff \x00 \u202e \U0010ffff\n")
raise ValueError("\ud800 \x00 \x1b[31m \u2028")
