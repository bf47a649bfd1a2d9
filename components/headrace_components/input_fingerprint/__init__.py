"""The small task before a component that fingerprints the files that the component will read.

It runs in the image of that component, so that it sees the same files as the component.
"""
