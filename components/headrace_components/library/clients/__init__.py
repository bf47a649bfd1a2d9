"""Files in object stores and on disks, wherever they are stored."""
