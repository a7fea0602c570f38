/* Lines of JSON become turns, and turns become lines. Dates are read in every form that SillyTavern has written. */
#include "chat/sillytavern.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "text/fold.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { MAX_NAME = 200, MAX_STAGE = 16, MAX_COST = 128 << 20 }; /* bytes of the lines as values, all together */

/* ---- dates ---------------------------------------------------------------------------------------------------------- */

static int month_of(const char *name) {
    static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (int i = 0; i < 12; i++)
        if (!strncasecmp(name, months + 3 * (ptrdiff_t)i, 3)) return i + 1;
    return 0;
}

static int64_t ms_of(int year, int month, int day, int hour, int minute, double second, int offset_minutes) {
    if (year < 1970 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 ||
        minute > 59 || !(second >= 0 && second < 62))
        return 0;
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute};
    int64_t ms = ((int64_t)timegm(&tm) - 60 * (int64_t)offset_minutes) * 1000 + (int64_t)(second * 1000 + 0.5);
    return ms > 0 ? ms : 0;
}

/* The three forms that its versions have written, and a number of milliseconds; 0: not understood. A time without a zone is
 * taken as UTC: it says the order of things, which is all that is needed. */
static int64_t read_date(const json_t *j) {
    const char *s = json_string_value(j);
    int y, mo, d, h, mi, zh = 0, zm = 0, n = 0;
    double sec = 0;
    char month[20], half[3], sign = 0;
    if (json_is_number(j)) {
        double x = json_number_value(j);
        return x > 0 && x < 1e11 ? (int64_t)(x * 1000) : x > 0 && x < 1e14 ? (int64_t)x : 0;
    }
    if (!s) return 0;
    if (sscanf(s, "%4d-%2d-%2d%*1[T ]%2d:%2d:%lf%n", &y, &mo, &d, &h, &mi, &sec, &n) == 6 && n) {
        int fields = sscanf(s + n, "%c%2d:%2d", &sign, &zh, &zm);
        bool zone = fields >= 2 && (sign == '+' || sign == '-');
        return ms_of(y, mo, d, h, mi, sec, zone ? (sign == '-' ? -1 : 1) * (60 * zh + zm) : 0);
    }
    if (sscanf(s, "%4d-%2d-%2d @%2dh %2dm %lfs", &y, &mo, &d, &h, &mi, &sec) == 6) return ms_of(y, mo, d, h, mi, sec, 0);
    n = sscanf(s, "%19[A-Za-z] %2d, %4d %2d:%2d%2[apmAPM]", month, &d, &y, &h, &mi, half);
    if (n < 5) return 0;
    if (n == 6) h = h % 12 + (half[0] == 'p' || half[0] == 'P' ? 12 : 0);
    return ms_of(y, month_of(month), d, h, mi, 0, 0);
}

static void write_date(int64_t ms, char out[40]) {
    time_t t = (time_t)(ms / 1000);
    struct tm tm;
    size_t n = gmtime_r(&t, &tm) ? strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &tm) : 0;
    snprintf(out + n, 40 - n, ".%03dZ", (int)(ms % 1000));
}

/* ---- out ------------------------------------------------------------------------------------------------------------ */

