#!/bin/sh
# Installs the packages of a lock that the layers below lack, and takes off what only builds need.
# Usage: install.sh <lock>
set -eu
if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi
sdists=$(dirname "$0")/sdists.txt
site=/opt/headrace/lib/python3.13/site-packages

if grep -q '==' "$1"; then
  UV_LINK_MODE=copy /tools/opt/tools/bin/uv pip install --quiet --no-deps --require-hashes --only-binary :all: \
    --excludes "$sdists" --compile-bytecode --python /opt/headrace/bin/python --requirement "$1"
fi
for directory in /tools/compiled/*; do
  name=${directory##*/}
  if grep -q "^$name==" "$1" && [ ! -e "$site/.compiled-$name" ]; then
    cp -r "$directory"/. "$site"
    python -m compileall -q "$site" && touch "$site/.compiled-$name"
  fi
done

# Flight is a network protocol of Arrow that neither Beam nor a component speaks.
rm -rf "$site"/pyarrow/*_flight* "$site"/pyarrow/libarrow_flight*
# Of NVIDIA's libraries those that neither another one nor TensorFlow opens, 390 MB: eigenvalues over several GPUs,
# FFTW's names for cuFFT, a second build of NVRTC, the compiler behind nvcc (XLA brings its own), NCCL for kernels.
rm -f "$site"/nvidia/cusolver/lib/libcusolverMg.* "$site"/nvidia/cufft/lib/libcufftw.* \
  "$site"/nvidia/cuda_nvrtc/lib/libnvrtc*.alt.* "$site"/nvidia/cuda_nvcc/nvvm/lib64/libnvvm.* \
  "$site"/nvidia/nccl/lib/libnccl_device.*
# TensorFlow 2.21 looks for cuSOLVER in the directories of all others but its own, and uses no GPU without it.
for library in "$site"/nvidia/cusolver/lib/libcusolver.so.*; do
  [ ! -e "$library" ] || ln -sf "../../cusolver/lib/${library##*/}" "$site/nvidia/cusparse/lib/"
done
find "$site" -type d \( -name tests -o -name include \) -prune -exec rm -rf {} +
find "$site" -type f \( -name '*.a' -o -name '*.h' -o -name '*.hpp' -o -name '*.pyx' -o -name '*.pxd' \) -delete

# A package whose library lost one that it needs would fail in the middle of a task.
if [ -d "$site/pyarrow" ]; then
  python -c 'import pyarrow.compute, pyarrow.csv, pyarrow.dataset, pyarrow.json, pyarrow.parquet'
fi
