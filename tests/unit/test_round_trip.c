/* Whatever we write we can read: random names of every class of Unicode, cards, pictures, chats, saved chats and adapters are written, read
 * and written again, and the two are the same. ROUND_TRIP_SEED=N tries others; a failure prints its seed. */
#include "test.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "character/card_png.h"
#include "mktiny.h"
#include "serve/chats.h"
#include "text/name.h"
#include "understudy/chat.h"
#include "understudy/convert.h"

static us_error err;
static us_rng rng;
static unsigned long long seed = 1;
static char *dir;
static uint64_t below(uint64_t n) { return us_rng_below(&rng, n); }
static const char *in_dir(const char *name) {
    static char paths[4][4096];
    static int k;
    char *path = paths[k++ % 4];
    snprintf(path, sizeof *paths, "%s/%s", dir, name);
    return path;
}

/* A scalar value: of every plane, often of those that are read in another way somewhere. */
static uint32_t random_letter(void) {
    static const uint32_t odd[] = {':',   '"',   '\\',   '<',    '&',    '{',    '}',    '%',     '\'',     '/',    ' ',  0xa0,
                                   0x301, 0x130, 0x200d, 0x202e, 0xfeff, 0xfffd, 0xffff, 0x1f600, 0x10ffff, 0x3042, 0x5d0};
    switch (below(4)) {
    case 0: return odd[below(sizeof odd / sizeof *odd)];
    case 1: return 0x20 + (uint32_t)below(0x5f);
    case 2: return 0xa0 + (uint32_t)below(0x2000);
    default: {
        uint32_t c = 0xa0 + (uint32_t)below(0x110000 - 0xa0);
        return c >= 0xd800 && c < 0xe000 ? 0x416 : c;
    }
    }
}

/* At most max bytes; lines: controls and line breaks too. */
static char *random_text(char *out, size_t max, bool lines) {
    size_t n = 0, want = 1 + below(below(3) ? 20 : max);
    while (n < want && n + 4 <= max) {
        uint32_t c = lines && !below(8) ? 1 + (uint32_t)below(0x9f) : random_letter();
        n += (size_t)us_utf8_encode(c, out + n);
    }
    out[n] = 0;
    return out;
}

static char *random_name(char out[201]) {
    static const char *const known[] = {"Agent: Smith", "{{char}}", "User",  "You", "null", " x ", "O'Brien \"the <b>\" & Co",
                                        "a\\nb",        "::",       "[DONE]"};
    if (!below(5)) return strcpy(out, known[below(sizeof known / sizeof *known)]);
    do random_text(out, 200, false);
    while (us_name_fault(out) || !out[strspn(out, " ")]);
    return out;
}

static void same_files(const char *a, const char *b) {
    char *x, *y;
    size_t n, m;
    assert_ok(us_file_read(a, 1 << 26, &x, &n, &err), &err);
    assert_ok(us_file_read(b, 1 << 26, &y, &m, &err), &err);
    if (n != m || memcmp(x, y, n) != 0) fail_msg("seed %llu: written again it is another one:\n%.2000s\n%.2000s", seed, x, y);
    free(x);
    free(y);
}

