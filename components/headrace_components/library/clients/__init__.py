"""Reads and writes files in object stores and on disks."""
