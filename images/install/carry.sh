#!/bin/sh
# Copies what some images carry of other images, where the build was given these.
# Usage: carry.sh <component> <Beam's image> <Serving's image>; the names of the two are in the
# command so that a build with others is another one to the engine's cache.
set -eu
site=/opt/headrace/lib/python3.13/site-packages

if [ -x /beam-sdk/opt/apache/beam/boot ]; then
  mkdir -p /opt/apache
  cp -r /beam-sdk/opt/apache/beam /opt/apache/beam
  # Beam's start program installs an author's module, which comes as a wheel, with pip.
  cp -r /beam-sdk/usr/local/lib/python3.13/site-packages/pip* "$site"
elif [ -d "$site/apache_beam" ]; then
  echo "WARNING: $1 is built without BEAM_SDK: no worker of Dataflow, Flink or Spark can be started from it."
fi
if [ -x /serving/usr/bin/tensorflow_model_server ]; then
  cp /serving/usr/bin/tensorflow_model_server /usr/bin/tensorflow_model_server
elif [ "$1" = infra_validator ]; then
  echo "WARNING: $1 is built without SERVING: it can load a model, not serve it with TensorFlow Serving."
fi
