#!/bin/sh
# Installs the packages of a lock that the layers below do not have, and removes files that nothing reads.
# Usage: install.sh <lock>
set -eu
if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi
install=$(dirname "$0")
site=/opt/headrace/lib/python3.13/site-packages
started=$(mktemp)

if grep -q '==' "$1"; then
  UV_LINK_MODE=copy /tools/opt/tools/bin/uv pip install --quiet --no-deps --require-hashes --only-binary :all: \
    --excludes "$install/sdists.txt" --python /opt/headrace/bin/python --requirement "$1"
fi
for directory in /tools/compiled/*; do
  name=${directory##*/}
  if grep -q "^$name==" "$1" && [ ! -e "$site/.compiled-$name" ]; then
    cp -r "$directory"/. "$site"
    touch "$site/.compiled-$name"
  fi
done
python "$install/slim.py" "$site" "$started"
rm "$started"
# TensorFlow 2.21 does not look for cuSOLVER in its own directory, only in those of the other libraries. Without it, no GPU is used.
for library in "$site"/nvidia/cusolver/lib/libcusolver.so.*; do
  [ ! -e "$library" ] || ln -sf "../../cusolver/lib/${library##*/}" "$site/nvidia/cusparse/lib/"
done

# If a library that a package needs was removed, the package would fail in the middle of a task.
if [ -d "$site/pyarrow" ]; then
  python -c 'import pyarrow.compute, pyarrow.csv, pyarrow.dataset, pyarrow.json, pyarrow.parquet'
fi
