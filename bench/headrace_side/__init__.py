"""Programs that are measured, each in a separate process, with Headrace's interpreter."""