static us_status put_line(us_buf *b, json_t *j) {
    char *text = !j ? NULL : json_dumps(j, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(j);
    us_status st = text ? us_buf_append_str(b, text, NULL) : US_ERR_MEMORY;
    if (!st) st = us_buf_append(b, "\n", 1, NULL);
    free(text);
    return st;
}

/* Whether a turn that is no character's is the user's: not when it was told by somebody else. */
static bool is_users(const us_stored_turn *t, const char *user) {
    const char *end = t->n_alternatives ? t->alternatives[0].end : "";
    return !strcmp(end, "said") || (strcmp(end, "heard") != 0 && (!*t->speaker || !strcmp(t->speaker, user)));
}

/* The answers there are, each with its date. */
static bool put_swipes(json_t *line, const us_stored_turn *t, const char *date) {
    json_t *swipes = json_array(), *info = json_array();
    bool whole = true;
    for (size_t k = 0; k < t->n_alternatives && whole; k++)
        whole = !json_array_append_new(swipes, json_string(t->alternatives[k].text)) &&
                !json_array_append_new(info, json_pack("{s:s, s:{}}", "send_date", date, "extra"));
    bool kept = !json_object_set_new(line, "swipes", swipes);
    kept = !json_object_set_new(line, "swipe_info", info) && kept;
    return !json_object_set_new(line, "swipe_id", json_integer((json_int_t)t->chosen)) && kept && whole;
}

/* NULL: out of memory. */
static json_t *line_of(const us_stored_turn *t, const char *user) {
    bool users = !t->own && is_users(t, user), whole = true;
    char date[40];
    write_date(t->created_ms, date);
    json_t *line = json_pack("{s:s, s:b, s:b, s:s, s:s, s:{}}", "name",
                             *t->speaker ? t->speaker
                             : *user     ? user
                                         : "User",
                             "is_user", users, "is_system", 0, "send_date", date, "mes", us_turn_text(t), "extra");
    if (line && !t->own && !users && !strcasecmp(t->speaker, "Narrator"))
        whole = !json_object_set_new(json_object_get(line, "extra"), "type", json_string("narrator"));
    if (line && (t->own || t->n_alternatives > 1)) whole = put_swipes(line, t, date) && whole;
    if (whole) return line;
    json_decref(line);
    return NULL;
}

char *us_sillytavern_write(const us_stored_chat *chat, const char *name) {
    const char *user = chat->user ? chat->user : "";
    char date[40], *out = NULL;
    us_buf b;
    us_buf_init(&b, (size_t)256 << 20);
    write_date(chat->created_ms, date);
    us_status st = put_line(&b, json_pack("{s:s, s:s, s:s, s:{}}", "user_name", *user ? user : "User", "character_name", name,
                                          "create_date", date, "chat_metadata"));
    for (size_t i = 0; i < chat->n_read && !st; i++) st = put_line(&b, line_of(&chat->turns[i], user));
    if (!st) out = us_buf_take(&b, NULL);
    us_buf_fini(&b);
    return out;
}

/* ---- in ------------------------------------------------------------------------------------------------------------- */

typedef struct reading {
    us_find_by_name_fn *find;
    void *ctx;
    json_t *lines, *head; /* messages; the head, or NULL */
    us_stored_chat chat;
    us_left_out left_out;
    bool told;
    char lead[MAX_NAME + 1]; /* who the first on stage is called in the file; "" nobody in particular */
    char user[MAX_NAME + 1];
    char title[3 * MAX_NAME];
    us_error *err;
} reading;

static bool same(const char *a, const char *b) {
    us_buf x, y;
    us_buf_init(&x, 4096);
    us_buf_init(&y, 4096);
    bool is = us_fold_case(a, &x) && us_fold_case(b, &y) && x.len == y.len && !memcmp(x.data, y.data, x.len);
    us_buf_fini(&x);
    us_buf_fini(&y);
    return is;
}

/* A name as ours are: without colon or line break, cut at a character's edge. "You" and the like are nobody. */
static void clean_name(const char *name, char out[MAX_NAME + 1]) {
    size_t n = 0;
    for (const char *p = name; *p && n < MAX_NAME; p++) out[n++] = (unsigned char)*p < ' ' || *p == ':' ? ' ' : *p;
    n -= us_utf8_tail(out, n);
    while (n && out[n - 1] == ' ') n--;
    out[n] = 0;
    size_t blanks = strspn(out, " ");
    memmove(out, out + blanks, n - blanks + 1);
    if (!strcmp(out, "You") || !strcmp(out, "User") || !strcmp(out, "unused")) out[0] = 0;
}

static bool is_narrator(const json_t *line) {
    const char *type = us_json_text(json_object_get(line, "extra"), "type");
    return !strcmp(type, "narrator") || !strcmp(type, "comment");
}

/* Reads the lines of the file into r->lines. */
static us_status split(reading *r, const char *text, size_t n, us_error *err) {
    const char *end = text + n, *p = text;
    size_t number = 0, first_bad = 0, cost = 0;
    if (n >= 3 && !memcmp(p, "\xef\xbb\xbf", 3)) p += 3;
    for (const char *next; p < end; p = next) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((nl ? nl : end) - p);
        next = nl ? nl + 1 : end;
        number++;
        while (len && strchr(" \t\r", p[len - 1]) && p[len - 1]) len--;
        if (!len) continue;
        if ((cost += us_json_cost(p, len)) > MAX_COST)
            return us_fail(
                err, US_ERR_LIMIT,
                "data: line %zu: its lines hold more than %d MiB of values besides what was said: bring the chat in parts",
                number, MAX_COST >> 20);
        json_t *line = us_json_parse(p, len, NULL);
        bool lost = false;
        if (!json_is_object(line)) {
            if (!first_bad) first_bad = number;
            r->left_out.broken++;
        } else if (json_is_string(json_object_get(line, "mes"))) lost = json_array_append(r->lines, line);
        else if (!r->head && !json_array_size(r->lines)) r->head = json_incref(line);
        else r->left_out.broken++;
        json_decref(line);
        if (lost) return us_fail(err, US_ERR_MEMORY, "out of memory");
        if (json_array_size(r->lines) > US_MAX_TURNS)
            return us_fail(err, US_ERR_LIMIT, "data: more than %d lines", US_MAX_TURNS);
    }
    if (!r->head && !json_array_size(r->lines)) {
        if (first_bad) return us_fail(err, US_ERR_ARGUMENT, "data: line %zu is not a JSON object", first_bad);
        return us_fail(err, US_ERR_ARGUMENT, "data: it is empty");
    }
    return US_OK;
}

