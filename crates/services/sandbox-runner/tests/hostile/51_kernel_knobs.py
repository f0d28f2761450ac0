# expect: blocked | knobs of the kernel, opened for writing only
# skip-unsandboxed
import os

for path in (
    "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug", "/proc/sys/kernel/hostname", "/proc/sys/vm/overcommit_memory",
    "/proc/sys/vm/drop_caches", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/user/max_user_namespaces", "/proc/sysrq-trigger", "/proc/sys/fs/binfmt_misc/register",
    "/proc/1/oom_score_adj", "/proc/irq/default_smp_affinity", "/proc/mtrr", "/proc/scsi/scsi", "/proc/driver/nvram", "/proc/acpi/wakeup",
    "/sys/kernel/uevent_helper", "/sys/kernel/mm/ksm/run", "/sys/power/state", "/sys/module/apparmor/parameters/mode", "/sys/kernel/security/lockdown",
):
    try:
        os.close(os.open(path, os.O_WRONLY))
        print("ESCAPED: opened for writing", path)
    except OSError as error:
        print("blocked", path, error.strerror)
for path, text in (("/proc/self/uid_map", "0 0 1"), ("/proc/self/gid_map", "0 0 1"), ("/proc/self/setgroups", "allow"), ("/proc/self/loginuid", "0")):
    try:
        with open(path, "w") as file:
            file.write(text)
        print("ESCAPED: wrote", path)
    except OSError as error:
        print("blocked", path, error.strerror)
