#!/bin/sh
# Builds harness.py to {{name}}.wasm: `sh build.sh`. WIT names the folder of the contract, PYTHON a Python 3.10 or later,
# COMPONENTIZE_PY the tool, where it is installed already.
set -eu
cd "$(dirname "$0")"
wit=${WIT:-wit}
steady=${STEADY:-steady.c}
work=${BUILD:-build}
mkdir -p "$work"

tool=${COMPONENTIZE_PY:-$work/venv/bin/componentize-py}
if [ ! -x "$tool" ]; then
  "${PYTHON:-python3}" -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
fi

# What an editor and the tests need to know the types.
if [ ! -d wit_world ]; then
  "$tool" --quiet --wit-path "$wit" --world harness bindings .
fi

# The source alone is what the component is made of, whatever else lies in this folder.
rm -rf "$work/source"
mkdir "$work/source"
cp harness.py "$work/source/"

# With a fixed clock and fixed random numbers, each build gives the same bytes.
preload=
if [ "$(uname -sm)" = "Linux x86_64" ] && cc -shared -fPIC -O1 -o "$work/steady.so" "$steady"; then
  preload=$(cd "$work" && pwd)/steady.so
else
  echo "note: two builds will differ in a few bytes, because steady.c is for Linux on x86-64 and needs a C compiler" >&2
fi
LD_PRELOAD=$preload "$tool" --quiet --wit-path "$wit" --world harness \
  componentize --python-path "$work/source" --output "${OUTPUT:-{{name}}.wasm}" harness
