"""TFX's names, for pipeline files that were written for TFX and for the code of tasks.

`surface.py` says which names there are and `finder.py` makes them importable. Everything here needs
the standard library alone when it is imported: neither kfp nor the compiler is in a task's image.
"""
