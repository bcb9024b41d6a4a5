"""The one place that says how kernels are compiled."""

from __future__ import annotations

from typing import Any

import numba

njit: Any = numba.njit(cache=True, nogil=True, error_model="numpy")
"""Compile a function: cached on disk, without the interpreter lock, no exceptions on division."""
