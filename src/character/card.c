/* Character Card V2 (and V3's JSON, which has the same data): parsed strictly where it matters to us, kept whole. */
#include "character/card.h"
#include "character/small_talk.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "character/card_forms.h"
#include "text/fold.h"
#include "text/name.h"
#include "text/wording.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CARD_BYTES ((size_t)4 << 20)
#define MAX_CAST 2000
#define MAX_CAST_NAME 1000 /* bytes; each is looked for in each take */
#define MAX_GREETINGS 32
#define MAX_GREETING 65536 /* bytes; a turn of a chat has no more */

static bool all_strings(const json_t *list) {
    const json_t *v;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)list, i, v)
        if (!json_is_string(v)) return false;
    return true;
}

static json_t *joined(const json_t *list) {
    const json_t *v;
    size_t i;
    us_buf b;
    us_buf_init(&b, MAX_CARD_BYTES);
    us_status st = US_OK;
    json_array_foreach((json_t *)(uintptr_t)list, i, v)
        if (!st) st = us_buf_appendf(&b, NULL, "%s%s", i ? "\n" : "", json_string_value(v));
    json_t *text = st ? NULL : json_stringn(b.data ? b.data : "", b.len);
    us_buf_fini(&b);
    return text;
}

/* A field of data that should be words. A number is taken as its digits; what cannot be words is said to be left out. */
static const char *words_of(us_card *c, json_t *data, const char *key) {
    json_t *v = json_object_get(data, key);
    if (!v || json_is_null(v)) return "";
    if (json_is_number(v)) {
        char digits[64];
        snprintf(digits, sizeof digits, "%.15g", json_number_value(v));
        json_object_set_new(data, key, v = json_string(digits));
    }
    if (json_is_string(v)) return json_string_value(v);
    if (json_array_size(v) && all_strings(v)) { /* a list of lines */
        json_t *text = joined(v);
        if (text && !json_object_set_new(data, key, text)) return json_string_value(text);
    }
    json_array_append_new(c->notes, json_sprintf("data.%s: a text is expected; it is left out", key));
    return "";
}

/* A name as ours are: line breaks are blanks, marks of direction are dropped, and what is too long is cut at a character. Said
 * when it was another one. */
static const char *name_of(us_card *c, json_t *data) {
    const char *name = words_of(c, data, "name"), *fault = us_name_fault(name);
    us_buf b;
    if (!fault) return name;
    us_buf_init(&b, MAX_CARD_BYTES);
    size_t n = strlen(name) < US_NAME_BYTES ? strlen(name) : US_NAME_BYTES;
    us_status st = US_OK;
    n -= us_utf8_tail(name, n);
    for (size_t i = 0; i < n && !st;) {
        uint32_t cp;
        int len = us_utf8_decode(name + i, n - i, &cp);
        bool blank = cp < ' ' || cp == 0x7f;
        if (!len) break; /* no UTF-8: cards have been asked for that */
        if (!us_turns_direction(cp)) st = us_buf_append(&b, blank ? " " : name + i, blank ? 1 : (size_t)len, NULL);
        i += (size_t)len;
    }
    while (b.len && b.data[b.len - 1] == ' ') b.data[--b.len] = 0;
    if (!st && b.len && strspn(b.data, " ") < b.len && !us_name_fault(b.data)) {
        json_array_append_new(c->notes, json_sprintf("data.name: %s; it is '%s' here", fault, b.data));
        json_object_set_new(data, "name", json_string(b.data));
        name = json_string_value(json_object_get(data, "name"));
    }
    us_buf_fini(&b);
    return name;
}

static us_status want_number(json_t *o, const char *file, const char *key, double *out, us_error *err) {
    json_t *v = json_object_get(o, key);
    if (!v) return US_OK;
    if (!json_is_number(v)) return us_fail(err, US_ERR_FORMAT, "%s: extensions.understudy: %s: expected a number", file, key);
    *out = json_number_value(v);
    return US_OK;
}

