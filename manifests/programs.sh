# shellcheck shell=bash
# need PROGRAM HOW: ends the script, after all checks, if a program is missing. `checked` ends them.
missing=0
need() {
  command -v "$1" >/dev/null && return
  echo "${me:?}: $1 is not installed. $2" >&2
  missing=1
}

checked() {
  if ((missing)); then exit 2; fi
}
