"""What a text stands for among players: a scripted router, a policy file, a folder of them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown
from carousel_envs.foundation.files import read_whole, unreadable
from carousel_envs.foundation.plugins import digest_of

from ..learning import PolicyFile
from ..learning.policy_format import LARGEST_BYTES
from ..router import SUFFIX, canonical, is_file, is_name, is_object
from ..system import archives
from .players import MASKED, Player

_LABEL = re.compile(r"[a-z0-9]+([-_.][a-z0-9]+)*")


def players_of(text: str) -> list[Player]:
    """A scripted router, a policy file, or all policy files of a folder; behind `NAME=`, policy
    files under a name of their own.

    Raises:
        CarouselError: a router that is no policy file under such a name.
    """
    rest = unnamed(text)
    if rest != text:
        label = text.removesuffix(f"={rest}")
        if is_name(label) or label.endswith(MASKED):
            raise CarouselError(
                f"router {shown(text)} is given the name {shown(label)}, which means another "
                "router; give it another one"
            )
        found = [replace(player, label=label) for player in players_of(rest)]
        if found[0].file is None:
            raise CarouselError(
                f"router {shown(text)} names {shown(rest)}, which is no policy file; only policy "
                "files can be given another name"
            )
        return found
    path = Path(text) if is_name(text) else archives.unpacked(Path(text))
    if not (text.endswith(SUFFIX) or is_name(text)) and _is_folder(path):
        files = sorted(path.rglob(f"*{SUFFIX}"))
        if not files:
            raise CarouselError(f"folder {shown(text)} holds no policy file (*{SUFFIX})")
        return [_learned(str(file)) for file in files]
    if is_file(text):
        return [_learned(text)]
    if is_object(text):
        return [Player(text, sha256=digest_of(text.rpartition(":")[0]))]
    return [Player(canonical(text))]


def unnamed(text: str) -> str:
    """The path in `NAME=PATH`; all of the text where that is a path itself."""
    label, equals, rest = text.partition("=")
    named = equals and _LABEL.fullmatch(label) and not _is_there(Path(text))
    return rest if named else text


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # a name too long for the file system, say
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # a name too long for the file system, say
        return False


def _learned(text: str) -> Player:
    path = Path(text)
    try:
        digest = hashlib.sha256(read_whole(path, LARGEST_BYTES)).hexdigest()
    except OSError as error:
        if path.is_file():
            raise unreadable(path, error) from None
        raise CarouselError(f"policy file {shown(text)} does not exist, or is no file") from None
    return Player(text, PolicyFile.load(path), digest)