static us_status put_on_stage(reading *r, const char *name) {
    char id[US_CHARACTER_ID];
    us_id_list *stage = &r->chat.stage;
    r->find(r->ctx, name, id);
    if (!*id || us_id_list_has(stage, id) || stage->n == MAX_STAGE) return US_OK;
    size_t n = strlen(r->title);
    if (n + strlen(name) + 3 < sizeof r->title) snprintf(r->title + n, sizeof r->title - n, "%s%s", n ? ", " : "", name);
    return us_id_list_add(stage, id, r->err);
}

/* Who is on stage, who the user is, how the first on stage is called. */
static us_status find_cast(reading *r, const us_id_list *stage) {
    char name[MAX_NAME + 1], unknown[MAX_NAME + 1] = "";
    const json_t *line;
    size_t i;
    us_status st = US_OK;
    clean_name(us_json_text(r->head, "character_name"), r->lead);
    clean_name(us_json_text(r->head, "user_name"), r->user);
    r->told = stage != NULL;
    if (stage) st = us_id_list_copy(&r->chat.stage, stage, r->err);
    if (*r->lead && !r->told) st = put_on_stage(r, r->lead);
    json_array_foreach(r->lines, i, line) {
        clean_name(us_json_text(line, "name"), name);
        bool user = json_is_true(json_object_get(line, "is_user"));
        if (user && !*r->user) snprintf(r->user, sizeof r->user, "%s", name);
        if (user || !*name || is_narrator(line) || json_is_true(json_object_get(line, "is_system"))) continue;
        if (!*unknown) snprintf(unknown, sizeof unknown, "%s", name);
        if (!*r->lead && r->told) snprintf(r->lead, sizeof r->lead, "%s", name);
        if (!r->told && !st) st = put_on_stage(r, name);
    }
    if (*r->lead) snprintf(r->title, sizeof r->title, "%s", r->lead);
    if (st || r->chat.stage.n) return st;
    return us_fail(r->err, US_ERR_ARGUMENT,
                   "data: there is no character called '%.60s' here: bring the card first, or name `characters`",
                   *r->lead ? r->lead : unknown);
}

static us_status take(us_stored_turn *t, const char *text, const char *end, us_error *err) {
    return us_turn_add(t, text, strlen(text), end, (double)NAN, (double)NAN, err);
}

