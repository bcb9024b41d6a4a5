"""What is known of the compiler: how kernels are made and kept, random streams, blocks of lanes.

Imports `foundation` alone. Start with `compiler.py`; `blocks.py` says how kernels are laid
out, `bound_arrays.py` how they are given their arrays.
"""
