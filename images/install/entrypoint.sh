#!/bin/sh
# Starts the component, a worker of Beam, or any other command, depending on the arguments.
# Kubeflow and Vertex AI pass the command `python -m headrace_components.<component>`.
# Dataflow, Flink and Spark pass the arguments of Beam's start program, without a command.
case "${1-}" in
  --executor_input*) exec python -m "headrace_components.$HEADRACE_COMPONENT" "$@" ;;
  --*) exec /opt/apache/beam/boot "$@" ;;
  '') exec python -m "headrace_components.$HEADRACE_COMPONENT" --help ;;
  *) exec "$@" ;;
esac
