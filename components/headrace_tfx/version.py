"""The release of TFX whose libraries run with this Python, as `tfx.__version__`."""

import sys

__version__ = "1.16.0" if sys.version_info < (3, 12) else "1.21.0"
