#!/bin/sh
# The numbers of the README, each below the command that gives it. `make bench` builds what this needs. Timing belongs
# here and in no test.
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build}
export BITTRUE_STORE=none # each run runs
out=$build/bench
mkdir -p "$out"

# Column $2 of the CSV report $1, summed over the rows of single layers.
sum() {
    awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next } { s += $c } END { printf "%.9g\n", s }' "$1"
}

echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores"
echo "tools:   $(verilator --version); $(clang++ --version | head -n 1)"

echo
echo "== ResNet-50, all conv and fc layers at real size on 16x16, all engines compared, 2 jobs"
hyperfine --shell=none --warmup 1 --runs 3 --export-json "$out/resnet50.json" \
    "$build/bittrue run --network resnet50 --variant os_array --config 16x16 --jobs 2 --out $out/resnet50"

echo
echo "== simulation speed on one core: the same layers, RTL alone, then bare meshes: of textbook elements, of our own cells"
"$build/bittrue" run --network resnet50 --variant os_array --config 16x16 --engine rtl --jobs 1 --out "$out/rtl" >"$out/rtl.log"
csv=$out/rtl/results.csv
mesh=$("$build/bench-mesh" "$build/rtl/mesh-test.so" 256)
mesh_pe=$("$build/bench-mesh" "$build/rtl/mesh_pe-test.so" 256)
macs=$(sum "$csv" macs)
seconds=$(sum "$csv" rtl_seconds)
cycles=$(sum "$csv" rtl_cycles)
echo "bare mesh 16x16 of processing elements: $mesh_pe"
echo "bare mesh 16x16 of os_array's cells:    $mesh"
awk -v m="$macs" -v s="$seconds" -v c="$cycles" -v mesh="${mesh%% *}" -v pe="${mesh_pe%% *}" 'BEGIN {
    printf "os_array 16x16:  %.3f GMAC/s, %.2f of the first, %.2f of the second (%.3f GMAC, %.2f s, %.0f cycles)\n", m / s / 1e9, m / s / 1e9 / pe, m / s / 1e9 / mesh, m / 1e9, s, c
    printf "utilisation:     %.1f %% (MACs / 256 multipliers / cycles)\n", 100 * m / 256 / c }'

echo
echo "== ws_array: the same layers, RTL alone on one core, 16x16 and 32x32"
for config in 16x16 32x32; do
    "$build/bittrue" run --network resnet50 --variant ws_array --config $config --engine rtl --jobs 1 --out "$out/ws-$config" >"$out/ws.log"
    csv=$out/ws-$config/results.csv
    awk -v m="$(sum "$csv" macs)" -v s="$(sum "$csv" rtl_seconds)" -v c="$(sum "$csv" rtl_cycles)" -v size="${config%x*}" 'BEGIN {
        printf "ws_array %dx%d: %.3f GMAC/s, utilisation %.1f %% (%.2f s, %.0f cycles)\n", size, size, m / s / 1e9, 100 * m / size / size / c, s, c }'
done
"$build/bittrue" run --network resnet50 --layer '*.conv2' --variant ws_array --config 16x16 --engine rtl --jobs 1 --out "$out/ws-3x3" >"$out/ws.log"
csv=$out/ws-3x3/results.csv
awk -v m="$(sum "$csv" macs)" -v c="$(sum "$csv" rtl_cycles)" 'BEGIN { printf "its 3x3 layers:  utilisation %.1f %%\n", 100 * m / 256 / c }'

echo
echo "== ws_array: ResNet-34 from picture to class, RTL natively and under the firmware, every tensor compared, one core"
hyperfine --shell=none --runs 1 --export-json "$out/ws-resnet34.json" \
    "$build/bittrue run --chained --network resnet34 --variant ws_array --config 16x16 --engine ref,rtl,cycles,iss:accel --jobs 1 --out $out/ws-resnet34"
for try in 1 2 3; do
    "$build/bittrue" predict --network resnet34 --variant ws_array --config 16x16 | tail -n 1
done | sort | head -n 1 | sed "s/^/its layers planned and predicted: /"

