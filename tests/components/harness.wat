;; The smallest harness that does everything a harness can: it notes its input, asks the model with it, and
;; answers with the reply's text, or with "a" where there is none. It learns nothing. Written by hand, so that
;; it stays a few kilobytes and every byte of it can be altered (see `odd_components.rs` and `fuzz/`).
(component
  (import "mmh:harness/types@2.0.0" (instance $types
    (type $task (record (field "name" string) (field "instructions" string) (field "labels" (list string))))
    (export "task" (type (eq $task)))
    (type $field (record (field "name" string) (field "value" string)))
    (export "field" (type $field-named (eq $field)))
    (type $input (record (field "text" string) (field "fields" (list $field-named))))
    (export "input" (type $input-named (eq $input)))
    (type $answer (record (field "text" string)))
    (export "answer" (type $answer-named (eq $answer)))
    (type $attempt (record (field "answer" $answer-named) (field "score" f64) (field "correct" bool)))
    (export "attempt" (type $attempt-named (eq $attempt)))
    (type $feedback
      (record (field "input" $input-named) (field "gold" string) (field "attempt" (option $attempt-named))))
    (export "feedback" (type (eq $feedback)))))
  (alias export $types "task" (type $task))
  (alias export $types "input" (type $input))
  (alias export $types "answer" (type $answer))
  (alias export $types "feedback" (type $feedback))

  (import "mmh:harness/log@2.0.0" (instance $log
    (type $level (enum "debug" "info" "warn" "error"))
    (export "level" (type $level-named (eq $level)))
    (export "write" (func (param "level" $level-named) (param "message" string)))))

  (import "mmh:harness/model@2.0.0" (instance $model
    (type $role (enum "user" "assistant"))
    (export "role" (type $role-named (eq $role)))
    (type $message (record (field "role" $role-named) (field "content" string)))
    (export "message" (type $message-named (eq $message)))
    (type $request (record
      (field "system" (option string))
      (field "messages" (list $message-named))
      (field "max-tokens" u32)
      (field "temperature" (option f32))
      (field "stop" (list string))))
    (export "request" (type $request-named (eq $request)))
    (type $stop-reason (enum "end" "length" "stop-sequence" "other"))
    (export "stop-reason" (type $stop-reason-named (eq $stop-reason)))
    (type $usage (record (field "input-tokens" u64) (field "output-tokens" u64)))
    (export "usage" (type $usage-named (eq $usage)))
    (type $reply (record (field "text" string) (field "stop-reason" $stop-reason-named) (field "usage" $usage-named)))
    (export "reply" (type $reply-named (eq $reply)))
    (type $error (variant
      (case "budget-spent")
      (case "call-limit" u32)
      (case "too-large" u64)
      (case "invalid" string)
      (case "refused" string)
      (case "unavailable" string)))
    (export "error" (type $error-named (eq $error)))
    (export "complete" (func (param "request" $request-named) (result (result $reply-named (error $error-named)))))))

  ;; Memory and its allocator come first: lowering an import needs them.
  (core module $memory
    (memory (export "memory") 2)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and
        (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
      (global.set $next (i32.add (local.get $at) (local.get $size)))
      (block $fits
        (br_if $fits (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
        (drop (memory.grow (i32.add (i32.const 1) (i32.div_u (local.get $size) (i32.const 65536))))))
      (memory.copy (local.get $at) (local.get $old) (local.get $old-size))
      (local.get $at)))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $bytes))
  (alias core export $memory "realloc" (core func $realloc))

  (core func $write (canon lower (func $log "write") (memory $bytes)))
  (core func $complete (canon lower (func $model "complete") (memory $bytes) (realloc $realloc)))

  (core module $code
    (import "memory" "memory" (memory 1))
    (import "host" "write" (func $write (param i32 i32 i32)))
    (import "host" "complete" (func $complete (param i32 i32 i32 i32 i32 i32 i32 f32 i32 i32 i32)))
    ;; 0: the answer; 16: the one message; 32: the reply; 96: a text
    (data (i32.const 96) "a")
    (func $answer (param $pointer i32) (param $length i32) (result i32)
      (i32.store8 (i32.const 0) (i32.const 0))
      (i32.store (i32.const 4) (local.get $pointer))
      (i32.store (i32.const 8) (local.get $length))
      (i32.const 0))
    (func (export "predict")
      (param i32 i32 i32 i32 i32 i32 i32 i32) (param $input i32) (param $length i32) (param i32 i32) (result i32)
      (call $write (i32.const 1) (local.get $input) (local.get $length))
      (i32.store8 (i32.const 16) (i32.const 0))
      (i32.store (i32.const 20) (local.get $input))
      (i32.store (i32.const 24) (local.get $length))
      (call $complete
        (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 16) (i32.const 1)
        (i32.const 9)
        (i32.const 0) (f32.const 0)
        (i32.const 0) (i32.const 0)
        (i32.const 32))
      (if (i32.load8_u (i32.const 32)) (then (return (call $answer (i32.const 96) (i32.const 1)))))
      (call $answer (i32.load (i32.const 40)) (i32.load (i32.const 44))))
    (func (export "learn") (param i32 i32 i32 i32 i32 i32) (param $state i32) (param $length i32) (param i32 i32) (result i32)
      (call $answer (local.get $state) (local.get $length))))
  (core instance $code (instantiate $code
    (with "memory" (instance $memory))
    (with "host" (instance (export "write" (func $write)) (export "complete" (func $complete))))))

  (func (export "predict")
    (param "task" $task) (param "state" (list u8)) (param "input" $input)
    (result (result $answer (error string)))
    (canon lift (core func $code "predict") (memory $bytes) (realloc $realloc)))
  (func (export "learn")
    (param "task" $task) (param "state" (list u8)) (param "feedback" (list $feedback))
    (result (result (list u8) (error string)))
    (canon lift (core func $code "learn") (memory $bytes) (realloc $realloc)))
  ;; The end of its exports.
)