static us_status load_sampler(json_t *o, const char *file, us_sampler_options *s, us_error *err) {
    double k = s->top_k, last = s->repeat_last_n, allowed = s->dry_allowed_length;
    const struct {
        const char *key;
        double *to;
    } numbers[] = {{"temperature", &s->temperature},
                   {"top_k", &k},
                   {"top_p", &s->top_p},
                   {"min_p", &s->min_p},
                   {"typical_p", &s->typical_p},
                   {"repeat_penalty", &s->repeat_penalty},
                   {"presence_penalty", &s->presence_penalty},
                   {"frequency_penalty", &s->frequency_penalty},
                   {"repeat_last_n", &last},
                   {"dry_multiplier", &s->dry_multiplier},
                   {"dry_base", &s->dry_base},
                   {"dry_allowed_length", &allowed},
                   {"xtc_probability", &s->xtc_probability},
                   {"xtc_threshold", &s->xtc_threshold}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        us_status st = want_number(o, file, numbers[i].key, numbers[i].to, err);
        if (st) return st;
    }
    if (!(k >= 0 && k < 1e9 && last >= -1 && last < 1e9 && allowed >= 1 && allowed < 1e6))
        return us_fail(err, US_ERR_FORMAT, "%s: sampler: a whole number is out of range", file);
    s->top_k = (int32_t)k;
    s->repeat_last_n = (int32_t)last;
    s->dry_allowed_length = (int32_t)allowed;
    us_sampler_take_literally(s);
    return us_sampler_check(s, err);
}

/* An array of strings that are not empty. */
static us_status load_names(json_t *ext, const char *key, const char *file, const char ***out, size_t *n, us_error *err) {
    json_t *array = json_object_get(ext, key), *name;
    size_t i;
    if (array && (!json_is_array(array) || json_array_size(array) > MAX_CAST))
        return us_fail(err, US_ERR_FORMAT, "%s: extensions.understudy.%s: expected an array of at most %d strings", file, key,
                       MAX_CAST);
    us_status st = us_alloc(json_array_size(array), sizeof **out, out, err);
    if (st) return st;
    json_array_foreach(array, i, name) {
        if (!json_is_string(name) || !json_string_length(name) || json_string_length(name) > MAX_CAST_NAME)
            return us_fail(err, US_ERR_FORMAT, "%s: extensions.understudy.%s[%zu]: expected a string of 1 to %d bytes", file,
                           key, i, MAX_CAST_NAME);
        (*out)[(*n)++] = json_string_value(name);
    }
    return US_OK;
}

static us_status load_extension(us_card *c, json_t *ext, const char *file, us_error *err) {
    double takes = 8, history = 10;
    json_t *adapter = json_object_get(ext, "adapter"), *sampler = json_object_get(ext, "sampler");
    us_status st = want_number(ext, file, "takes", &takes, err);
    if (!st) st = want_number(ext, file, "history", &history, err);
    if (!st) st = want_number(ext, file, "lambda", &c->weights.lambda, err);
    if (!st) st = want_number(ext, file, "length_power", &c->weights.length_power, err);
    if (!st) st = want_number(ext, file, "style_weight", &c->style_weight, err);
    if (!st) st = us_style_open(json_object_get(ext, "style"), file, &c->style, err);
    if (st) return st;
    if (!(takes >= 1 && takes <= 32 && history >= 0 && history <= 1000 && c->weights.lambda >= 0 && c->weights.lambda <= 2 &&
          c->weights.length_power >= 0 && c->weights.length_power <= 2 && c->style_weight >= 0 && c->style_weight <= 100))
        return us_fail(err, US_ERR_FORMAT,
                       "%s: extensions.understudy: expected takes 1..32, history 0..1000, lambda and length_power 0..2, "
                       "style_weight 0..100",
                       file);
    c->takes = (int32_t)takes;
    c->history = (int32_t)history;
    if (adapter && (!json_is_string(adapter) || strchr(json_string_value(adapter), '/')))
        return us_fail(err, US_ERR_FORMAT, "%s: extensions.understudy.adapter: expected the name of a file beside the card",
                       file);
    c->adapter = json_string_value(adapter);
    st = load_names(ext, "cast", file, &c->cast, &c->n_cast, err);
    if (!st) st = load_names(ext, "catch_phrases", file, &c->phrases, &c->n_phrases, err);
    if (st) return st;
    return sampler ? load_sampler(sampler, file, &c->sampler, err) : US_OK;
}

