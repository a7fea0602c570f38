/* What a card says is played: examples in all their forms, macros, the character's book. */
#include "test.h"
#include "character/book.h"
#include "character/card_file.h"
#include "character/examples.h"
#include "character/macros.h"
#include <archive.h>
#include <archive_entry.h>

static us_error err;

static void examples_in_all_forms(void **state) {
    (void)state;
    static const struct {
        const char *text, *lines[8];
        size_t n_unanswered;
    } rows[] = {
        {"", {NULL}, 0},
        {"<START>\n{{user}}: Hi\n{{char}}: Ho", {"Hi", "Ho"}, 0},
        {"<START>\r\n{{user}}: Hi\r\n{{char}}: Ho\r\n", {"Hi", "Ho"}, 0},
        {"<START>{{user}}: Hi\n{{char}}: Ho", {"Hi", "Ho"}, 0},
        {"{{User}}: Hi\n{{CHAR}}: one\ntwo\n\nthree", {"Hi", "one\ntwo\n\nthree"}, 0},
        {"<start>\n<USER>: Hi\n<BOT>: Ho", {"Hi", "Ho"}, 0},
        {"You: Hi\nCaptain Ada: Ho\nYou: Bye\nAda: So long", {"Hi", "Ho", "Bye", "So long"}, 0},
        {"<START>\n{{user}}: lost\n<START>\n{{user}}: Hi\n{{char}}: Ho", {"Hi", "Ho"}, 1},
        {"{{user}}: a\n{{user}}: b\n{{char}}: c\n{{char}}: d", {"a\nb", "c\nd"}, 0},
        {"<START>\n{{char}}: I sing.\n<START>\n{{char}}: I sail.", {"...", "I sing.", "...", "I sail."}, 0},
        {"<START>\n*She hums.*\n{{user}}: Hi\n{{char}}: Ho", {"*She hums.*\nHi", "Ho"}, 0},
        {"Arr, the sea!\nArr!", {"...", "Arr, the sea!\nArr!"}, 0},
        {"{{user}}: Hi\n{{char}}: He said: go.\nBob: stays in it", {"Hi", "He said: go.\nBob: stays in it"}, 0},
        {"{{user}} : Hi\n{{char}}\xef\xbc\x9a Ho\nEND_OF_DIALOG\n{{user}}: x", {"Hi", "Ho"}, 1},
        {"<START>\n<START>\n\n<START>", {NULL}, 0},
        {"{{random_user_1}}: Hi\n{{char}}: Ho\n{{random_user_2}} : x\n{{original}}",
         {"Hi", "Ho\n{{random_user_2}} : x\n{{original}}"},
         0},
    };
    static const char *const names[] = {"Captain Ada", "Ada"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        us_examples e;
        assert_ok(us_examples_read(rows[i].text, names, 2, &e, &err), &err);
        size_t n = 0;
        for (; n < 8 && rows[i].lines[n]; n++) {
            if (n >= e.n) fail_msg("row %zu: %zu lines", i, e.n);
            assert_string_equal(e.lines[n], rows[i].lines[n]);
        }
        assert_int_equal(e.n, n);
        assert_int_equal(e.n_unanswered, rows[i].n_unanswered);
        us_examples_fini(&e);
    }
}

static const char *filled(us_macros *m, const char *text) {
    static us_buf b;
    if (!b.max) us_buf_init(&b, 10000);
    us_buf_clear(&b);
    assert_ok(us_macros_fill(m, text, &b, &err), &err);
    return b.len ? b.data : "";
}

