"""Registries: records by name, this project's own and those of plugins.

A plugin is a Python module that registers its records when it is imported. It is found as

- an entry point of an installed distribution, in the group `carousel.<plural>` of the registry;
- a name in the environment variable `CAROUSEL_PLUGINS` (modules or `.py` files, separated as in
  `PATH`), to which `--plugin` on the command line adds. Worker processes inherit it.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from .errors import CarouselError, UsageError, named, shown, shown_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

VARIABLE = "CAROUSEL_PLUGINS"
"""Environment variable that names plugins."""


class Named(Protocol):
    """A record that a registry holds: anything with a name."""

    @property
    def name(self) -> str:
        """The name that people type."""
        ...


R = TypeVar("R", bound=Named)


class Registry(Mapping[str, R], Generic[R]):
    """Records by name, in the order in which they were registered.

    Plugins are loaded when the registry is first read.

    Args:
        noun: what a record is called in messages, such as "router".
        plural: the same of several; the group of entry points is `carousel.<plural>`.
        builtin: modules of this project that register theirs when they are imported.
        helpers: modules whose functions register records for their callers.
    """

    def __init__(
        self, noun: str, plural: str, builtin: Sequence[str] = (), helpers: Sequence[str] = ()
    ) -> None:
        self.noun, self.plural = noun, plural
        self._builtin, self._helpers = tuple(builtin), tuple(helpers)
        self._records: dict[str, R] = {}
        self._origin: dict[str, str] = {}
        self._loaded: set[str] = set()

    def register(self, record: R) -> R:
        """Add a record; returns it.

        Raises:
            CarouselError: another module has registered one of this name, or another record has it
                or one of its `aliases`.
        """
        frame: Any = sys._getframe(1)
        # a function of ours that registers for its caller
        while frame.f_back and frame.f_globals.get("__name__") in self._helpers:
            frame = frame.f_back
        name, origin = record.name, frame.f_globals.get("__name__", "")
        if origin.partition(".")[0] not in {one.partition(".")[0] for one in self._builtin}:
            # so that a plugin that takes one of our names is the one that is refused
            self._load_builtin()
        if self._origin.get(name, origin) != origin:
            raise CarouselError(
                f"{self.noun} {name!r} is registered by {self._origin[name]} already; "
                f"{origin} must give its own another name"
            )
        for other in self._records.values():
            shared = sorted(_names_of(record) & _names_of(other))
            if shared and other.name != name:
                raise CarouselError(
                    f"{self.noun} {name!r} cannot be called {shared[0]!r}: so is {other.name!r} of "
                    f"{self._origin[other.name]}"
                )
        self._records[name], self._origin[name] = record, origin
        return record

    def find(self, name: str) -> R:
        """The record of this name, ignoring case.

        Raises:
            UsageError: there is none; the message lists every name.
        """
        self._load()
        return self._records[named(self.noun, name, self._records, plugins=True)]

    def _load_builtin(self) -> None:
        for module in self._builtin:
            if module not in self._loaded:
                with _marked(self._loaded, module):
                    importlib.import_module(module)

    def of_plugins(self) -> tuple[str, ...]:
        """Names of the records that modules outside of this project have registered."""
        self._load()
        ours = {
            self.__module__.partition(".")[0],
            *(one.partition(".")[0] for one in self._builtin),
        }
        return tuple(
            name for name, origin in self._origin.items() if origin.partition(".")[0] not in ours
        )

    def _load(self) -> None:
        """Import the modules that register records, each once, and the plugins."""
        self._load_builtin()
        load_named()
        if self.plural not in self._loaded:
            with _marked(self._loaded, self.plural):
                for entry in metadata.entry_points(group=f"carousel.{self.plural}"):
                    _guarded(entry.value, entry.load)
                    _ENTRIES.add(entry.value.partition(":")[0])

    def __getitem__(self, name: str) -> R:
        self._load()
        return self._records[name]

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(tuple(self._records))

    def __len__(self) -> int:
        self._load()
        return len(self._records)


def _names_of(record: Any) -> set[str]:
    return {record.name, *getattr(record, "aliases", ())}


def plugins() -> tuple[str, ...]:
    """The modules and files that `CAROUSEL_PLUGINS` names."""
    return tuple(filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)))


def digests() -> dict[str, str]:
    """The plugins that are in use, each with a digest of its source: what a result depends on."""
    return {name: digest_of(name) for name in sorted({*plugins(), *_ENTRIES})}


def digest_of(name: str) -> str:
    """First 16 hex digits of a SHA-256 over the source of a module, by its name or its path; empty
    where it has none."""
    path = name
    if not name.endswith(".py"):
        found = importlib.util.find_spec(name)
        path = (found.origin if found else None) or ""
    source = Path(path)
    if source.suffix != ".py" or not source.is_file():
        return ""
    return hashlib.sha256(source.read_bytes()).hexdigest()[:16]


def add_plugins(names: Sequence[str]) -> None:
    """Load plugins, in this process and in every process it starts.

    Args:
        names: modules, or paths of `.py` files.

    Raises:
        UsageError: there is no such module or file.
        CarouselError: it cannot be imported.
    """
    for name in names:
        load_plugin(name)
    known = plugins()
    # a process that is started from here may stand in another folder
    added = [str(Path(name).resolve()) if name.endswith(".py") else name for name in names]
    os.environ[VARIABLE] = os.pathsep.join([*known, *(n for n in added if n not in known)])


def is_of_plugin(module: str) -> bool:
    """Whether a module was loaded as a plugin, or lies in a package that was."""
    return any(module == one or module.startswith(f"{one}.") for one in (*_MODULES, *_ENTRIES))


_MODULES: set[str] = set()
"""Names of the modules that `load_plugin` has loaded."""
_NAMED: set[str] = set()
_ENTRIES: set[str] = set()
"""Modules that entry points have brought."""


def load_named() -> None:
    """Load the plugins that `CAROUSEL_PLUGINS` names, each once.

    Raises:
        CarouselError: as `load_plugin`, in every call until the plugin loads.
    """
    for name in plugins():
        if name not in _NAMED:
            with _marked(_NAMED, name):
                load_plugin(name)


@contextmanager
def _marked(loaded: set[str], name: str) -> Iterator[None]:
    """Count a name as loaded while a block loads it, and afterwards unless the block failed."""
    # from the beginning: what is being loaded may read the registry that loads it
    loaded.add(name)
    try:
        yield
    except BaseException:
        loaded.discard(name)
        raise


def load_plugin(name: str) -> ModuleType:
    """Import a plugin: a module by its name, or a `.py` file by its path.

    Raises:
        UsageError: there is no such module or file.
        CarouselError: it cannot be imported.
    """
    if name.endswith(".py") or "/" in name:
        return _load_file(Path(name))
    if name not in sys.modules:
        try:
            found = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            found = None
        if found is None:
            raise UsageError(
                f"plugin {shown(name)} is not found; it must be a module that can be imported, or "
                "the path of a .py file"
            )
    _MODULES.add(name)
    module: ModuleType = _guarded(name, lambda: importlib.import_module(name))
    return module


def _load_file(path: Path) -> ModuleType:
    name = path.stem
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(path.resolve()):
        _MODULES.add(name)
        return known
    if not path.is_file():
        raise UsageError(f"plugin {shown_path(path)} does not exist, or is no file")
    if known is not None:
        raise CarouselError(
            f"plugin {shown_path(path)} has the name of the module {name!r}, which is in use; it "
            "must have another"
        )
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # by its name, so that what it defines can be pickled
    sys.modules[name] = module
    _MODULES.add(name)
    try:
        _guarded(str(path), lambda: spec.loader.exec_module(module))
    except CarouselError:
        del sys.modules[name]
        raise
    return module


def _guarded(name: str, load: Any) -> Any:
    """Call `load`; an exception in a plugin becomes a sentence that names the plugin."""
    try:
        return load()
    except CarouselError:
        raise
    except Exception as error:
        raise CarouselError(
            f"plugin {shown_path(name)} cannot be imported: {type(error).__name__}: {error}"
        ) from error
