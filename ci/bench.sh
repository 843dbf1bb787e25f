#!/bin/sh
# The numbers of the README, each with the command that gives it. `make bench` builds what this needs.
set -eu
cd "$(dirname "$0")/.."
out=build/bench
mkdir -p "$out"

echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores"
echo "tools:   $(gcc --version | head -n 1); $(verilator --version)"

echo
echo "predict, all layers of ResNet-50 on 16x16"
hyperfine --shell=none --warmup 3 --export-json "$out/predict.json" \
    "build/bittrue predict --network resnet50 --config 16x16"

echo
echo "all layers of ResNet-50 at real size on 16x16, all engines compared"
hyperfine --shell=none --runs 1 --export-json "$out/resnet50.json" \
    "build/bittrue run --suite suites/all.yaml --network resnet50 --config 16x16 --out $out/resnet50"
