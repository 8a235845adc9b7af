"""Compilation of the kernel: one decorator for functions, one for cached entry points.

Numba's own cache looks at the file of the cached function only, so an edited callee in another
file goes unnoticed. Entry points therefore carry the fingerprint of all of ``core/`` as their
source stamp: any change of any file, of a record layout (they are defined here) or of numba
itself makes the cached machine code stale.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir
from numba import _dynfunc, types
from numba.core import caching, compiler, typed_passes
from numba.core.compiler_machinery import register_pass
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])

# fastmath stays off: reassociation would make results depend on what was inlined where, and the
# scalar and the batched entry point have to agree bit for bit.
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": False,
    "no_cfunc_wrapper": True,
}


@functools.cache
def core_fingerprint() -> str:
    """Hash everything that decides the compiled kernel.

    Returns:
        Hexadecimal SHA-256 over the sources of ``cwm_gym.core`` (names and contents, sorted) and
        the numba version.
    """
    root = Path(__file__).parent
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


class _Stamped:
    """Replaces a locator's stamp (one file's time and size) by the fingerprint of the core."""

    def get_source_stamp(self) -> str:
        return core_fingerprint()


class _UserProvided(_Stamped, caching.UserProvidedCacheLocator):  # type: ignore[misc]
    pass


class _InTree(_Stamped, caching.InTreeCacheLocator):  # type: ignore[misc]
    pass


class _UserWide(_Stamped, caching.UserWideCacheLocator):  # type: ignore[misc]
    pass


class _CacheImpl(caching.CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_UserProvided, _InTree, _UserWide)


class _Cache(caching.FunctionCache):  # type: ignore[misc]
    _impl_class = _CacheImpl


class _LowerCallee(typed_passes.NativeLowering):  # type: ignore[misc]
    """Lowers a function to optimised intermediate code and stops there.

    Numba would turn every function into machine code of its own, although callers inline or link
    the intermediate code: time spent on code that never runs.
    """

    _name = "cwm_gym_lower_callee"

    def run_pass(self, state: Any) -> bool:
        context = state.targetctx
        library = context.codegen().create_library(state.func_id.func_qualname)
        library.enable_object_caching()
        library._finalize_final_module = functools.partial(_keep_as_code, library)
        state.library = library
        context.get_executable = _no_executable
        try:
            return bool(super().run_pass(state))
        finally:
            del context.get_executable


def _keep_as_code(library: Any) -> None:
    library._finalize_dynamic_globals()
    library._verify_declare_only_symbols()
    library._finalized = True


def _no_executable(library: Any, fndesc: Any, env: Any) -> Any:
    name = fndesc.qualname.split(".")[-1]
    text = f"intermediate code of {fndesc.qualname!r}"
    return _dynfunc.make_function(fndesc.lookup_module(), name, text, 0, env, (library,))


# Passes for what the kernel has none of: closures, contexts, literals, arrays, parallel loops.
_NOT_NEEDED = frozenset(
    {
        "WithLifting",
        "InlineClosureLikes",
        "RewriteSemanticConstants",
        "DeadBranchPrune",
        "RewriteDynamicRaises",
        "MakeFunctionToJitFunction",
        "FindLiterallyCalls",
        "LiteralUnroll",
        "LiteralPropagationSubPipelinePass",
        "InlineOverloads",
        "NopythonRewrites",
        "NoPythonSupportedFeatureValidation",
        "DumpParforDiagnostics",
    }
)


class _KernelCompiler(compiler.CompilerBase):  # type: ignore[misc]
    """Numba's passes for functions that Python calls, less those that the kernel does not need."""

    def define_pipelines(self) -> list[Any]:
        pipeline = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
        pipeline.passes = [
            (self.replaced(one), text)
            for one, text in pipeline.passes
            if one.__name__ not in _NOT_NEEDED
        ]
        pipeline.finalize()
        return [pipeline]

    def replaced(self, one: Any) -> Any:
        return one


class _CalleeCompiler(_KernelCompiler):
    """The same for functions that only compiled functions call."""

    def replaced(self, one: Any) -> Any:
        return _LowerCallee if one is typed_passes.NativeLowering else one


register_pass(mutates_CFG=True, analysis_only=False)(_LowerCallee)


def jit(function: F | None = None, **options: Any) -> Any:
    """Compile a function of the kernel that only other compiled functions call.

    Args:
        function: The function; ``None`` when used as ``@jit(...)``.
        **options: Overrides for :func:`numba.njit`, for example ``inline="always"``.

    Returns:
        The compiled function.
    """
    if function is None:
        return functools.partial(jit, **options)
    chosen = {**_OPTIONS, "no_cpython_wrapper": True, "pipeline_class": _CalleeCompiler}
    return numba.njit(**{**chosen, **options})(function)


def standalone(function: Any) -> Any:
    """Compile a function of the kernel so that Python can call it, for tests and experiments.

    What :func:`jit` compiles has no wrapper for calls from Python, because making one for every
    function of the kernel would lengthen the first start noticeably.

    Args:
        function: A function under :func:`jit`.

    Returns:
        The same function, callable.
    """
    return numba.njit(**_OPTIONS)(function.py_func)


def entry_point(function: F) -> F:
    """Compile a function that Python calls, and keep its machine code on disk.

    The code is kept where numba would keep it (``NUMBA_CACHE_DIR``, else beside the source, else
    the user's cache folder) and is recompiled when :func:`core_fingerprint` changes.

    Args:
        function: The function.

    Returns:
        The compiled function.
    """
    compiled = numba.njit(**_OPTIONS, pipeline_class=_KernelCompiler)(function)
    compiled._cache = _Cache(function)
    return cast(F, compiled)


@intrinsic
def lend(typing_context: Any, array: Any) -> Any:
    """Give a view of an array that is not counted as a reference to it.

    Handing an array to a compiled function counts references up and down by atomic operations,
    at every level of calls and on a counter that all threads share. An entry point, which its
    caller keeps the array alive for, lends it to what it calls instead.

    Args:
        typing_context: Supplied by numba.
        array: The array, for as long as the entry point runs.

    Returns:
        The same memory as an array without an owner.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        view.meminfo = view.meminfo.type(None)
        view.parent = view.parent.type(None)
        return view._getvalue()

    return array(array), generate


@intrinsic
def prefetch(typing_context: Any, record: Any, offset: Any) -> Any:
    """Ask the processor to fetch the cache line at an offset of a record.

    Args:
        typing_context: Supplied by numba.
        record: The record.
        offset: Bytes from its start.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        word = ir.IntType(32)
        place = builder.gep(builder.bitcast(arguments[0], byte), [arguments[1]])
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        fetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        # For reading and writing, to be kept in every level of the cache, as data.
        builder.call(fetch, [place, word(1), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(record, types.int64), generate