/* SillyTavern's: a text that stands some lines above the end of the conversation. */
static void load_depth_prompt(us_card *c, const json_t *j) {
    const char *text = json_string_value(json_object_get(j, "prompt"));
    double depth = json_number_value(json_object_get(j, "depth"));
    c->depth_prompt = text ? text : "";
    c->depth = json_object_get(j, "depth") && depth >= 0 && depth < 10000 ? (int32_t)depth : 4;
}

static us_status load_examples(us_card *c, const char *text, us_error *err) {
    char first[256];
    size_t n = us_first_name(c->name);
    snprintf(first, sizeof first, "%.*s", n < sizeof first ? (int)n : 0, c->name);
    us_status st = us_examples_read(text, (const char *const[]){c->name, c->nickname, first}, 3, &c->examples, err);
    if (!st && c->examples.n_unanswered)
        json_array_append_new(c->notes, json_sprintf("mes_example: words without an answer of the character, left out: %zu",
                                                     c->examples.n_unanswered));
    if (!st && c->examples.n_past)
        json_array_append_new(c->notes, json_sprintf("mes_example: exchanges past the first %zu, left out: %zu",
                                                     c->examples.n / 2, c->examples.n_past));
    return st;
}

/* Everything that the card shows or prompts, to see which macros nobody knows, and that they do not make it endless: a visitor may
 * have a name of US_NAME_BYTES. */
static us_status note_macros(us_card *c, const char *file, us_error *err) {
    const char *texts[] = {
        c->description,   c->personality,
        c->scenario,      c->greeting,
        c->post_history,  c->depth_prompt,
        c->system_prompt, json_string_value(json_object_get(json_object_get(c->root, "data"), "mes_example"))};
    char longest[US_NAME_BYTES + 1];
    us_macros m = us_card_macros(c, memset(longest, 'x', sizeof longest));
    us_buf b;
    us_status st = US_OK;
    longest[US_NAME_BYTES] = 0;
    us_buf_init(&b, 4 * MAX_CARD_BYTES);
    for (size_t i = 0; i < sizeof texts / sizeof *texts && !st; i++)
        if (texts[i]) st = us_macros_fill(&m, texts[i], &b, err);
    for (size_t i = 0; i < us_book_size(c->book) && !st; i++) {
        const char *name, *content;
        us_book_get(c->book, i, &name, &content);
        st = us_macros_fill(&m, content, &b, err);
    }
    us_buf_fini(&b);
    if (st == US_ERR_LIMIT)
        return us_fail(err, US_ERR_FORMAT, "%s: with its macros filled in, the card is larger than %zu MiB: shorten its texts",
                       file, 4 * MAX_CARD_BYTES >> 20);
    if (!st && m.n_unknown)
        json_array_append_new(
            c->notes, json_sprintf("macros that are not known stay as they are: %zu, the first is %s", m.n_unknown, m.unknown));
    return st;
}

static void note_long_greetings(us_card *c, const json_t *data) {
    const json_t *list = json_object_get(data, "alternate_greetings");
    size_t n = json_string_length(json_object_get(data, "first_mes")) > MAX_GREETING;
    for (size_t i = 0; i < json_array_size(list); i++) n += json_string_length(json_array_get(list, i)) > MAX_GREETING;
    if (n)
        json_array_append_new(
            c->notes, json_sprintf("greetings of more than %d KiB, which no chat begins with: %zu", MAX_GREETING >> 10, n));
}