/* The answers there are, with the one that stands. */
static us_status take_swipes(reading *r, const json_t *line, const char *text, us_stored_turn *t) {
    json_t *swipes = json_object_get(line, "swipes"), *w;
    json_int_t at = json_integer_value(json_object_get(line, "swipe_id"));
    size_t i, n = json_array_size(swipes), first = 0, chosen = SIZE_MAX;
    us_status st = US_OK;
    const json_t *stands = at >= 0 && (size_t)at < n ? json_array_get(swipes, (size_t)at) : NULL;
    if (!json_is_string(stands) || strcmp(text, json_string_value(stands)) != 0) at = -1;
    if (at >= US_MAX_ALTERNATIVES) first = (size_t)at - US_MAX_ALTERNATIVES + 1;
    json_array_foreach(swipes, i, w) {
        if (!json_string_length(w) || json_string_length(w) > US_MAX_TEXT || i < first ||
            t->n_alternatives >= (size_t)(US_MAX_ALTERNATIVES - (at < 0))) {
            r->left_out.swipes += json_string_length(w) > 0;
            continue;
        }
        if (at < 0 ? !strcmp(json_string_value(w), text) : i == (size_t)at) chosen = t->n_alternatives;
        if (!st) st = take(t, json_string_value(w), "self", r->err);
    }
    if (!st && chosen == SIZE_MAX) return take(t, text, n ? "edited" : "self", r->err); /* edited after it was drawn */
    t->chosen = chosen;
    return st;
}

static us_status take_line(reading *r, const json_t *line) {
    const char *text = us_json_text(line, "mes");
    char name[MAX_NAME + 1], id[US_CHARACTER_ID] = "";
    bool user = json_is_true(json_object_get(line, "is_user")), here = false;
    us_stored_turn t = {0};
    int64_t *why = json_is_true(json_object_get(line, "is_system")) ? &r->left_out.hidden
                   : !*text                                         ? &r->left_out.empty
                   : strlen(text) > US_MAX_TEXT                     ? &r->left_out.too_long
                                                                    : NULL;
    if (why) {
        ++*why;
        return US_OK;
    }
    clean_name(us_json_text(line, "name"), name);
    if (!user && !is_narrator(line)) {
        if (*name) r->find(r->ctx, name, id);
        here = us_id_list_has(&r->chat.stage, id);
        if (!here && (!*name || (*r->lead && same(name, r->lead))))
            snprintf(id, sizeof id, "%s", r->chat.stage.ids[0]), here = true;
    }
    if (!user && !here && !*name) snprintf(name, sizeof name, "Narrator");
    us_status st = us_turn_init(&t, here ? id : NULL, name, r->err);
    if (!st) st = us_id_list_copy(&t.present, &r->chat.stage, r->err);
    if (!st) st = here ? take_swipes(r, line, text, &t) : take(&t, text, user ? "said" : "heard", r->err);
    t.created_ms = read_date(json_object_get(line, "send_date"));
    if (!st) return us_stored_chat_add_turn(&r->chat, &t, r->err);
    us_turn_fini(&t);
    return st;
}

us_status us_sillytavern_read(const char *text, size_t n, const us_id_list *stage, us_find_by_name_fn *find, void *ctx,
                              us_stored_chat *chat, us_left_out *left_out, us_error *err) {
    reading r = {.find = find, .ctx = ctx, .lines = json_array(), .err = err};
    const json_t *line;
    size_t i;
    us_status st = split(&r, text, n, err);
    if (!st) st = find_cast(&r, stage);
    json_array_foreach(r.lines, i, line)
        if (!st) st = take_line(&r, line);
    if (!st) st = us_strdup(r.title, &r.chat.title, err);
    if (!st) st = us_strdup(r.user, &r.chat.user, err);
    if (st) us_stored_chat_fini(&r.chat);
    else *chat = r.chat, *left_out = r.left_out;
    json_decref(r.lines);
    json_decref(r.head);
    return st;
}
