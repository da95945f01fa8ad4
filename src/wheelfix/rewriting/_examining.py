"""What is known of a wheel before it is written anew: every ELF file is read, and every content is hashed."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from wheelfix import codes
from wheelfix.checking import System, contents_of_archive, load_failures
from wheelfix.codes import Finding
from wheelfix.planning import plan
from wheelfix.rewriting._layout import is_signature
from wheelfix.sources import plan_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wheelfix.archive import MemberStream, WheelArchive
    from wheelfix.planning import Plan, Policy, Wheel
    from wheelfix.targets import Target

__all__ = ["Examined", "digest_of", "digests_of", "examine", "systems_of"]

_PIECE = 1024 * 1024


class Examined(NamedTuple):
    """A wheel, with what shall become of it.

    :param wheel: with the facts of every ELF member.
    :param plan: with what is foretold of loading.
    """

    wheel: Wheel
    plan: Plan


def systems_of(targets: Sequence[Target]) -> list[System]:
    """Give the targets as systems: those that are here with their file system."""
    return [System(each, None if each.executable is None else "/") for each in targets]


def examine(archive: WheelArchive, systems: Sequence[System], policy: Policy) -> Examined:
    """Plan a wheel for all systems at once, and foretell which of its modules their loaders refuse.

    Certain is initial-exec TLS on musl (WF305). What may still come right, like a library of another wheel, is a
    warning (WF321), as in an install.

    :raises InvalidWheelError: if the wheel is broken.
    :raises ValueError: if there is no system.
    """
    targets = [system.target for system in systems]
    # gives what is to be said of the whole wheel, and reads only the files in doubt
    decided = plan_source(archive, targets, policy)
    contents = contents_of_archive(archive, with_source=False)
    wheel = contents.wheel
    decided = replace(decided, decisions=plan(wheel, targets, policy).decisions)
    if any(each.code is codes.SYMBOLIC_LINK_MEMBER for each in decided.findings):
        sentence = "some unpack it as a link, others as a file that holds the link's text"
        link = Finding(codes.LINK_IN_WHEEL, archive.file_name, sentence)
        decided = decided.with_findings((link,))
    if decided.refusals:
        return Examined(wheel, decided)
    failures = load_failures(archive, systems, policy, decided, contents=contents)
    return Examined(wheel, decided.with_findings(tuple(map(_said, failures))))


def _said(failure: Finding) -> Finding:
    if failure.code is codes.INITIAL_EXEC_TLS:
        return failure
    return Finding(codes.WILL_NOT_LOAD, failure.subject, f"{failure.code.id}: {failure.sentence}")


def digest_of(content: bytes) -> str:
    """Give the SHA-256 of a content, as RECORD has it."""
    return _record_digest(hashlib.sha256(content).digest())


def digests_of(archive: WheelArchive, policy: Policy) -> tuple[dict[str, str], list[Finding]]:
    """Unpack every member once, and hold it against its CRC-32 and its row of RECORD.

    :return: the SHA-256 of each by its path, as RECORD has it, but for RECORD and its signatures; and whose content
        is another than the old RECORD says: WF407, allowed or not.
    :raises InvalidWheelError: WF413 if a member's bytes are damaged.
    """
    digests, findings = {}, []
    dist_info = archive.dist_info_dir
    for path in archive.paths:
        if path == f"{dist_info}/RECORD" or is_signature(path, dist_info):
            continue
        with archive.open_member(path) as stream:
            wanted = cast("MemberStream", stream).packed.record_hash
            digests[path], agrees = _digest(stream, wanted)
        if not agrees:
            sentence = "its hash is not the one in RECORD"
            findings.append(policy.permit(Finding(codes.RECORD_DISAGREES, path, sentence)))
    return digests, findings


def _digest(stream: BinaryIO, wanted: str) -> tuple[str, bool]:
    name, _, value = wanted.partition("=")
    digest = hashlib.sha256()
    other = digest if name in ("", "sha256") else hashlib.new(name)
    while piece := stream.read(_PIECE):
        digest.update(piece)
        if other is not digest:
            other.update(piece)
    agrees = not value or _base64(other.digest()) == value
    return _record_digest(digest.digest()), agrees


def _record_digest(digest: bytes) -> str:
    return f"sha256={_base64(digest)}"


def _base64(digest: bytes) -> str:
    # without padding (wheel specification, "The .dist-info directory")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