/* What other programs do with a card and we do not, in a sentence each. */
static us_status note_what_is_not_played(us_card *c, const json_t *data, const char *file, us_error *err) {
    static const char *const fields[] = {"group_only_greetings", "assets"}, *const extensions[] = {"regex_scripts", "risuai",
                                                                                                   "TavernHelper_scripts",
                                                                                                   "tavern_helper"};
    const json_t *ext = json_object_get(data, "extensions");
    const char *world = json_string_value(json_object_get(ext, "world"));
    note_long_greetings(c, data);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (json_array_size(json_object_get(data, fields[i])))
            json_array_append_new(c->notes, json_sprintf("data.%s: kept, and not used", fields[i]));
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        const json_t *v = json_object_get(ext, extensions[i]);
        if (json_array_size(v) || json_object_size(v))
            json_array_append_new(c->notes, json_sprintf("extensions.%s: kept, and not used", extensions[i]));
    }
    if (world && *world && !c->book)
        json_array_append_new(
            c->notes, json_sprintf("extensions.world: the book \"%.80s\" is not in the card; export the card with it", world));
    return note_macros(c, file, err);
}

us_status us_card_parse(const char *json, size_t n, const char *file, us_card **out, us_error *err) {
    us_card *c = NULL;
    json_error_t where;
    unsigned failures = us_memory_failures();
    us_status st = us_alloc(1, sizeof *c, &c, err);
    if (st) return st;
    c->takes = 8;
    c->history = 10;
    c->weights = (us_take_weights){1, 0};
    c->style_weight = 4;
    c->sampler = us_sampler_defaults();
    c->root = us_json_parse(json, n, &where);
    c->cost = us_json_cost(json, n);
    c->notes = json_array();
    if (json_array_size(c->root) == 1 && json_is_object(json_array_get(c->root, 0))) { /* a list of one */
        json_t *only = json_incref(json_array_get(c->root, 0));
        json_decref(c->root);
        c->root = only;
    }
    if (!c->root)
        st = us_fail(err, US_ERR_FORMAT, "%s:%d:%d: not JSON: %s (a card comes as JSON, in a PNG picture, or as CHARX)", file,
                     where.line, where.column, where.text);
    else st = us_card_to_v2(c->root, file, c->notes, err);
    if (!st && json_error_code(&where) == json_error_duplicate_key)
        json_array_append_new(c->notes, json_sprintf("line %d: a name stands twice there; its last value counts", where.line));
    json_t *data = json_object_get(c->root, "data");
    if (!st) {
        c->name = name_of(c, data);
        c->description = words_of(c, data, "description");
        c->personality = words_of(c, data, "personality");
        c->scenario = words_of(c, data, "scenario");
        c->greeting = words_of(c, data, "first_mes");
        c->nickname = words_of(c, data, "nickname");
        c->system_prompt = words_of(c, data, "system_prompt");
        json_t *greetings = json_object_get(data, "alternate_greetings");
        if (json_string_length(greetings)) json_object_set_new(data, "alternate_greetings", json_pack("[O]", greetings));
        c->post_history = words_of(c, data, "post_history_instructions");
        load_depth_prompt(c, json_object_get(json_object_get(data, "extensions"), "depth_prompt"));
        st = load_examples(c, words_of(c, data, "mes_example"), err);
        if (us_name_fault(c->nickname)) {
            json_array_append_new(c->notes, json_sprintf("data.nickname: %s; it is left out", us_name_fault(c->nickname)));
            c->nickname = "";
        }
    }
    if (!st && us_name_fault(c->name)) st = us_fail(err, US_ERR_FORMAT, "%s: data.name: %s", file, us_name_fault(c->name));
    if (!st) st = us_book_open(json_object_get(data, "character_book"), c->notes, &c->book, err);
    if (!st) st = note_what_is_not_played(c, data, file, err);
    json_t *ext = json_object_get(json_object_get(data, "extensions"), "understudy");
    if (!st && ext) st = load_extension(c, ext, file, err);
    if (!st && us_memory_failures() != failures) st = us_fail(err, US_ERR_MEMORY, "%s: out of memory", file);
    if (st) us_card_free(c);
    else *out = c;
    return st;
}

void us_card_free(us_card *c) {
    if (!c) return;
    us_examples_fini(&c->examples);
    us_book_free(c->book);
    free(c->cast);
    free(c->phrases);
    json_decref(c->root);
    json_decref(c->notes);
    us_style_free(c->style);
    free(c);
}

const char *us_card_language(const us_card *c) {
    json_t *ext = json_object_get(json_object_get(json_object_get(c->root, "data"), "extensions"), "understudy");
    const char *s = json_string_value(json_object_get(ext, "language"));
    return s ? s : "";
}

