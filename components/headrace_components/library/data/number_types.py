"""Distinguishes kinds of NumPy types, including those of ml_dtypes.

TensorFlow gives tensors of `bfloat16`, 8-bit floats and 4-bit integers the types of ml_dtypes,
which NumPy treats as neither floats nor integers: `np.issubdtype(bfloat16, np.floating)` is false.
"""

import numpy as np

_OTHER = "V"  # NumPy's kind for types of other packages


def is_float(kind: "np.dtype[np.generic]") -> bool:
    """Returns whether numbers of a type may have a fraction; complex numbers are not floats."""
    return kind.kind == "f" or (kind.kind == _OTHER and "float" in kind.name)


def is_integer(kind: "np.dtype[np.generic]") -> bool:
    """Returns whether numbers of a type are integers; booleans are not."""
    return kind.kind in "iu" or (kind.kind == _OTHER and "int" in kind.name)


def is_number(kind: "np.dtype[np.generic]") -> bool:
    """Returns whether values of a type are real numbers or booleans."""
    return kind.kind == "b" or is_float(kind) or is_integer(kind)