static void macros(void **state) {
    (void)state;
    setenv("TZ", "UTC", 1);
    us_macros m = {
        .name = "Ada", .user = "Pat", .original = "O", .description = "{{char}} sails", .now = 1714575900, .seed = 1};
    static const char *const rows[][2] = {
        {"{{char}} {{USER}} {{ char }} <BOT> <user>", "Ada Pat Ada Ada Pat"},
        {"{{original}}|{{persona}}|{{description}}|{{personality}}", "O||Ada sails|"},
        {"{{time}}, {{date}}, {{weekday}}, {{isotime}}, {{isodate}}", "3:05 PM, May 01, 2024, Wednesday, 15:05, 2024-05-01"},
        {"a{{// a remark}}b{{comment: x}}c{{hidden_key:k}}d{{noop}}", "abcd"},
        {"a\n\n{{trim}}\n\nb{{newline}}c", "ab\nc"},
        {"{{reverse:\xd0\xb0\xd0\xb1\xd0\xb2}}", "\xd0\xb2\xd0\xb1\xd0\xb0"},
        {"{{random::x}} {{pick:x,x , x}} {{random::{{char}}::{{char}}}} {{roll:1d1+4}} {{roll:d1}} {{roll:100d1}}",
         "x x Ada 5 1 100"},
        {"{{{char}}} { {char} } {{ <b>", "{Ada} { {char} } {{ <b>"},
        {"}} {{", "}} {{"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) assert_string_equal(filled(&m, rows[i][0]), rows[i][1]);
    assert_int_equal(m.n_unknown, 0);
    assert_string_equal(filled(&m, "{{roll:101d1}}"), "{{roll:101d1}}"); /* a card may hold hundreds of thousands of them */
    m.n_unknown = 0;
    assert_string_equal(filled(&m, "{{getvar::x}} {{char}} {{idle_duration}} {{random}} {{wrap {{user}}}}"),
                        "{{getvar::x}} Ada {{idle_duration}} {{random}} {{wrap Pat}}");
    assert_int_equal(m.n_unknown, 4);
    assert_string_equal(m.unknown, "{{getvar::x}}");
    m.user = NULL;
    assert_string_equal(filled(&m, "{{user}}"), "you");
    m.user = "{{char}}"; /* what a user is called is no macro */
    assert_string_equal(filled(&m, "{{user}}"), "{{char}}");
    bool seen[4] = {0};
    for (m.seed = 0; m.seed < 100; m.seed++) {
        char first[20];
        snprintf(first, sizeof first, "%s", filled(&m, "{{random::a::b::c}}"));
        assert_string_equal(filled(&m, "{{random::a::b::c}}"), first); /* the same seed, the same draw */
        seen[*first - 'a'] = true;
        long x = strtol(filled(&m, "{{roll:2d6}}"), NULL, 10);
        assert_true(x >= 2 && x <= 12);
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    char deep[4000] = "";
    for (int i = 0; i < 300; i++) strcat(deep, "{{random::");
    strcat(deep, "x");
    for (int i = 0; i < 300; i++) strcat(deep, "}}");
    filled(&m, deep); /* ends */
}

/* Braces that are never closed, or nested without end, would be looked through again from each of them: hours for a card of megabytes. */
static void many_braces(void **state) {
    (void)state;
    static const char *const pieces[] = {"{", "{{a", "{{a}", "{{ {{b}}", "{{random::{{"};
    size_t n = (size_t)4 << 20;
    char *text = malloc(n + 16);
    us_buf out;
    us_buf_init(&out, 2 * n);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        us_macros m = {.name = "Ada"};
        size_t at = 0, k = strlen(pieces[i]);
        for (; at + k <= n; at += k) memcpy(text + at, pieces[i], k);
        text[at] = 0;
        us_buf_clear(&out);
        assert_ok(us_macros_fill(&m, text, &out, &err), &err);
        assert_true(out.len == at && !memcmp(out.data, text, at)); /* none of them is a macro */
    }
    us_buf_fini(&out);
    free(text);
}

/* The names of what is found, joined by blanks. */
static const char *found(const char *json, const char *const *lines, size_t n) {
    static char out[1000];
    us_book *b = NULL;
    us_book_hit *hits;
    size_t n_hits;
    json_error_t where;
    json_t *j = json_loads(json, 0, &where), *notes = json_array();
    if (!j) fail_msg("%s: %s", where.text, json);
    assert_ok(us_book_open(j, notes, &b, &err), &err);
    assert_ok(us_book_find(b, lines, n, n, 7, &hits, &n_hits, &err), &err);
    *out = 0;
    for (size_t i = 0; i < n_hits; i++)
        snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s%s", i ? " " : "", hits[i].name,
                 hits[i].place == US_AT_DEPTH           ? "@"
                 : hits[i].place == US_BEFORE_CHARACTER ? "<"
                                                        : "");
    free(hits);
    us_book_free(b);
    json_decref(notes);
    json_decref(j);
    return out;
}

