"""The kernel's command line: how a virtual machine boots, and what its guest is told."""

from __future__ import annotations

from sandboxes.namespaces import guest_environment
from sandboxes.spec import DesktopSpec

# A panic ends the machine. No timer runs that a desktop can do without, as an idle one is to cost nothing;
# memory is neither cleared twice nor taken in large pages, as a copy pays for every page that it writes to.
_BOOT = (
    "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off audit=0 nowatchdog tsc=reliable "
    "sysctl.vm.stat_interval=3600 sysctl.vm.compaction_proactiveness=0 "
    "transparent_hugepage=never init_on_alloc=0"
)


def kernel_arguments(spec: DesktopSpec, boot_ttl_s: int) -> str:
    """`boot_ttl_s`: the guest ends itself where nobody has said hello so many seconds after its start."""
    settings = guest_environment(spec, watched=False) | {
        "DESKSWARM_BOOT_TTL_S": str(boot_ttl_s),
        "DESKSWARM_PROCESSES": str(spec.limits.processes),
        "DESKSWARM_DISK": str(int(spec.limits.disk)),
        "DESKSWARM_ROOT": str(int(spec.root)),
    }
    return " ".join([_BOOT, *(f"{name}={value}" for name, value in settings.items())])
