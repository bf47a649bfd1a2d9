"""The small task before a component that says what the files hold which the component will read.

It runs in the image of that component, so that it sees the files as the component will.
"""
