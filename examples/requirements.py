"""What an example needs, from the metadata at its head (PEP 723), as lines for pip.

Usage: python examples/requirements.py EXAMPLE.py {torch,packages,no-deps}

`torch` prints the exact version that goes in first, `packages` the rest, and `no-deps` what pins
versions that this project does not run with and is therefore installed without what it asks for.
"""

import re
import sys
import tomllib
from pathlib import Path


def metadata(example: Path) -> dict:
    """The TOML in the comment block `# /// script` of an example."""
    block = re.search(r"(?m)^# /// script\n((?:#.*\n)+?)# ///$", example.read_text("utf-8"))
    if block is None:
        sys.exit(f"{example} has no block '# /// script' that names what it needs")
    return tomllib.loads(re.sub(r"(?m)^# ?", "", block[1]))


def lines(example: Path, part: str) -> list[str]:
    """The requirements of one part."""
    found = metadata(example)
    needed = found["dependencies"]
    if part == "no-deps":
        return found.get("tool", {}).get("carousel", {}).get("no-deps", [])
    return [line for line in needed if line.startswith("torch==") == (part == "torch")]


if __name__ == "__main__":
    print("\n".join(lines(Path(sys.argv[1]), sys.argv[2])))
