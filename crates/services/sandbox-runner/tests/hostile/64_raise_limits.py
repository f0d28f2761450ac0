# expect: blocked | raise one's own resource limits
import resource

for name in sorted(dir(resource)):
    if not name.startswith("RLIMIT_"):
        continue
    number = getattr(resource, name)
    hard = resource.getrlimit(number)[1]
    if hard == resource.RLIM_INFINITY:
        continue
    for wanted in ((hard + 1, hard + 1), (resource.RLIM_INFINITY, resource.RLIM_INFINITY)):
        try:
            resource.setrlimit(number, wanted)
            print("ESCAPED: raised", name)
        except (ValueError, OSError):
            pass
held = ("RLIMIT_CORE", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_CPU", "RLIMIT_MEMLOCK", "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE", "RLIMIT_RTPRIO", "RLIMIT_NICE")
print("not limited:", [name for name in held if resource.getrlimit(getattr(resource, name))[1] == resource.RLIM_INFINITY])