static us_card *random_card(void) {
    char name[201], text[2001];
    json_t *data = json_object(), *greetings = json_array(),
           *root = json_pack("{s:s, s:o}", "spec", "chara_card_v2", "data", data);
    json_object_set_new(data, "name", json_string(random_name(name)));
    static const char *const keys[] = {"description", "personality",   "scenario",      "first_mes",
                                       "mes_example", "system_prompt", "creator_notes", "not_known"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (below(2)) json_object_set_new(data, keys[i], json_string(random_text(text, 2000, true)));
    for (uint64_t i = below(4); i; i--) json_array_append_new(greetings, json_string(random_text(text, 300, true)));
    json_object_set_new(data, "alternate_greetings", greetings);
    json_object_set_new(data, "extensions",
                        json_pack("{s:{s:i, s:[s]}, s:[f]}", "understudy", "takes", 1 + (int)below(8), "cast",
                                  random_name(name), "x", us_rng_normal(&rng)));
    char *json = json_dumps(root, JSON_COMPACT);
    us_card *card;
    us_status st = us_card_parse(json, strlen(json), "random", &card, &err);
    if (st) fail_msg("seed %llu: %s: %s", seed, err.message, json);
    free(json);
    json_decref(root);
    return card;
}

static void cards(void **state) {
    (void)state;
    for (int k = 0; k < 60; k++) {
        us_card *a = random_card(), *b, *c;
        us_buf plain, png;
        us_buf_init(&plain, 1 << 22);
        us_buf_init(&png, 1 << 22);
        assert_ok(us_card_save(a, in_dir("a.json"), &err), &err);
        assert_ok(us_card_open(in_dir("a.json"), &b, &err), &err);
        assert_ok(us_card_save(b, in_dir("b.json"), &err), &err);
        same_files(in_dir("a.json"), in_dir("b.json"));
        assert_ok(us_card_plain_png(a, &plain, &err), &err);
        assert_ok(us_card_to_png(a, plain.data, plain.len, &png, &err), &err);
        assert_ok(us_card_from_png(png.data, png.len, &c, &err), &err);
        assert_string_equal(us_card_name(a), us_card_name(c));
        assert_string_equal(us_card_greeting(a), us_card_greeting(c));
        us_buf_fini(&plain);
        us_buf_fini(&png);
        us_card_free(a);
        us_card_free(b);
        us_card_free(c);
    }
}

/* ---- chats ---- */

static us_server server;
static char ids[3][US_CHARACTER_ID], names[3][201];

static void add_turns(us_stored_chat *chat) {
    char name[201], text[1001];
    for (uint64_t i = 1 + below(12); i; i--) {
        us_stored_turn t;
        uint64_t who = below(4);
        bool own = who < 3;
        assert_ok(us_turn_init(&t, own ? ids[who] : NULL,
                               own        ? names[who]
                               : below(2) ? chat->user
                                          : random_name(name),
                               &err),
                  &err);
        for (uint64_t k = 1 + below(3); k; k--) {
            random_text(text, 1000, true);
            assert_ok(us_turn_add(&t, text, strlen(text), own ? "self" : "said", us_rng_normal(&rng), 1, &err), &err);
        }
        t.chosen = below(t.n_alternatives);
        assert_ok(us_stored_chat_add_turn(chat, &t, &err), &err);
    }
}

/* Kept in a store and taken out again, as the server does. */
static void keep(us_stored_chat *chat, us_stored_chat *kept) {
    char id[US_STORE_ID];
    assert_ok(us_store_add_chat(server.store, chat, id, &err), &err);
    assert_ok(us_store_get_chat(server.store, id, true, kept, &err), &err);
    us_stored_chat_fini(chat);
}

/* Without what is another one's each time. */
static char *plain(json_t *chat) {
    json_t *t;
    size_t i;
    static const char *const stamps[] = {"id", "created_ms", "updated_ms"};
    for (size_t k = 0; k < 3; k++) {
        json_object_del(chat, stamps[k]);
        json_array_foreach(json_object_get(chat, "turns"), i, t) json_object_del(t, stamps[k]);
    }
    return json_dumps(chat, JSON_SORT_KEYS | JSON_INDENT(1));
}

static void find(void *ctx, const char *name, char id[US_CHARACTER_ID]) {
    (void)ctx;
    *id = 0;
    for (int i = 0; i < 3; i++)
        if (!strcmp(names[i], name)) strcpy(id, ids[i]);
}

static void chats(void **state) {
    (void)state;
    for (int k = 0; k < 60; k++) {
        char name[201];
        us_stored_chat fresh = {0}, a, read, b;
        fresh.title = strdup(random_name(name));
        fresh.user = strdup(random_name(name));
        for (int i = 0; i < 3; i++) assert_ok(us_id_list_add(&fresh.stage, ids[i], &err), &err);
        add_turns(&fresh);
        keep(&fresh, &a);
        char *ours = us_chat_to_ours(&a, &a.notes);
        json_t *j = us_json_parse(ours, strlen(ours), NULL);
        us_status st = us_chat_from_ours(&server, j, &read, &err);
        if (st) fail_msg("seed %llu: our own export is refused: %s\n%.3000s", seed, err.message, ours);
        keep(&read, &b);
        char *again = us_chat_to_ours(&b, &b.notes);
        json_t *l = us_json_parse(again, strlen(again), NULL);
        char *x = plain(j), *y = plain(l);
        if (strcmp(x, y) != 0) fail_msg("seed %llu: exported again it is another chat:\n%.3000s\n%.3000s", seed, x, y);
        /* SillyTavern's keeps less, but what it keeps it keeps */
        us_left_out left;
        char *st1 = us_sillytavern_write(&a, names[0]);
        st = us_sillytavern_read(st1, strlen(st1), &a.stage, find, NULL, &read, &left, &err);
        if (st) fail_msg("seed %llu: our own JSONL is refused: %s\n%.3000s", seed, err.message, st1);
        if (read.n_read != a.n_read) fail_msg("seed %llu: %zu turns of %zu came back", seed, read.n_read, a.n_read);
        for (size_t i = 0; i < a.n_read; i++)
            if (strcmp(us_turn_text(&read.turns[i]), us_turn_text(&a.turns[i])) != 0)
                fail_msg("seed %llu: turn %zu: '%s' came back as '%s'", seed, i, us_turn_text(&a.turns[i]),
                         us_turn_text(&read.turns[i]));
        us_stored_chat_fini(&read);
        us_stored_chat_fini(&a);
        us_stored_chat_fini(&b);
        json_decref(j);
        json_decref(l);
        free(ours), free(again), free(x), free(y), free(st1);
    }
}

/* The terminal's. */
static void saved_chats(void **state) {
    (void)state;
    us_model *m;
    us_engine *e;
    assert_ok(us_tiny_write(&(us_tiny){.n_layers = 1}, in_dir("m.gguf"), &err), &err);
    assert_ok(us_model_open(in_dir("m.gguf"), &(us_model_options){.n_threads = 1}, &m, &err), &err);
    assert_ok(us_engine_new(m, &(us_engine_options){.n_threads = 1, .n_ctx = us_chat_engine_tokens(900, 1, 4)}, &e, &err),
              &err);
    for (int k = 0; k < 10; k++) {
        us_card *card = random_card();
        us_chat *a, *b;
        us_chat_result r;
        char name[201], text[101];
        assert_ok(us_chat_new(e, card, &(us_chat_options){.takes = 1, .max_tokens = 4}, &a, &err), &err);
        assert_ok(us_chat_new(e, card, NULL, &b, &err), &err);
        us_status st = us_chat_set_user(a, random_name(name), &err);
        if (st) fail_msg("seed %llu: '%s' may not be a name: %s", seed, name, err.message);
        st = us_chat_reply(a, random_text(text, 100, false), NULL, NULL, &r, &err);
        if (!st) st = us_chat_edit(a, us_chat_n_turns(a) - 1, random_text(text, 100, true), &err);
        if (st && st != US_ERR_LIMIT) fail_msg("seed %llu: %s", seed, err.message); /* LIMIT: a long card */
        assert_ok(us_chat_save(a, in_dir("a.chat"), &err), &err);
        assert_ok(us_chat_load(b, in_dir("a.chat"), &err), &err);
        assert_ok(us_chat_save(b, in_dir("b.chat"), &err), &err);
        same_files(in_dir("a.chat"), in_dir("b.chat"));
        us_chat_free(a);
        us_chat_free(b);
        us_card_free(card);
    }
    us_engine_free(e);
    us_model_free(m);
}

static void adapters(void **state) {
    (void)state;
    static const char *const archs[] = {"llama",   "qwen2",  "qwen3", "gemma3",
                                        "granite", "smollm3"}; /* fused ones come back as other factors of the same product */
    for (int k = 0; k < 6; k++) {
        us_tiny o = {.arch = archs[k], .seed = below(1000), .n_layers = 1 + (int)below(3), .uneven = below(2)};
        us_model *m;
        assert_ok(us_tiny_write(&o, in_dir("m.gguf"), &err), &err);
        assert_ok(us_model_open(in_dir("m.gguf"), &(us_model_options){.n_threads = 1}, &m, &err), &err);
        assert_ok(us_tiny_write_adapter(&o, 1 + (int)below(9), 0.5f + (float)below(40), in_dir("a.gguf"), &err), &err);
        assert_ok(us_peft_export(m, in_dir("a.gguf"), "a/b", in_dir("p"), &err), &err);
        assert_ok(us_peft_import(m, in_dir("p"), US_ADAPTER_F32, in_dir("b.gguf"), &err), &err);
        assert_ok(us_peft_export(m, in_dir("b.gguf"), "a/b", in_dir("q"), &err), &err);
        same_files(in_dir("p/adapter_config.json"), in_dir("q/adapter_config.json"));
        same_files(in_dir("p/adapter_model.safetensors"), in_dir("q/adapter_model.safetensors"));
        us_model_free(m);
    }
}

static int setup(void **state) {
    (void)state;
    const char *given = getenv("ROUND_TRIP_SEED");
    if (given) seed = strtoull(given, NULL, 10);
    us_rng_seed(&rng, seed);
    if (!(dir = us_tiny_folder())) return 1;
    const char *roots[] = {in_dir("characters")};
    assert_ok(us_characters_new(roots, 1, &(us_characters_hooks){0}, &server.characters, &err), &err);
    assert_ok(us_store_open(":memory:", &server.store, &err), &err);
    for (int i = 0; i < 3; i++) {
        us_card *c = random_card();
        snprintf(names[i], sizeof *names, "%s", us_card_name(c));
        assert_ok(us_characters_add(server.characters, c, NULL, 0, ids[i], &err), &err);
        us_card_free(c);
    }
    return 0;
}

/* Cards stay in memory: all together have a cap, which whoever adds one more meets. */
static void cards_have_room(void **state) {
    (void)state;
    us_card *c = random_card();
    char id[US_CHARACTER_ID], *folder;
    c->cost = (size_t)600 << 20;
    assert_int_equal(us_characters_add(server.characters, c, NULL, 0, id, &err), US_ERR_LIMIT);
    assert_non_null(strstr(err.message, "delete some"));
    folder = us_path_join(in_dir("characters"), id);
    assert_false(us_file_exists(folder)); /* nothing is left of it */
    free(folder);
    us_card_free(c);
}

static int teardown(void **state) {
    (void)state;
    us_store_close(server.store);
    us_characters_free(server.characters);
    us_tiny_remove(dir);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(cards), cmocka_unit_test(chats), cmocka_unit_test(saved_chats),
                                       cmocka_unit_test(adapters), cmocka_unit_test(cards_have_room)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
