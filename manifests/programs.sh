# shellcheck shell=bash
# need PROGRAM HOW: reports a missing program. `checked` ends the script if one was missing.
missing=0
need() {
  command -v "$1" >/dev/null && return
  echo "${me:?}: $1 is not installed. $2" >&2
  missing=1
}

checked() {
  if ((missing)); then exit 2; fi
}
