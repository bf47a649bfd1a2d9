#!/bin/sh
# Installs the packages of a lock that the layers below lack, and takes off what nothing reads.
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
# TensorFlow 2.21 looks for cuSOLVER in the directories of all others but its own, and uses no GPU without it.
for library in "$site"/nvidia/cusolver/lib/libcusolver.so.*; do
  [ ! -e "$library" ] || ln -sf "../../cusolver/lib/${library##*/}" "$site/nvidia/cusparse/lib/"
done

# A package whose library lost one that it needs would fail in the middle of a task.
if [ -d "$site/pyarrow" ]; then
  python -c 'import pyarrow.compute, pyarrow.csv, pyarrow.dataset, pyarrow.json, pyarrow.parquet'
fi