echo
echo "== dadiannao, bit_tactical: ResNet-50 in 16 bits, dense and three quarters pruned, RTL alone on one core"
for tiles in "dadiannao table3 0" "bit_tactical T_2_5 75"; do
    set -- $tiles
    "$build/bittrue" run --network resnet50 --dtype int16 --sparsity "$3" --variant "$1" --config "$2" --engine rtl --jobs 1 --out "$out/$1" >"$out/$1.log"
    csv=$out/$1/results.csv
    awk -v m="$(sum "$csv" macs)" -v s="$(sum "$csv" rtl_seconds)" -v c="$(sum "$csv" rtl_cycles)" -v name="$1 $2, $3 % zero" 'BEGIN {
        printf "%s: %.3f GMAC/s, all MACs counted (%.2f s, %.0f cycles)\n", name, m / s / 1e9, s, c }'
done
"$build/bittrue" predict --network resnet50 --dtype int16 --sparsity 75 --variant bit_tactical --config T_2_5 | tail -n 1 | sed "s/^/weights made, pruned, scheduled: /"

echo
echo "== int8 inference on one core: convolutions of whole networks beside oneDNN's own, then pictures through LeNet-5"
"$build/bench-int8"

echo
echo "== prediction: all layers of ResNet-50, a small layer, a large one"
hyperfine --shell=none --warmup 3 --export-json "$out/predict.json" \
    "$build/bittrue predict --network resnet50 --variant os_array --config 16x16"
for selection in "resnet50 *" "lenet5 c1" "yolov5s 0.conv"; do
    set -f
    set -- $selection
    set +f
    for try in 1 2 3; do
        "$build/bittrue" predict --network "$1" --layer "$2" --variant os_array --config 16x16 | tail -n 1
    done | sort | head -n 1 | sed "s/^/$1 $2: /"
done

echo
echo "== cycle error over all distinct layers of all networks"
"$build/bittrue" run --suite suites/all.yaml --out "$out/all" >"$out/all.log"
sed -n '/^## Cycle error/,/^## Networks/p' "$out/all/summary.md" | grep '^|'

echo
echo "== the smoke suite, built"
hyperfine --shell=none --warmup 1 --runs 3 --export-json "$out/smoke.json" \
    "$build/bittrue run --suite suites/smoke.yaml --out $out/smoke"

echo
echo "== make check-all once more, nothing changed; the site of its results"
again="env -u BITTRUE_STORE -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make --no-print-directory BUILD=$build check-all"
$again >"$out/check-all.log"
hyperfine --shell=none --runs 5 --export-json "$out/unchanged.json" "$again"
hyperfine --shell=none --runs 3 --export-json "$out/site.json" \
    "python3 reports/site_build.py --out $out/site $build/out/all/results.json $build/out/smoke/results.json"
echo "first page: $(wc -c <"$out/site/index.html") bytes"

echo
echo "== compare: two stored runs of 50,000 results each, every one with other cycles"
rm -f "$out"/store.db*
"$build/test/test_store" "$out/store.db" 50000
hyperfine --shell=none --warmup 1 --runs 5 --export-json "$out/compare.json" "$build/bittrue compare 1 2 --store $out/store.db"

echo
echo "== firmware: Tiny-Darknet whole, the CPU alone and with the 16x16 array on RTL, one core"
for engine in iss:sw iss:accel; do
    hyperfine --shell=none --warmup 1 --runs 3 --export-json "$out/tiny-$engine.json" \
        "$build/bittrue run --chained --network tiny_darknet --images 1 --variant os_array --config 16x16 --engine ref,$engine --jobs 1 --out $out/tiny-$engine"
done
python3 - "$out/tiny-iss:sw/results.json" <<'PY'
import json, sys
results = [r["engines"]["iss:sw"] for r in json.load(open(sys.argv[1], encoding="utf-8"))["results"]]
instructions = sum(r["soc"]["instructions"] for r in results if "soc" in r)
seconds = sum(r["seconds"] for r in results)
print("iss:sw: %.2f G instructions in %.2f s, %.0f MIPS with accounting" % (instructions / 1e9, seconds, instructions / seconds / 1e6))
PY

echo
echo "== firmware: LeNet-5 whole, 100 pictures on 16x16, RTL driven natively and RTL under the firmware"
for engine in rtl iss:accel; do
    hyperfine --shell=none --warmup 1 --runs 5 --export-json "$out/lenet-$engine.json" \
        "$build/bittrue run --chained --network lenet5 --images 100 --variant os_array --config 16x16 --engine ref,$engine --jobs 1 --out $out/lenet"
done
python3 - "$out" <<'PY'
import json, sys
native, firmware = (json.load(open("%s/lenet-%s.json" % (sys.argv[1], e), encoding="utf-8"))["results"][0]["min"] for e in ("rtl", "iss:accel"))
print("under the firmware: %.2f of the time without" % (firmware / native))
PY
