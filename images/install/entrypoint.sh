#!/bin/sh
# Starts what a container is asked for: the component, a worker of Beam, or any other command.
# Kubeflow and Vertex name the command `python -m headrace_components.<component>` themselves;
# Dataflow, Flink and Spark give the arguments of Beam's start program and no command.
case "${1-}" in
  --executor_input*) exec python -m "headrace_components.$HEADRACE_COMPONENT" "$@" ;;
  --*) exec /opt/apache/beam/boot "$@" ;;
  '') exec python -m "headrace_components.$HEADRACE_COMPONENT" --help ;;
  *) exec "$@" ;;
esac