const char *us_card_small_talk(const us_card *c, size_t i) { return us_small_talk(us_tongue_of(us_card_language(c)), i); }

const char *us_card_name(const us_card *c) { return c->name; }
const char *us_card_greeting(const us_card *c) { return c->greeting; }
const char *us_card_adapter(const us_card *c) { return c->adapter; }
us_sampler_options us_card_sampler(const us_card *c) { return c->sampler; }
int32_t us_card_takes(const us_card *c) { return c->takes; }
const char *const *us_card_cast(const us_card *c, size_t *n) { return *n = c->n_cast, c->cast; }

us_macros us_card_macros(const us_card *c, const char *user) {
    return (us_macros){.name = c->nickname[0] ? c->nickname : c->name,
                       .user = user,
                       .description = c->description,
                       .personality = c->personality,
                       .scenario = c->scenario};
}

us_status us_card_fill(const us_card *c, const char *text, const char *user, us_buf *out, us_error *err) {
    us_macros m = us_card_macros(c, user);
    return us_macros_fill(&m, text, out, err);
}

static bool can_be_said(const json_t *greeting) {
    return json_string_length(greeting) && json_string_length(greeting) <= MAX_GREETING;
}

/* first_mes, then those of alternate_greetings that are texts of which a turn can be made. */
static const char *greeting_text(const us_card *c, size_t i) {
    const json_t *data = json_object_get(c->root, "data"), *list = json_object_get(data, "alternate_greetings");
    size_t k = 0;
    if (can_be_said(json_object_get(data, "first_mes")) && i-- == 0) return c->greeting;
    for (; k < json_array_size(list); k++)
        if (can_be_said(json_array_get(list, k)) && i-- == 0) return json_string_value(json_array_get(list, k));
    return NULL;
}

size_t us_card_n_greetings(const us_card *c) {
    size_t n = 0;
    while (n < MAX_GREETINGS && greeting_text(c, n)) n++;
    return n;
}

