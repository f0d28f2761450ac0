"""The egress, for sessions that have one: tells this process and its children where it is.

Programs find the proxy, the certificates to trust and the placeholders of secrets in the environment. pip installs
into a hidden folder of the session, which counts against the size of the session and is no artifact; what it
installs can be imported at once and by later runs, for as long as the folder is there.
"""
import os, sys

PACKAGES = "/session/.packages"
TRUSTED = "/etc/ssl/certs/ca-certificates.crt"
TRUSTED_HERE = "/tmp/.certificates.pem"


def open_up(network):
    """`network`: {"environment": {name: value}, "certificates": PEM or ""}."""
    site = "%s/lib/python%d.%d/site-packages" % (PACKAGES, sys.version_info[0], sys.version_info[1])
    try:
        os.makedirs(site, exist_ok=True)      # a folder that appears later would not be looked into
    except OSError:
        pass                                  # the session is full, or code has put something else there
    sys.path.insert(sys.path.index("/opt/site"), site)
    trusted = _trusted(network["certificates"])
    os.environ.update({
        "PATH": PACKAGES + "/bin:" + os.environ["PATH"],
        "PYTHONPATH": site + ":" + os.environ["PYTHONPATH"],
        "PYTHONUSERBASE": PACKAGES,
        "PIP_USER": "1", "PIP_BREAK_SYSTEM_PACKAGES": "1", "PIP_NO_CACHE_DIR": "1", "PIP_NO_INPUT": "1", "PIP_RETRIES": "5",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_PROGRESS_BAR": "off",
        "PIP_NO_WARN_CONFLICTS": "1",         # reading what all provisioned packages require takes longer than the rest
        "SSL_CERT_FILE": trusted, "REQUESTS_CA_BUNDLE": trusted, "CURL_CA_BUNDLE": trusted, "PIP_CERT": trusted,
    })
    os.environ.update(network["environment"])


def _trusted(certificates):
    if not certificates:
        return TRUSTED
    try:
        with open(TRUSTED) as file:
            usual = file.read()
    except OSError:
        usual = ""
    with open(TRUSTED_HERE, "w") as file:
        file.write(usual + "\n" + certificates)
    return TRUSTED_HERE
