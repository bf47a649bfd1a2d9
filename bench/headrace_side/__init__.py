"""What runs in a process of its own to be measured, with Headrace's interpreter."""
