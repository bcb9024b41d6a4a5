"""Parts of kernels: compiled functions that only other compiled functions call.

numba makes every compiled function callable from Python, as machine code of its own, although most
are called from kernels alone, which contain their code. That takes about half of the time until a
kernel is there. A part is linked into what calls it as it was translated, and is optimised there,
once: it has neither wrappers nor machine code of its own, and is not kept on disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numba.core import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import NoPythonSupportedFeatureValidation

if TYPE_CHECKING:
    from collections.abc import Callable

_OPTIONS = {"nopython": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


class _LinkedOnly(JITCodeLibrary):
    """A module that is linked into others as it is, and never becomes machine code."""

    @property
    def codegen(self) -> Any:
        """What would write the function's environment into its machine code."""
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """Nothing: only exceptions and objects need the environment, and parts have neither."""

    def _optimize_functions(self, module: Any) -> None:
        # what this is linked into is optimised as a whole; it looks at the layout of data as well
        module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        """Nothing: see `_optimize_functions`."""

    def _finalize_final_module(self) -> None:
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """No address: only what links this module contains its functions."""
        self._ensure_finalized()
        return 0


@register_pass(mutates_CFG=False, analysis_only=False)
class _IntoLinkedOnly(FunctionPass):
    """Lowers the function into a `_LinkedOnly`."""

    _name = "carousel_into_linked_only"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Give the function its library, which lowering would create otherwise."""
        state.library = _LinkedOnly(state.targetctx.codegen(), state.func_id.func_qualname)
        return False


class _PartCompiler(CompilerBase):
    def define_pipelines(self) -> list[Any]:
        """The usual passes, with `_IntoLinkedOnly` before lowering."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_IntoLinkedOnly, NoPythonSupportedFeatureValidation)
        passes.finalize()
        return [passes]


class Part(CPUDispatcher):
    """A compiled function that only compiled functions can call.

    Args:
        function: to compile.
        options: of numba's `njit`.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        super().__init__(
            function, targetoptions={**options, **_OPTIONS}, pipeline_class=_PartCompiler
        )

    def add_overload(self, cres: Any) -> None:
        """Keep what was compiled for a signature, where calls from Python do not look for it."""
        self.overloads[tuple(cres.signature.args)] = cres

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """What a call compiles to: the same whatever its constants, which would each be a type."""
        kws = {name: types.unliteral(kind) for name, kind in dict(kws).items()}
        return super().get_call_template(tuple(map(types.unliteral, args)), kws)

    def _compile_for_args(self, *_: Any, **__: Any) -> Any:
        raise TypeError(
            f"{self.py_func.__name__} is part of kernels; only compiled functions can call it"
        )
