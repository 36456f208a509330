#!/usr/bin/env bash
# Makes what the targets start from: a run of simulated models, and first inputs for each target.
# Nothing of it is kept in the repository.
set -euo pipefail
cd "$(dirname "$0")"
root=$PWD/..

rm -rf seeds
mkdir -p seeds
cargo run --quiet --manifest-path "$root/Cargo.toml" -p mmh-tests --bin mmh-under-test -- run --mock --iterations 2 --eval-size 3 \
    --run-id run --runs-dir "$PWD/seeds" --fixed-clock 2026-01-01T00:00:00Z > seeds/scoreboard.txt

# input TARGET NAME FIRST: what comes in, behind a byte that says what it is.
input() {
    mkdir -p "corpus/$1"
    { printf "\\x$(printf %02x "$3")"; cat; } > "corpus/$1/$2"
}

# In the order of `FILES` in run_folders.rs. Of long lists, the first rows are enough.
run=seeds/run
at=0
for file in config.json summary.json cost.json manifest.json iterations/000/manifest.json \
    iterations/000/score.json iterations/000/eval_trace.jsonl iterations/000/model_calls.jsonl \
    iterations/000/learn_trace.jsonl iterations/001/filesystem_reads.jsonl iterations/001/proposer.jsonl \
    iterations/001/harness.rs; do
    { case $file in *.jsonl) head -n 3 ;; *) cat ;; esac } < "$run/$file" | input run_folders "${file//\//-}" "$at"
    at=$((at + 1))
done

data=$root/host/search/data/symptoms-mini
head -n 6 "$data/train.jsonl" | input data_sets jsonl 0
printf 'id,text,label\n1,"it, ""aches""",flu\n2,a cough,cold\n3,"two\nlines",flu\n4,x,cold\n5,y,flu\n' | input data_sets csv 2
{
    head -n 2 "$data/train.jsonl"
    printf -- '----\n'
    head -n 2 "$data/val.jsonl"
    printf -- '----\n'
    head -n 1 "$data/test.jsonl"
    printf -- '----\n{"name":"n","instructions":"i"}'
} | input data_sets folder 3

mkdir -p corpus/model_replies
cat > corpus/model_replies/anthropic <<'END'
200
request-id: req_1

{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"thinking","thinking":"so","signature":"x"},{"type":"text","text":"flu"},{"type":"tool_use","id":"t1","name":"read_score","input":{"iteration":0}}],"stop_reason":"tool_use","usage":{"input_tokens":300,"output_tokens":4,"cache_read_input_tokens":7,"cache_creation_input_tokens":8,"cache_creation":{"ephemeral_1h_input_tokens":2}}}
END
cat > corpus/model_replies/openai <<'END'
200
x-request-id: r

{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"flu","reasoning_content":"so","refusal":null,"tool_calls":[{"id":"t1","type":"function","function":{"name":"diff_harness","arguments":"{\"a\":0,\"b\":1}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":30,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":7},"cost":0.0012}}
END
cat > corpus/model_replies/overloaded <<'END'
529
retry-after: 7
retry-after-ms: 20.5
x-should-retry: true

{"type":"error","error":{"type":"overloaded_error","message":"Overloaded","details":{"error_code":"enforced_spend_limit_reached"}}}
END
cat > corpus/model_replies/gateway <<'END'
200
retry-after: Sun, 06 Nov 1994 08:49:37 GMT

{"error":{"code":429,"message":"slow down"},"user_id":"u"}
END

at=0
for arguments in null '{}' '{"iteration":0}' '{"iteration":1}' '{"iteration":1}' \
    '{"iteration":0,"only_failures":false,"offset":1,"limit":200}' '{"label":"flu","offset":0,"limit":3}' null \
    '{"a":0,"b":1}' '{"code":"fn main() {}"}' '{"code":"","example_ids":["val-0000"]}' \
    '{"code":"","reasoning":"../../../secret"}'; do
    printf '%s' "$arguments" | input tool_arguments "$at" "$at"
    at=$((at + 1))
done

printf '\0asm\x0d\0\x01\0' | input components empty 0
input components text 1 < "$root/tests/components/harness.wat"
head -c 1024 "$run/iterations/000/harness.wasm" | input components smith 2
head -c 1024 "$run/iterations/000/harness.wasm" | input components module 3
head -c 64 "$run/iterations/000/harness.wasm" | input altered_harness bytes 0
