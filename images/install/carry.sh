#!/bin/sh
# Copies files of other images that some images need, if the build has these other images.
# Usage: carry.sh <component> <Beam's image> <Serving's image>. The two names are in the command so
# that the engine's cache distinguishes builds with other images.
set -eu
site=/opt/headrace/lib/python3.13/site-packages

if [ -x /beam-sdk/opt/apache/beam/boot ]; then
  mkdir -p /opt/apache
  cp -r /beam-sdk/opt/apache/beam /opt/apache/beam
  # Beam's start program uses pip to install an author's module, which is a wheel.
  cp -r /beam-sdk/usr/local/lib/python3.13/site-packages/pip* "$site"
elif [ -d "$site/apache_beam" ]; then
  echo "WARNING: $1 is built without BEAM_SDK: no worker of Dataflow, Flink or Spark can be started from it."
fi
if [ -x /serving/usr/bin/tensorflow_model_server ]; then
  cp /serving/usr/bin/tensorflow_model_server /usr/bin/tensorflow_model_server
elif [ "$1" = infra_validator ]; then
  echo "WARNING: $1 is built without SERVING: it can load a model, not serve it with TensorFlow Serving."
fi
