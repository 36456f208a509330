// Asks with the learned examples that share the most words with the input.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness.h"

#define NEAREST 4
#define MOST_WORDS 4096

typedef harness_string_t text_t;

// A text that grows. Memory that cannot be had ends the call: the host says `memory-limit`.
typedef struct {
  uint8_t *ptr;
  size_t len, room;
} buffer_t;

static void add(buffer_t *to, const void *bytes, size_t len) {
  if (to->len + len > to->room) {
    to->room = (to->len + len) * 2;
    to->ptr = realloc(to->ptr, to->room);
    if (to->ptr == NULL) abort();
  }
  if (len > 0) memcpy(to->ptr + to->len, bytes, len);
  to->len += len;
}

static void add_text(buffer_t *to, text_t text) { add(to, text.ptr, text.len); }

static void add_words(buffer_t *to, const char *words) { add(to, words, strlen(words)); }

// A length and that many bytes: so the state is a row of texts and their golds.
static void add_counted(buffer_t *to, text_t text) {
  uint32_t len = (uint32_t)text.len;
  add(to, &len, sizeof len);
  add_text(to, text);
}

static text_t next_counted(harness_list_u8_t *state, size_t *at) {
  uint32_t len;
  memcpy(&len, state->ptr + *at, sizeof len);
  text_t text = {state->ptr + *at + sizeof len, len};
  *at += sizeof len + len;
  return text;
}

// The next word of a text from this place on: letters and digits. Empty at the end.
static text_t next_word(text_t text, size_t *at) {
  while (*at < text.len && !isalnum(text.ptr[*at])) *at += 1;
  size_t begin = *at;
  while (*at < text.len && isalnum(text.ptr[*at])) *at += 1;
  return (text_t){text.ptr + begin, *at - begin};
}

static bool same(text_t a, text_t b) {
  return a.len == b.len && strncasecmp((char *)a.ptr, (char *)b.ptr, a.len) == 0;
}

static bool has_word(text_t text, text_t word) {
  size_t at = 0;
  for (text_t it = next_word(text, &at); it.len > 0; it = next_word(text, &at))
    if (same(it, word)) return true;
  return false;
}

static bool contains(text_t text, text_t part) {
  for (size_t at = 0; at + part.len <= text.len; at += 1)
    if (same((text_t){text.ptr + at, part.len}, part)) return true;
  return false;
}

// How many different words two texts share.
static size_t common(text_t asked, text_t known) {
  text_t seen[MOST_WORDS];
  size_t at = 0, count = 0, shared = 0;
  for (text_t it = next_word(asked, &at); it.len > 0 && count < MOST_WORDS; it = next_word(asked, &at)) {
    bool is_new = true;
    for (size_t before = 0; before < count && is_new; before += 1) is_new = !same(seen[before], it);
    if (!is_new) continue;
    seen[count++] = it;
    shared += has_word(known, it);
  }
  return shared;
}

// The learned texts and golds that share the most words with the input, the best first: how many there are. Counts all.
static size_t nearest(harness_list_u8_t *state, text_t asked, text_t (*found)[2], size_t *all) {
  size_t scores[NEAREST], count = 0;
  for (size_t at = 0; at < state->len; *all += 1) {
    text_t text = next_counted(state, &at), gold = next_counted(state, &at);
    size_t score = common(asked, text), place = count;
    while (place > 0 && scores[place - 1] < score) place -= 1;
    if (place == NEAREST) continue;
    if (count < NEAREST) count += 1;
    for (size_t to = count - 1; to > place; to -= 1) {
      scores[to] = scores[to - 1];
      memcpy(found[to], found[to - 1], sizeof found[to]);
    }
    scores[place] = score;
    found[place][0] = text;
    found[place][1] = gold;
  }
  return count;
}

static buffer_t prompt(harness_task_t *task, text_t (*shown)[2], size_t count, text_t asked) {
  buffer_t out = {0};
  add_text(&out, task->instructions);
  for (size_t at = 0; at < task->labels.len; at += 1) {
    add_words(&out, at == 0 ? "\n\nLabels: " : ", ");
    add_text(&out, task->labels.ptr[at]);
  }
  for (size_t at = 0; at < count; at += 1) {
    add_words(&out, "\n\nInput: ");
    add_text(&out, shown[at][0]);
    add_words(&out, "\nAnswer: ");
    add_text(&out, shown[at][1]);
  }
  add_words(&out, "\n\nInput: ");
  add_text(&out, asked);
  add_words(&out, "\nAnswer:");
  return out;
}

// The label that stands in the reply, or the reply without white space around it.
static text_t read_answer(harness_task_t *task, text_t reply) {
  for (size_t at = 0; at < task->labels.len; at += 1)
    if (contains(reply, task->labels.ptr[at])) return task->labels.ptr[at];
  while (reply.len > 0 && isspace(reply.ptr[0])) reply = (text_t){reply.ptr + 1, reply.len - 1};
  while (reply.len > 0 && isspace(reply.ptr[reply.len - 1])) reply.len -= 1;
  return reply;
}

// Answers one input. What is returned belongs to the host, which frees it.
bool exports_harness_predict(harness_task_t *task, harness_list_u8_t *state, harness_input_t *input,
                             harness_answer_t *ret, harness_string_t *err) {
  text_t shown[NEAREST][2];
  size_t all = 0, count = nearest(state, input->text, shown, &all);
  char said[64];
  snprintf(said, sizeof said, "shows %zu of %zu examples", count, all);
  harness_string_t note;
  harness_string_set(&note, said);
  mmh_harness_log_write(MMH_HARNESS_LOG_LEVEL_DEBUG, &note);

  buffer_t content = prompt(task, shown, count, input->text);
  mmh_harness_model_message_t message = {MMH_HARNESS_MODEL_ROLE_USER, {content.ptr, content.len}};
  mmh_harness_model_request_t request = {.messages = {&message, 1}, .max_tokens = 64};
  mmh_harness_model_reply_t reply;
  mmh_harness_model_error_t error;
  if (!mmh_harness_model_complete(&request, &reply, &error)) {
    // The host remembers why: the outcome is `call-limit`, `budget-spent` and so on.
    harness_string_dup(err, "the model gave no reply");
    return false;
  }
  text_t answer = read_answer(task, reply.text);
  harness_string_dup_n(&ret->text, (char *)answer.ptr, answer.len);
  return true;
}

// Keeps the examples, so that `predict` can show some of them.
bool exports_harness_learn(harness_task_t *task, harness_list_u8_t *state, harness_list_feedback_t *feedback,
                           harness_list_u8_t *ret, harness_string_t *err) {
  (void)task, (void)err;
  buffer_t out = {0};
  add(&out, state->ptr, state->len);
  for (size_t at = 0; at < feedback->len; at += 1) {
    add_counted(&out, feedback->ptr[at].input.text);
    add_counted(&out, feedback->ptr[at].gold);
  }
  *ret = (harness_list_u8_t){out.ptr, out.len};
  return true;
}
