"""On what something was measured: date, commit, machine, versions."""
import datetime
import os
import pathlib
import platform
import subprocess

from installation import TREE


def _output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, cwd=TREE).stdout.strip()
    except OSError:
        return ""


def _version(package):
    return _output("dpkg-query", "-W", "-f", "${Version}", package) or "not installed"


def _cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _postgresql():
    names = sorted(path.name for path in pathlib.Path("/usr/lib/postgresql").glob("*"))
    return _version(f"postgresql-{names[-1]}") if names else "not installed"


def gather(folder):
    """folder: where the receivers wrote."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    changed = " with changes" if _output("git", "status", "--porcelain", "--untracked-files=no") else ""
    return {
        "date": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %z"),
        "commit": _output("git", "rev-parse", "--short", "HEAD") + changed,
        "machine": f"{os.cpu_count()} cores ({_cpu_model()}), {memory:.0f} GiB memory, kernel {platform.release()}, "
                   f"{_output('findmnt', '-n', '-o', 'FSTYPE', '-T', str(folder)) or 'unknown file system'}; "
                   f"client, receiver and database share them; load average before: {os.getloadavg()[0]:.1f}",
        "versions": f"Debian {pathlib.Path('/etc/debian_version').read_text().strip()}, DCMTK {_version('dcmtk')}, Orthanc {_version('orthanc')}, "
                    f"orthanc-postgresql {_version('orthanc-postgresql')}, PostgreSQL {_postgresql()}",
    }
