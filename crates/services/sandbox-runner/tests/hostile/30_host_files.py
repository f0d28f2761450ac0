# expect: blocked | files, secrets, devices and control sockets of the host
# bare: escapes for root
import glob, os

hits = []
for pattern in (
    "/etc/shadow", "/etc/gshadow", "/etc/ssh/*", "/etc/ssl/private/*", "/root/*", "/root/.*", "/home/*", "/var/run/secrets/*", "/run/secrets/*",
    "/run/docker.sock", "/var/run/docker.sock", "/run/containerd/*", "/run/podman/*", "/run/dbus/*", "/run/systemd/*", "/boot/*",
    "/dev/mem", "/dev/kmem", "/dev/port", "/dev/kmsg", "/dev/kvm", "/dev/fuse", "/dev/loop*", "/dev/sd*", "/dev/vd*", "/dev/nvme*", "/dev/dm-*",
    "/dev/net/tun", "/dev/vsock", "/dev/vhost*", "/dev/ppp", "/dev/uinput", "/dev/snd/*", "/dev/tty0", "/dev/console", "/proc/kcore",
    "/proc/sys/kernel/hostname", "/proc/config.gz", "/sys/firmware/*", "/sys/kernel/debug/*", "/sys/class/dmi/id/product_uuid",
):
    for path in glob.glob(pattern):
        try:
            if os.path.isdir(path):
                os.listdir(path)
            elif path.endswith(".sock"):
                pass
            else:
                os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            hits.append(path)
        except OSError:
            pass
print("ESCAPED: reads %s" % hits[:12] if hits else "blocked")