us_status us_card_fill_greeting(const us_card *c, size_t i, const char *user, char **out, us_error *err) {
    us_buf b;
    us_buf_init(&b, MAX_GREETING);
    us_status st = us_card_fill(c, greeting_text(c, i), user, &b, err);
    if (st == US_ERR_LIMIT)
        us_fail(err, st, "with its macros filled in, a greeting of %.60s is longer than %d KiB: shorten it", c->name,
                MAX_GREETING >> 10);
    if (!st && !(*out = us_buf_take(&b, NULL))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_buf_fini(&b);
    return st;
}

us_status us_card_phrase_tokens(const us_card *card, const us_tokenizer *tok, us_tokens **out, size_t *n, us_error *err) {
    us_tokens *list;
    us_status st = us_alloc(2 * card->n_phrases, sizeof *list, &list, err);
    if (st) return st;
    for (size_t i = 0; i < 2 * card->n_phrases && !st; i++) {
        us_buf spaced;
        us_buf_init(&spaced, 4096);
        st = us_buf_appendf(&spaced, err, "%s%s", i % 2 ? " " : "", card->phrases[i / 2]);
        if (!st) st = us_tokenizer_encode(tok, spaced.data, spaced.len, false, &list[i], err);
        us_buf_fini(&spaced);
    }
    for (size_t i = 0; i < 2 * card->n_phrases && st; i++) us_tokens_fini(&list[i]);
    if (st) {
        free(list);
        return st;
    }
    *out = list;
    *n = 2 * card->n_phrases;
    return US_OK;
}

static const char draft_notes[] = "Written by understudy train from the script; yours to change.";

static json_t *strings(const char *const *list, size_t n) {
    json_t *a = json_array();
    for (size_t i = 0; i < n && i < MAX_CAST; i++)
        if (*list[i] && strlen(list[i]) <= MAX_CAST_NAME) json_array_append_new(a, json_string(list[i]));
    return a;
}

us_status us_card_new(const us_card_draft *d, us_card **out, us_error *err) {
    char persona[1024];
    snprintf(persona, sizeof persona, us_persona_form(us_tongue_of(d->language)), d->name, d->name);
    json_t *root = json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[], s:[], s:s, s:s, s:{s:{s:o, s:o, "
                             "s:i, s:i, s:f, s:{s:f, s:i, s:f, s:f, s:f}}}}}",
                             "spec", "chara_card_v2", "spec_version", "2.0", "data", "name", d->name, "description",
                             d->persona ? d->persona : persona, "personality", "", "scenario", "", "first_mes", "",
                             "mes_example", "", "creator_notes", draft_notes, "system_prompt", "", "post_history_instructions",
                             "", "alternate_greetings", "tags", "creator", "understudy", "character_version", "1", "extensions",
                             "understudy", "cast", strings(d->cast, d->n_cast), "catch_phrases",
                             strings(d->catch_phrases, d->n_catch_phrases), "takes", 8, "history", 10, "lambda", 0.75,
                             "sampler", "temperature", 1.0, "top_k", 200, "top_p", 1.0, "min_p", 0.05, "dry_multiplier", 0.8);
    json_t *own = json_object_get(json_object_get(json_object_get(root, "data"), "extensions"), "understudy");
    if (d->language) json_object_set_new(own, "language", json_string(d->language));
    char *text = root ? json_dumps(root, 0) : NULL;
    us_status st = text ? us_card_parse(text, strlen(text), d->name, out, err)
                        : us_fail(err, US_ERR_ARGUMENT, "cannot make a card for '%.100s': a name in UTF-8 is expected",
                                  d->name ? d->name : "");
    json_decref(root);
    free(text);
    return st;
}

bool us_card_is_draft(const us_card *c) {
    const char *notes = json_string_value(json_object_get(json_object_get(c->root, "data"), "creator_notes"));
    return notes && !strcmp(notes, draft_notes) && !c->greeting[0];
}

us_status us_card_set_greeting(us_card *c, const char *text, us_error *err) {
    json_t *value = json_string(text);
    if (!value || json_object_set_new(json_object_get(c->root, "data"), "first_mes", value))
        return us_fail(err, US_ERR_ARGUMENT, "greeting: a text in UTF-8 is expected");
    c->greeting = json_string_value(value);
    return US_OK;
}

/* Sets a value of our own things; takes it over. */
static us_status set_own(us_card *c, const char *key, json_t *value, us_error *err) {
    json_t *data = json_object_get(c->root, "data"), *ext = json_object_get(data, "extensions"), *own;
    if (!ext) json_object_set_new(data, "extensions", ext = json_object());
    if (!(own = json_object_get(ext, "understudy"))) json_object_set_new(ext, "understudy", own = json_object());
    return value && !json_object_set_new(own, key, value) ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
}

us_status us_card_set_adapter(us_card *c, const char *file, us_error *err) {
    if (!*file || strchr(file, '/'))
        return us_fail(err, US_ERR_ARGUMENT, "adapter: expected the name of a file beside the card");
    json_t *value = json_string(file);
    us_status st = set_own(c, "adapter", value, err);
    if (st) return st;
    c->adapter = json_string_value(value);
    return US_OK;
}

us_status us_card_save(const us_card *c, const char *path, us_error *err) {
    char *text = json_dumps(c->root, JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15));
    us_status st = text ? us_file_write_atomic(path, text, strlen(text), err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(text);
    return st;
}

enum { OTHER_NAME_NATS = 120 };

/* "I'm Marge" of Homer; where a name is asked for, "It's Marge" too. */
static bool says_other_name(const us_card *c, const char *asked, const char *text) {
    static const char *const always[] = {" im ", " i am ", " my name is ", " my names "}, *const questions[] = {
                                                                                              " your name ", " who are you ",
                                                                                              " who is this ", NULL};
    char *w = us_wording(text, strlen(text)), *q = us_wording(asked, strlen(asked)),
         *own = us_wording(c->name, strlen(c->name));
    bool found = false, names = q && us_wording_has(q, questions);
    for (size_t i = 0; i < c->n_cast && w && own && !found; i++) {
        char phrase[128], *name = us_wording(c->cast[i], strlen(c->cast[i]));
        bool others = name && name[1] && !strstr(own, name);
        for (size_t k = 0; k < 4 && others && !found; k++) {
            snprintf(phrase, sizeof phrase, "%.*s%s", (int)strlen(always[k]) - 1, always[k], name);
            found = strstr(w, phrase) != NULL;
        }
        if (others && names && !found) {
            snprintf(phrase, sizeof phrase, " its%s", name);
            found = !strcmp(w, name) || strstr(w, phrase);
        }
        free(name);
    }
    free(w);
    free(q);
    free(own);
    return found;
}

us_status us_card_judge(void *card, const us_conversation_view *conversation, us_candidate *takes, int32_t n, us_error *err) {
    const us_card *c = card;
    const char *asked = conversation->n_lines ? conversation->lines[conversation->n_lines - 1].text : "";
    (void)err;
    for (int32_t i = 0; i < n; i++) {
        takes[i].judged += c->style_weight * us_style_score(c->style, takes[i].text);
        if (says_other_name(c, asked, takes[i].text)) takes[i].judged -= OTHER_NAME_NATS;
    }
    return US_OK;
}

bool us_card_has_style(const us_card *c) { return c->style != NULL; }

/* ---- learning which words speak for them --------------------------------------------------------------------- */

typedef struct line_list {
    const char **lines;
    bool *own;
    size_t n, cap_lines, cap_own;
} line_list;

/* Turns of the training scenes, as the training sees them. */
static us_status add_lines(line_list *l, const us_dataset *set, bool own, us_error *err) {
    size_t n, n_turns;
    const us_example *e = us_dataset_get_examples(set, &n);
    const us_turn *t = us_dataset_get_turns(set, &n_turns);
    us_status st = US_OK;
    for (size_t x = 0; x < n && !st; x++)
        for (uint32_t k = 0; k < e[x].n_turns && !st; k++) {
            const us_turn *turn = &t[e[x].first_turn + k];
            if (e[x].part != US_TRAIN || !turn->character) continue;
            st = us_grow(&l->lines, &l->cap_lines, l->n + 1, sizeof *l->lines, err);
            if (!st) st = us_grow(&l->own, &l->cap_own, l->n + 1, sizeof *l->own, err);
            if (!st) l->lines[l->n] = turn->text, l->own[l->n++] = own;
        }
    return st;
}

us_status us_card_learn_style(us_card *c, const us_script *script, const us_dataset_options *options, us_error *err) {
    enum { N_SETS = 4 }; /* their own, and those of the others with most lines */
    us_dataset *sets[N_SETS] = {0};
    size_t n, n_sets = 0;
    const us_speaker *sp = us_script_get_speakers(script, &n);
    const char *names[200];
    size_t n_names = 0;
    line_list l = {0};
    json_t *style = NULL;
    us_dataset_options o = options ? *options : (us_dataset_options){.character = c->name};
    o.exchanges = NULL; /* they are nobody's of the script */
    us_status st = us_dataset_build(script, &o, &sets[n_sets], err);
    if (!st) st = add_lines(&l, sets[n_sets++], true, err);
    for (; n_names < n && n_names < sizeof names / sizeof *names; n_names++) names[n_names] = sp[n_names].name;
    for (size_t i = 0; i < n && n_sets < N_SETS && !st; i++) {
        if (sp[i].joint || !strcmp(sp[i].name, us_dataset_get_character(sets[0]))) continue;
        o.character = sp[i].name;
        st = us_dataset_build(script, &o, &sets[n_sets], err);
        if (st == US_ERR_FORMAT) st = US_OK; /* this one answers nobody: the next */
        else if (!st) st = add_lines(&l, sets[n_sets++], false, err);
    }
    if (!st) st = us_style_learn(l.lines, l.own, l.n, names, n_names, &style, err);
    if (!st && style) {
        us_style_free(c->style);
        c->style = NULL;
        st = us_style_open(style, c->name, &c->style, err);
        if (!st) st = set_own(c, "style", json_incref(style), err);
    }
    json_decref(style);
    for (size_t i = 0; i < N_SETS; i++) us_dataset_free(sets[i]);
    free(l.lines);
    free(l.own);
    return st;
}