#define ENTRY(name, rest) "{\"name\":\"" name "\",\"content\":\"text of " name "\",\"enabled\":true," rest "}"
#define FIND(entries, ...)                                                   \
    found("{\"entries\":[" entries "]}", (const char *const[]){__VA_ARGS__}, \
          sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void the_book(void **state) {
    (void)state;
    assert_string_equal(FIND(ENTRY("a", "\"keys\":[\"ship\"]") "," ENTRY("b", "\"keys\":[\"whale\"]"), "The SHIP leaks"), "a");
    assert_string_equal(FIND(ENTRY("a", "\"keys\":[\"cat\"]"), "education"), ""); /* not inside a word */
    assert_string_equal(FIND(ENTRY("a", "\"keys\":[\"cat\"]"), "two cats"), "a");
    assert_string_equal(FIND(ENTRY("a", "\"keys\":[\"cat\"],\"extensions\":{\"match_whole_words\":true}"), "two cats"), "");
    assert_string_equal(FIND(ENTRY("a", "\"keys\":[\"cat\"],\"extensions\":{\"match_whole_words\":false}"), "education"), "a");
    assert_string_equal(FIND(ENTRY("a", "\"keys\":[\"\xe7\x8c\xab\"]"), "\xe9\xbb\x91\xe7\x8c\xab\xe3\x81\x8c"),
                        "a"); /* no blanks in Japanese */
    assert_string_equal(FIND(ENTRY("a", "\"keys\":[\"\xd0\xa8\xd1\x85\xd1\x83\xd0\xbd\xd0\xb0\"]"),
                             "\xd1\x88\xd1\x85\xd1\x83\xd0\xbd\xd0\xb0 \xd1\x82\xd0\xb0\xd0\xbc"),
                        "a");
    assert_string_equal(FIND(ENTRY("a", "\"keys\":[\"Ship\"],\"case_sensitive\":true"), "a ship"), "");
    assert_string_equal(FIND(ENTRY("a", "\"constant\":true,\"keys\":[]"), "x"), "a");
    assert_string_equal(FIND("{\"name\":\"off\",\"content\":\"c\",\"enabled\":false,\"constant\":true}", "x"), "");
    assert_string_equal(FIND(ENTRY("a", "\"keys\":[\"/sh[ei]p\\\\b/i\"]"), "A SHEP."), "a");
    assert_string_equal(FIND(ENTRY("a", "\"keys\":[\"sh[ei]p\"],\"use_regex\":true"), "a SHEP"), "a");
    assert_string_equal(FIND(ENTRY("a", "\"keys\":[\"sh[ei]p\"],\"use_regex\":true,\"case_sensitive\":true"), "a SHEP"), "");
    assert_string_equal(FIND(ENTRY("a", "\"keys\":[\"/(/\",\"and/or\"]"), "this and/or that"),
                        "a"); /* a bad pattern is left out, a slash is no pattern */
    assert_string_equal(FIND(ENTRY("a", "\"keys\":[\"/(a+)+$/\"]"),
                             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"),
                        ""); /* ends */
#define LOGIC(n) \
    ENTRY("a",   \
          "\"keys\":[\"k\"],\"selective\":true,\"secondary_keys\":[\"x\",\"y\"],\"extensions\":{\"selectiveLogic\":" #n "}")
    assert_string_equal(FIND(LOGIC(0), "k x"), "a");
    assert_string_equal(FIND(LOGIC(0), "k"), "");
    assert_string_equal(FIND(LOGIC(1), "k x y"), "");
    assert_string_equal(FIND(LOGIC(1), "k x"), "a");
    assert_string_equal(FIND(LOGIC(2), "k x"), "");
    assert_string_equal(FIND(LOGIC(2), "k"), "a");
    assert_string_equal(FIND(LOGIC(3), "k x"), "");
    assert_string_equal(FIND(LOGIC(3), "k y x"), "a");
    assert_string_equal(FIND(ENTRY("late", "\"keys\":[\"k\"],\"insertion_order\":9") "," ENTRY(
                                 "early", "\"keys\":[\"k\"],\"insertion_order\":1"),
                             "k"),
                        "early late");
    assert_string_equal(FIND(ENTRY("a", "\"keys\":[\"k\"],\"position\":\"before_char\"") "," ENTRY(
                                 "b", "\"keys\":[\"k\"],\"extensions\":{\"position\":4,\"depth\":2}"),
                             "k"),
                        "a< b@");
    assert_string_equal(FIND(ENTRY("a", "\"keys\":[\"k\"]"), "k", "1", "2", "3", "4"), ""); /* past the four last lines */
    assert_string_equal(found("{\"scan_depth\":5,\"entries\":[" ENTRY("a", "\"keys\":[\"k\"]") "]}",
                              (const char *const[]){"k", "1", "2", "3", "4"}, 5),
                        "a");
    assert_string_equal(found("{\"recursive_scanning\":true,\"entries\":[" ENTRY("b", "\"keys\":[\"text of a\"]") "," ENTRY(
                                  "a", "\"keys\":[\"k\"]") "]}",
                              (const char *const[]){"k"}, 1),
                        "b a");
    assert_string_equal(found("{\"entries\":[" ENTRY("b", "\"keys\":[\"text of a\"]") "," ENTRY("a", "\"keys\":[\"k\"]") "]}",
                              (const char *const[]){"k"}, 1),
                        "a");
    /* four tokens of room, each text is three: the one of more priority stays */
    assert_string_equal(found("{\"token_budget\":4,\"entries\":[" ENTRY("b", "\"keys\":[\"k\"],\"priority\":1") "," ENTRY(
                                  "a", "\"keys\":[\"k\"],\"priority\":5") "]}",
                              (const char *const[]){"k"}, 1),
                        "a");
    assert_string_equal(found("{\"entries\":{\"0\":{\"comment\":\"w\",\"content\":\"c\",\"key\":[\"k\"],\"keysecondary\":[]}}}",
                              (const char *const[]){"k"}, 1),
                        "w"); /* a world file's form */
    assert_string_equal(
        FIND("{\"name\":\"d\",\"enabled\":true,\"keys\":[\"k\"],\"content\":\"@@depth 3\\n@@whatever\\nwords\"}", "k"), "d@");
    assert_string_equal(FIND(ENTRY("a", "\"keys\":[\"k\"],\"extensions\":{\"probability\":0,\"useProbability\":true}"), "k"),
                        "");
    assert_string_equal(found("{\"entries\":7}", (const char *const[]){"k"}, 1), "");
    assert_string_equal(
        found("{\"entries\":[7,null,{\"keys\":\"k, z\",\"content\":\"c\",\"name\":\"s\"}]}", (const char *const[]){"z"}, 1),
        "s");
}

/* A zip of these files, behind `prefix` bytes of a JPEG. */
static size_t zip(char *out, size_t max, size_t prefix, const char *const *files, size_t n) {
    size_t used = 0;
    memcpy(out, "\xff\xd8\xff\xe0", 4);
    struct archive *a = archive_write_new();
    assert_int_equal(archive_write_set_format_zip(a), ARCHIVE_OK);
    assert_int_equal(archive_write_open_memory(a, out + prefix, max - prefix, &used), ARCHIVE_OK);
    for (size_t i = 0; i < n; i += 2) {
        struct archive_entry *e = archive_entry_new();
        size_t len = strlen(files[i + 1]);
        archive_entry_set_pathname(e, files[i]);
        archive_entry_set_size(e, (la_int64_t)len);
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_perm(e, 0644);
        assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
        assert_int_equal(archive_write_data(a, files[i + 1], len), len);
        archive_entry_free(e);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    return prefix + used;
}

static void charx(void **state) {
    (void)state;
    static const char *const files[] = {
        "assets/icon/other.png",
        "\x89PNG\r\n\x1a\n the other",
        "assets/icon/main.png",
        "\x89PNG\r\n\x1a\n the one",
        "card.json",
        "{\"spec\":\"chara_card_v3\",\"data\":{\"name\":\"Ada\",\"description\":\"d\",\"assets\":[{\"type\":\"icon\",\"name\":"
        "\"x\",\"uri\":\"embeded://"
        "assets/icon/other.png\"},{\"type\":\"icon\",\"name\":\"main\",\"uri\":\"embeded://assets/icon/main.png\"}]}}"};
    char bytes[8000];
    us_card *c;
    us_buf picture;
    us_buf_init(&picture, 1 << 20);
    for (size_t prefix = 0; prefix < 200; prefix += 100) {
        size_t n = zip(bytes, sizeof bytes, prefix, files, 6);
        us_buf_clear(&picture);
        assert_ok(us_card_read(bytes, n, "test", &c, &picture, &err), &err);
        assert_string_equal(us_card_name(c), "Ada");
        assert_string_equal(picture.data, "\x89PNG\r\n\x1a\n the one");
        us_card_free(c);
        for (size_t cut = 1; cut < n; cut++) /* of any length, it is a card or refused */
            if (us_card_read(bytes, cut, "test", &c, &picture, &err) == US_OK) us_card_free(c);
    }
    size_t n =
        zip(bytes, sizeof bytes, 0, files, 6); /* without its list of files, all before the card would be unpacked to find it */
    char *list = memmem(bytes, n, "PK\1\2", 4);
    assert_non_null(list);
    assert_int_equal(us_card_read(bytes, (size_t)(list - bytes), "test", &c, NULL, &err), US_ERR_FORMAT);
    n = zip(bytes, sizeof bytes, 0, (const char *const[]){"readme.txt", "no card"}, 2);
    assert_int_equal(us_card_read(bytes, n, "test", &c, NULL, &err), US_ERR_FORMAT);
    char *blanks = malloc((9 << 20) + 1); /* what is small as a zip and large as a card is refused by name */
    memset(blanks, ' ', 9 << 20);
    blanks[9 << 20] = 0;
    char *small = malloc(10 << 20);
    n = zip(small, 10 << 20, 0, (const char *const[]){"card.json", blanks}, 2);
    assert_int_equal(us_card_read(small, n, "bomb.charx", &c, NULL, &err), US_ERR_LIMIT);
    assert_non_null(strstr(err.message, "bomb.charx: card.json in the zip is larger than 8 MiB"));
    free(blanks);
    free(small);
    assert_int_equal(us_card_read("\x89PNG\r\n\x1a\n", 8, "short.png", &c, NULL, &err), US_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "short.png: "));
    assert_int_equal(us_card_read("RIFF1234WEBPVP8 ", 16, "test", &c, NULL, &err), US_ERR_FORMAT);
    assert_non_null(strstr(err.message, "WebP"));
    assert_ok(us_card_read("{\"name\":\"Ada\",\"description\":\"d\"}", 32, "test", &c, NULL, &err), &err);
    us_card_free(c);
    us_buf_fini(&picture);
}

static json_t *many(size_t n, const char *text) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(list, json_string(text));
    return list;
}

static bool says(const json_t *notes, const char *what) {
    bool found = false;
    for (size_t i = 0; i < json_array_size(notes); i++)
        found = found || strstr(json_string_value(json_array_get(notes, i)), what);
    return found;
}

/* What is small in the file and huge in memory, or endless in each reply, is bounded, and said. */
static void large_books(void **state) {
    (void)state;
    static const struct {
        const char *key, *content, *said;
        size_t n_keys, n_entries;
    } rows[] = {{"/(?:(?:ab){50}){60}/", "x", "take too much", 100, 10}, /* 20 bytes are 40,000 */
                {"/a/", "x", "take too much", 100, 30},
                {"word", "x", "a key past its limits", 100, 300},
                {"word", "@@odd\n@@odd\n@@odd\nx", "there is more", 1, 300}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *list = json_array(), *notes = json_array(), *keys = many(rows[i].n_keys, rows[i].key);
        us_book *b;
        us_book_hit *hits;
        size_t n_hits;
        for (size_t k = 0; k < rows[i].n_entries; k++)
            json_array_append_new(list, json_pack("{s:O, s:s, s:s}", "keys", keys, "content", rows[i].content, "name", "e"));
        json_t *book = json_pack("{s:o, s:i}", "entries", list, "scan_depth", 999999);
        assert_ok(us_book_open(book, notes, &b, &err), &err);
        assert_true(says(notes, rows[i].said));
        assert_in_range(json_array_size(notes), 1, 201);
        assert_int_equal(us_book_size(b), rows[i].n_entries);
        assert_in_range(us_book_reach(b), 1, 1000);
        assert_ok(us_book_find(b, (const char *const[]){"a word"}, 1, 1, 1, &hits, &n_hits, &err), &err);
        assert_true(n_hits > 0 || strstr(rows[i].key, "ab"));
        free(hits);
        us_book_free(b);
        json_decref(book);
        json_decref(notes);
        json_decref(keys);
    }
    static const char *const places[] = {"-1", "7", "1e300", "-1e300", "4294967296", "0.5"}; /* numbers of any size */
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char text[200];
        snprintf(text, sizeof text, "{\"entries\":[" ENTRY("a", "\"keys\":[\"k\"],\"position\":%s") "]}", places[i]);
        assert_string_equal(found(text, (const char *const[]){"k"}, 1), i == 5 ? "a<" : "a@");
    }
    /* only the newest of the lines is looked through */
    char *line = malloc((1 << 20) + 1);
    memset(line, 'x', 1 << 20);
    line[1 << 20] = 0;
    assert_string_equal(FIND(ENTRY("a", "\"keys\":[\"k\"]"), "k", "xx"), "a");
    assert_string_equal(FIND(ENTRY("a", "\"keys\":[\"k\"]"), "k", line, "xx"), "");
    free(line);
}

/* Macros that stand for the card's own texts: a megabyte becomes any number of them. */
static void endless_cards(void **state) {
    (void)state;
    char *text = malloc(1000001), *twice = malloc(1000001);
    memset(text, 'd', 1000000);
    text[1000000] = twice[0] = 0;
    for (size_t i = 0; i < 40; i++) memcpy(twice + 15 * i, "{{description}}", 16);
    us_card *c;
    for (int in_book = 0; in_book < 2; in_book++) {
        json_t *data = json_pack("{s:s, s:s}", "name", "Ada", "description", text);
        if (in_book)
            json_object_set_new(data, "character_book",
                                json_pack("{s:[{s:[s], s:s}]}", "entries", "keys", "k", "content", twice));
        else json_object_set_new(data, "scenario", json_string(twice));
        json_t *card = json_pack("{s:s, s:o}", "spec", "chara_card_v2", "data", data);
        char *json = json_dumps(card, 0);
        assert_int_equal(us_card_parse(json, strlen(json), "test", &c, &err), US_ERR_FORMAT);
        assert_non_null(strstr(err.message, "shorten"));
        free(json);
        json_decref(card);
    }
    /* a name that is looked for in each take */
    json_t *card = json_pack("{s:s, s:{s:s, s:s, s:{s:{s:[s]}}}}", "spec", "chara_card_v2", "data", "name", "Ada",
                             "description", "d", "extensions", "understudy", "cast", text);
    char *long_cast = json_dumps(card, 0);
    assert_int_equal(us_card_parse(long_cast, strlen(long_cast), "test", &c, &err), US_ERR_FORMAT);
    assert_non_null(strstr(err.message, "cast[0]"));
    free(long_cast);
    json_decref(card);
    us_card_draft draft = {
        .name = "Ada", .cast = (const char *const[]){text, "Marge"}, .n_cast = 2}; /* a script may have such */
    assert_ok(us_card_new(&draft, &c, &err), &err);
    assert_int_equal(c->n_cast, 1);
    us_card_free(c);
    /* a greeting that no turn can hold is none, and said to be */
    card = json_pack("{s:s, s:{s:s, s:s, s:[s, s, s]}}", "spec", "chara_card_v2", "data", "name", "Ada", "first_mes", text,
                     "alternate_greetings", "Hi.", text, "Ho.");
    char *json = json_dumps(card, 0), *greeting;
    assert_ok(us_card_parse(json, strlen(json), "test", &c, &err), &err);
    assert_int_equal(us_card_n_greetings(c), 2);
    assert_true(says(c->notes, "no chat begins with: 2"));
    assert_ok(us_card_fill_greeting(c, 1, NULL, &greeting, &err), &err);
    assert_string_equal(greeting, "Ho.");
    free(greeting);
    us_card_free(c);
    free(json);
    json_decref(card);
    free(text);
    free(twice);
}

/* What is not played is said. */
static void notes(void **state) {
    (void)state;
    static const char json[] =
        "{\"spec\":\"chara_card_v2\",\"data\":{\"name\":\"Ada\",\"description\":\"{{getvar::mood}}\",\"group_only_greetings\":["
        "\"g\"],\"assets\":[],\"extensions\":{\"world\":\"Sea\",\"regex_scripts\":[{}]},"
        "\"character_book\":null}}";
    static const char *const want[] = {"group_only_greetings", "regex_scripts", "\"Sea\"", "{{getvar::mood}}"};
    us_card *c;
    assert_ok(us_card_parse(json, sizeof json - 1, "test", &c, &err), &err);
    assert_int_equal(json_array_size(c->notes), 4);
    for (size_t i = 0; i < 4; i++) assert_non_null(strstr(json_string_value(json_array_get(c->notes, i)), want[i]));
    us_card_free(c);
}

/* A drafted card speaks the language of its script where we have it, else English. */
static void drafts_in_five_languages(void **state) {
    (void)state;
    static const struct {
        const char *language, *persona, *hello;
    } rows[] = {{NULL, "You are Ada.", "Hello!"},  {"en", "You are Ada.", "Hello!"}, {"de", "Du bist Ada.", "Hallo!"},
                {"fr", "Tu es Ada.", "Bonjour !"}, {"es", "Eres Ada.", "¡Hola!"},    {"ru", "Ты Ada.", "Привет!"},
                {"fi", "You are Ada.", "Hello!"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        us_card *card;
        char *system;
        assert_ok(us_card_new(&(us_card_draft){.name = "Ada", .language = rows[i].language}, &card, &err), &err);
        assert_ok(us_card_system(card, &system, &err), &err);
        assert_memory_equal(system, rows[i].persona, strlen(rows[i].persona));
        assert_string_equal(us_card_small_talk(card, 0), rows[i].hello);
        assert_non_null(us_card_small_talk(card, 3));
        assert_null(us_card_small_talk(card, 4));
        assert_string_equal(us_card_language(card), rows[i].language ? rows[i].language : "");
        free(system);
        us_card_free(card);
    }
}

/* Cards as other programs write them, and people's hands: what each says is found, and what was made of it is said. */
static void odd_cards(void **state) {
    (void)state;
#define CARD(x) "{\"spec\":\"chara_card_v2\",\"data\":{\"description\":\"d\"," x "}}"
    static const char long_name[] =
        CARD("\"name\":\"\xd0\x96"
             "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
             "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456\xd0\x96\"");
    static const struct {
        const char *json, *name, *description, *note; /* a word of it; NULL: nothing is said */
        size_t n_greetings, n_examples;
    } rows[] = {
        {CARD("\"name\":\"A\",\"name\":\"B\""), "B", "d", "twice", 0, 0},
        {CARD("\"name\":\"A\",\"first_mes\":\"x\",\"alternate_greetings\":\"y\""), "A", "d", NULL, 2, 0},
        {CARD("\"name\":\"A\",\"mes_example\":[\"{{user}}: a\",\"{{char}}: b\"]"), "A", "d", NULL, 0, 2},
        {CARD("\"name\":\"A\\nB\\n\""), "A B", "d", "data.name", 0, 0},
        {CARD("\"name\":\"\\u202eAnn\\u2066 Lee\""), "Ann Lee", "d", "data.name", 0, 0},
        {CARD("\"name\":\"A\",\"extensions\":{\"x\":NaN,\"y\":-Infinity}"), "A", "d", NULL, 0, 0},
        {"[" CARD("\"name\":\"A\"") "]", "A", "d", NULL, 0, 0},
        {"{\"kind\":\"character\",\"name\":\"A\",\"description\":\"for "
         "browsers\",\"persona\":{\"kind\":\"text\",\"attributes\":{\"text\":[\"I am.\"]"
         "}},\"greeting\":\"g\"}",
         "A", "I am.", NULL, 1, 0},
    };
    us_card *c;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_ok(us_card_read(rows[i].json, strlen(rows[i].json), "it", &c, NULL, &err), &err);
        assert_string_equal(c->name, rows[i].name);
        assert_string_equal(c->description, rows[i].description);
        assert_int_equal(us_card_n_greetings(c), rows[i].n_greetings);
        assert_int_equal(c->examples.n, rows[i].n_examples);
        assert_int_equal(json_array_size(c->notes), rows[i].note != NULL);
        if (rows[i].note) assert_non_null(strstr(json_string_value(json_array_get(c->notes, 0)), rows[i].note));
        us_card_free(c);
    }
    assert_ok(us_card_read(long_name, sizeof long_name - 1, "it", &c, NULL, &err), &err);
    assert_int_equal(strlen(c->name), 199); /* not in the middle of the last letter */
    us_card_free(c);
    char utf16[2][600]; /* with its mark, either way round; a pair, and half of one */
    static const char *const text = CARD("\"name\":\"A\",\"first_mes\":\"P?\"");
    size_t n = 2;
    memcpy(utf16[0], "\xff\xfe", 2);
    memcpy(utf16[1], "\xfe\xff", 2);
    for (const char *p = text; *p; p++) {
        uint16_t units[2] = {(unsigned char)*p, 0};
        int k = 1;
        if (*p == 'P') units[0] = 0xd83d, units[1] = 0xdc08, k = 2;
        if (*p == '?') units[0] = 0xd83d;
        for (int u = 0; u < k; u++, n += 2)
            for (int big = 0; big < 2; big++) {
                utf16[big][n + !big] = (char)(units[u] >> 8);
                utf16[big][n + big] = (char)(units[u] & 255);
            }
    }
    for (int big = 0; big < 2; big++) {
        assert_ok(us_card_read(utf16[big], n, "it", &c, NULL, &err), &err);
        assert_string_equal(c->greeting, "\xf0\x9f\x90\x88\xef\xbf\xbd");
        us_card_free(c);
    }
    static const char agnai_book[] = CARD("\"name\":\"A\",\"character_book\":{\"kind\":\"memory\",\"entries\":[{\"name\":\"s\","
                                          "\"entry\":\"Deep.\",\"keywords\":[\"sea\",7]}]}");
    assert_ok(us_card_read(agnai_book, sizeof agnai_book - 1, "it", &c, NULL, &err), &err);
    static const char *const said[] = {"the sea", "7 of them", "nothing"};
    for (int i = 0; i < 3; i++) {
        us_book_hit *hits;
        size_t n_hits;
        assert_ok(us_book_find(c->book, &said[i], 1, 1, 1, &hits, &n_hits, &err), &err);
        assert_int_equal(n_hits, i < 2);
        free(hits);
    }
    us_card_free(c);
    if (us_card_read("name: A\n", 8, "it", &c, NULL, &err) != US_ERR_FORMAT || !strstr(err.message, "CHARX"))
        fail_msg("%s", err.message);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(examples_in_all_forms),
                                       cmocka_unit_test(macros),
                                       cmocka_unit_test(many_braces),
                                       cmocka_unit_test(the_book),
                                       cmocka_unit_test(large_books),
                                       cmocka_unit_test(endless_cards),
                                       cmocka_unit_test(charx),
                                       cmocka_unit_test(odd_cards),
                                       cmocka_unit_test(drafts_in_five_languages),
                                       cmocka_unit_test(notes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
