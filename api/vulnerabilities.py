"""Whether a vulnerability is known in a locked package, as far as the service that knows can be asked."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Final

from api.processes import ROOT, own_python
from api.terminal import complain, say

TIMEOUT_S: Final = 300
SOCKET_TIMEOUT_S: Final = 5
LOCK: Final = ROOT / "requirements" / "dev.txt"
"""It holds what `run.txt` holds, in the same versions."""

ARGUMENTS: Final = (
    *("-m", "pip_audit", "--requirement", str(LOCK), "--require-hashes", "--disable-pip"),
    *("--vulnerability-service", "osv", "--timeout", str(SOCKET_TIMEOUT_S)),
    *("--progress-spinner", "off", "--format", "json"),
)


def audit() -> int:
    """Tell of each known vulnerability; 1 when there is one, 0 also where nobody could be asked."""
    command, environment = own_python(*ARGUMENTS)
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        return judged(json.loads(done.stdout)["dependencies"])
    except subprocess.TimeoutExpired:
        say(f"not audited: there was no answer within {TIMEOUT_S} s")
    except (ValueError, KeyError):
        lines = done.stderr.strip().splitlines() or ["pip-audit said nothing"]
        say(f"not audited: {lines[-1][:200]}")
    return 0


def judged(dependencies: list[dict[str, Any]]) -> int:
    """As `audit`, of what the service said."""
    skipped = [each["name"] for each in dependencies if "skip_reason" in each]
    for each in dependencies:
        for found in each.get("vulns", ()):
            fixed = ", ".join(found["fix_versions"]) or "no version yet"
            complain(f"{each['name']} {each['version']} has {found['id']}, mended in {fixed}")
    if skipped:
        say(f"not audited: {len(skipped)} of {len(dependencies)} packages, as {', '.join(skipped[:3])}")
    return 1 if any(each.get("vulns") for each in dependencies) else 0
