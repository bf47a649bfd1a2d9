#!/bin/sh
# Builds the packages of sdists.txt, in the versions and with the hashes of a lock.
# Usage: compile.sh <lock with all of them> <directory to make>
set -eu
if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi

grep -v '^#' "$(dirname "$0")/sdists.txt" | while read -r name; do
  awk -F '==' -v name="$name" '/^[^ #]/ { take = $1 == name } take' "$1" > /tmp/one.lock
  # The tools of the build come from the same lock, with its hashes.
  /opt/tools/bin/uv pip install --quiet --no-cache --no-deps --require-hashes --no-binary "$name" \
    --build-constraints "$1" --python /usr/bin/python3.13 --target "$2/$name" \
    --requirement /tmp/one.lock
done
