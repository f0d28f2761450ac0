# expect: blocked | system calls through the 32-bit and the x32 table, whose numbers mean other calls
import ctypes, errno, mmap, os, platform

libc = ctypes.CDLL(None, use_errno=True)
if platform.machine() == "x86_64":
    X32 = 0x40000000
    for name, number in (("getpid", 39), ("unshare", 272), ("mount", 165), ("ptrace", 521), ("io_uring_setup", 425)):
        if libc.syscall(ctypes.c_long(X32 | number), 0, 0, 0, 0) >= 0:
            print("ESCAPED: x32", name)
        else:
            print("blocked x32", name, errno.errorcode.get(ctypes.get_errno()))
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(bytes([0x53, 0x89, 0xF8, 0x89, 0xF3, 0xCD, 0x80, 0x5B, 0xC3]))    # push rbx; mov eax, edi; mov ebx, esi; int 0x80; pop rbx; ret
    call = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    for name, number, argument in (("getpid", 20, 0), ("unshare", 310, 0x10000000), ("inotify_init", 291, 0)):
        pid = os.fork()
        if pid == 0:
            os._exit(1 if call(number, argument) >= 0 else 0)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print("ESCAPED: 32-bit " + name if status == 1 else "blocked 32-bit %s (%d)" % (name, status))
print("done")
