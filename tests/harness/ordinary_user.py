"""What a user sees who may not read everything, as root may."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOBODY = 65534


@contextmanager
def as_ordinary_user(folder: Path) -> Iterator[None]:
    """Be nobody in particular for a while, who owns a folder and may get to it.

    Args:
        folder: a temporary one.
    """
    if os.geteuid() != 0:
        yield
        return
    for place in [folder, *folder.rglob("*")]:
        os.chown(place, _NOBODY, _NOBODY, follow_symlinks=False)
    for place in folder.parents:  # for good: tests in other processes may need it too
        mode = stat.S_IMODE(place.stat().st_mode)
        if not mode & stat.S_IXOTH:
            place.chmod(mode | stat.S_IXOTH)
    groups, group = os.getgroups(), os.getegid()
    os.setgroups([])
    os.setegid(_NOBODY)
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)
