"""Functions compiled for this machine's processor by numba, where it can be imported.

Without it the lab computes the same with torch, and takes longer.
"""

import contextlib
from collections.abc import Callable, Collection
from typing import Any, TypeVar, cast

try:
    import numba
except ImportError:
    VERSION, _OPTIONS = None, {}
else:
    VERSION = numba.__version__

    class _Disjoint(numba.core.compiler.Compiler):
        """Compiler to which the arrays of a call share no memory, as C's ``restrict``: it keeps rows in registers."""

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)  # type: ignore[no-untyped-call]
            self.state.flags.noalias = True

    _OPTIONS = {"nogil": True, "error_model": "numpy", "pipeline_class": _Disjoint}

Function = TypeVar("Function", bound=Callable[..., Any])

#: True if this process has compiled functions.
AVAILABLE = VERSION is not None


def compiled(
    function: Function, fastmath: Collection[str] = ("contract",), calls: Collection[Callable[..., Any]] = ()
) -> Function:
    """Compile a function of arrays and numbers at its first call; the code is kept on disk for the next process.

    Its arrays must share no memory that it writes to. It may be called only where ``AVAILABLE``; denormals are flushed
    where the calling thread does it, since it computes by itself.

    Args:
        calls: the compiled functions of other files that it calls: it is compiled again when such a file has changed,
            as when its own has.
        fastmath: LLVM's flags. ``contract`` joins a product to a sum without rounding it; ``reassoc`` takes sums in
            another order, so that their loops become vector instructions. None that forgets NaN and infinities: these
            show that a run has diverged.
    """
    if not AVAILABLE:
        return function
    options: Any = {**_OPTIONS, "fastmath": set(fastmath)}
    try:
        kernel: Any = numba.njit(cache=True, **options)(function)
    except RuntimeError:
        # Neither the folder of the source nor the home can be written: each process compiles for itself.
        kernel = numba.njit(**options)(function)
    if calls and (file := _file(kernel)):
        file._source_stamp = (file._source_stamp, *(getattr(_file(other), "_source_stamp", None) for other in calls))
    kernel._cache.save_overload = _unless_refused(kernel._cache.save_overload)
    kernel._cache.load_overload = _unless_refused(kernel._cache.load_overload)
    return cast(Function, kernel)


def was_compiled(function: Callable[..., Any]) -> bool:
    """Return True if this process had to compile a function that it has called: its code was not on disk."""
    kernel: Any = function
    return AVAILABLE and bool(kernel.stats.cache_misses)


def _file(kernel: Any) -> Any:
    """Return numba's file of a function's code, which knows the state of its source; None where there is none."""
    return getattr(kernel._cache, "_cache_file", None)


def _unless_refused(access: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``access`` to the code on disk, which gives None where the disk refuses: full, or taken away."""

    def tried(*arguments: Any) -> Any:
        with contextlib.suppress(OSError):
            return access(*arguments)
        return None

    return tried
