/* Rows become lines, actions and breaks; scenes and episodes are drawn around them; speakers are counted. */
#include "corpus/shape.h"
#include "base/json.h"
#include "text/fold.h"
#include "text/segment.h"
#include "base/mem.h"
#include "base/utf8.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "base/file.h"

#define ARENA_BLOCK ((size_t)1 << 20)
#define MAX_ALIASES 100000

static const char *const rule_names[US_N_RULES] = {"fields",  "mojibake", "blanks",   "directions", "credits",
                                                   "shouted", "aliases",  "encoding", "quotes",     "cues"};
const char *us_rule_name(us_rule rule) { return (size_t)rule < US_N_RULES ? rule_names[rule] : "none"; }

typedef struct block {
    struct block *next;
    char bytes[];
} block;

typedef struct name_slot {
    uint32_t i;
} name_slot; /* index + 1 */

struct us_script {
    us_source *sources; /* one a file */
    size_t n_sources, cap_sources;
    block *blocks;
    size_t block_used, block_size;
    us_line *lines;
    us_speaker *speakers;
    us_scene *scenes;
    us_episode *episodes;
    us_repair *repairs;
    size_t n_lines, n_speakers, n_scenes, n_episodes, n_repairs, cap_lines, cap_speakers, cap_scenes, cap_episodes, cap_repairs;
    uint32_t *name_slots;
    size_t n_name_slots;
    us_joined *joined;
    size_t n_joined, cap_joined;
    uint32_t *joins; /* speaker -> the speaker that this one joins (itself if none) */
    us_script_counts counts;
    /* while reading */
    us_buf a, b, taken;
    uint32_t last_speaker;
    bool scene_open, run_open, shouted_seen;
    char episode[256], scene[256];
    json_t *aliases;  /* alias -> canonical name */
    json_t *excluded; /* folded names without blanks -> true */
};

/* ---- text and names ------------------------------------------------------------------------------------- */

static const char *keep(us_script *s, const char *text, size_t n) {
    if (!s->blocks || s->block_size - s->block_used < n + 1) {
        size_t size = n + 1 > ARENA_BLOCK ? n + 1 : ARENA_BLOCK;
        block *b = us_checked(malloc(sizeof *b + size));
        if (!b) return NULL;
        b->next = s->blocks;
        s->blocks = b;
        s->block_used = 0;
        s->block_size = size;
    }
    char *to = s->blocks->bytes + s->block_used;
    if (n) memcpy(to, text, n);
    to[n] = 0;
    s->block_used += n + 1;
    return to;
}

static uint64_t hash_of(const char *s, size_t n) {
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
    return h ^ h >> 29;
}

static uint32_t *name_slot_of(us_script *s, const char *name, size_t n) {
    for (size_t i = hash_of(name, n) & (s->n_name_slots - 1);; i = (i + 1) & (s->n_name_slots - 1)) {
        uint32_t k = s->name_slots[i];
        if (!k || (strlen(s->speakers[k - 1].name) == n && !memcmp(s->speakers[k - 1].name, name, n))) return &s->name_slots[i];
    }
}

static us_status speaker_of(us_script *s, const char *name, size_t n, uint32_t *out, us_error *err) {
    if (s->n_speakers && s->last_speaker < s->n_speakers) { /* people speak several lines in a row */
        const char *last = s->speakers[s->last_speaker].name;
        if (strlen(last) == n && !memcmp(last, name, n)) return *out = s->last_speaker, US_OK;
    }
    us_status st;
    if (2 * (s->n_speakers + 1) > s->n_name_slots) {
        size_t size = s->n_name_slots ? 2 * s->n_name_slots : 1024;
        free(s->name_slots);
        s->name_slots = NULL;
        if ((st = us_alloc(size, sizeof *s->name_slots, &s->name_slots, err))) return st;
        s->n_name_slots = size;
        for (size_t i = 0; i < s->n_speakers; i++)
            *name_slot_of(s, s->speakers[i].name, strlen(s->speakers[i].name)) = (uint32_t)i + 1;
    }
    uint32_t *slot = name_slot_of(s, name, n);
    if (!*slot) {
        if ((st = us_grow(&s->speakers, &s->cap_speakers, s->n_speakers + 1, sizeof *s->speakers, err))) return st;
        const char *kept = keep(s, name, n);
        if (!kept) return us_fail(err, US_ERR_MEMORY, "out of memory");
        s->speakers[s->n_speakers] = (us_speaker){.name = kept, .joint = us_is_joint(kept)};
        s->shouted_seen = s->shouted_seen || us_is_shouted(kept);
        *slot = (uint32_t)++s->n_speakers;
    }
    *out = s->last_speaker = *slot - 1;
    return US_OK;
}

/* ---- one row ---------------------------------------------------------------------------------------------- */

static bool on(const us_rows *r, us_rule rule) { return !(r->options->rules_off >> rule & 1); }

static void note(us_rows *r, uint32_t line, us_rule rule, bool rejected, us_span_str before, us_span_str after) {
    us_script *s = r->script;
    if (!rejected) s->counts.repairs[rule]++;
    if (us_grow(&s->repairs, &s->cap_repairs, s->n_repairs + 1, sizeof *s->repairs, r->err)) {
        r->status = US_ERR_MEMORY;
        return;
    }
    const char *b = keep(s, before.s, before.n), *a = keep(s, after.s, after.n);
    if (!a || !b) r->status = us_fail(r->err, US_ERR_MEMORY, "out of memory");
    else
        s->repairs[s->n_repairs++] = (us_repair){
            .file = r->file, .row = r->inside ? r->inside : line, .rule = rule, .rejected = rejected, .before = b, .after = a};
}

/* Applies mojibake and blanks (and, for text, directions) to a cell; the result is in s->a or the cell itself. */
static us_span_str repair_cell(us_rows *r, uint32_t line, us_span_str cell, bool text, uint32_t *bits, us_buf *to) {
    us_script *s = r->script;
    us_span_str now = cell;
    const struct {
        us_rule rule;
        bool (*fix)(const char *, size_t, us_buf *);
    } fixes[] = {{US_RULE_MOJIBAKE, us_repair_mojibake}, {US_RULE_BLANKS, us_repair_blanks}};
    us_buf_clear(&s->taken);
    bool cut_out = false;
    for (int k = 0; k < 4; k++) {
        bool directions = k == 2; /* then blanks once more: taking words out leaves some */
        us_rule rule = directions ? US_RULE_DIRECTIONS : fixes[k == 3 ? 1 : k].rule;
        if (!now.n || !on(r, rule) || (k >= 2 && !text) || (k == 3 && !cut_out)) continue;
        bool changed =
            directions ? us_repair_directions(now.s, now.n, &s->b, &s->taken) : fixes[k == 3 ? 1 : k].fix(now.s, now.n, &s->b);
        if (!changed) continue;
        cut_out = cut_out || directions;
        if (k < 3) {
            *bits |= 1u << rule;
            note(r, line, rule, false, now, (us_span_str){s->b.data, s->b.len});
        }
        us_buf swap = *to;
        *to = s->b;
        s->b = swap;
        now = (us_span_str){to->data ? to->data : "", to->len};
    }
    return now;
}

static bool same_cell(const char *held, us_span_str c) { return strlen(held) == c.n && !memcmp(held, c.s, c.n); }

static void hold(char *held, size_t max, us_span_str c) {
    size_t n = c.n < max - 1 ? c.n : max - 1;
    memcpy(held, c.s ? c.s : "", n);
    held[n] = 0;
}

static us_span_str cut(us_span_str c, size_t max) {
    while (c.n && (c.s[c.n - 1] == ' ' || c.s[c.n - 1] == '\n' || c.s[c.n - 1] == '\r' || c.s[c.n - 1] == '\t')) c.n--;
    if (c.n > max) c.n = max;
    if (!c.s) c.s = "";
    return c;
}

/* A change of season or episode opens an episode (and a scene); a change of the scene column a scene. */
static us_status boundaries(us_rows *r, const us_span_str cells[US_N_CELLS]) {
    us_script *s = r->script;
    if (s->n_episodes && !s->episode[0] && !s->scene[0] && !cells[US_CELL_SEASON].n && !cells[US_CELL_EPISODE].n &&
        !cells[US_CELL_SCENE].n && !r->file_episode[0])
        return US_OK;
    char name[256] = "";
    us_span_str season = cut(cells[US_CELL_SEASON], 100), episode = cut(cells[US_CELL_EPISODE], 120),
                scene = cut(cells[US_CELL_SCENE], 250);
    bool numbers = season.n && episode.n && season.s[0] <= '9' && episode.s[0] <= '9';
    if (numbers) snprintf(name, sizeof name, "S%.*sE%.*s", (int)season.n, season.s, (int)episode.n, episode.s);
    else if (season.n && episode.n && memmem(episode.s, episode.n, season.s, season.n))
        snprintf(name, sizeof name, "%.*s", (int)episode.n, episode.s);
    else if (season.n && episode.n)
        snprintf(name, sizeof name, "%.*s %.*s", (int)season.n, season.s, (int)episode.n, episode.s);
    else if (season.n || episode.n)
        snprintf(name, sizeof name, "%.*s", (int)(season.n ? season.n : episode.n), season.n ? season.s : episode.s);
    else snprintf(name, sizeof name, "%.250s", r->file_episode);
    if (!s->n_episodes || strcmp(s->episode, name)) {
        us_status st = us_grow(&s->episodes, &s->cap_episodes, s->n_episodes + 1, sizeof *s->episodes, r->err);
        if (st) return st;
        const char *kept = keep(s, name, strlen(name));
        if (!kept) return us_fail(r->err, US_ERR_MEMORY, "out of memory");
        s->episodes[s->n_episodes++] = (us_episode){.name = kept, .first_scene = (uint32_t)s->n_scenes};
        strcpy(s->episode, name);
        s->scene_open = s->run_open = false;
    }
    if (!same_cell(s->scene, scene)) {
        hold(s->scene, sizeof s->scene, scene);
        s->scene_open = s->run_open = false;
    }
    return US_OK;
}

static us_status add_line(us_rows *r, uint32_t line, us_span_str text, uint32_t speaker, uint32_t bits) {
    us_script *s = r->script;
    us_status st = us_grow(&s->lines, &s->cap_lines, s->n_lines + 1, sizeof *s->lines, r->err);
    if (!st && !s->scene_open) {
        if ((st = us_grow(&s->scenes, &s->cap_scenes, s->n_scenes + 1, sizeof *s->scenes, r->err))) return st;
        s->scenes[s->n_scenes++] = (us_scene){.first_line = (uint32_t)s->n_lines, .episode = (uint32_t)s->n_episodes - 1};
        s->episodes[s->n_episodes - 1].n_scenes++;
        s->scene_open = true;
    }
    if (st) return st;
    const char *kept = keep(s, text.s, text.n), *direction = s->taken.len ? keep(s, s->taken.data, s->taken.len) : NULL;
    if (!kept || (s->taken.len && !direction)) return us_fail(r->err, US_ERR_MEMORY, "out of memory");
    s->lines[s->n_lines++] = (us_line){.text = kept,
                                       .direction = direction,
                                       .speaker = speaker,
                                       .scene = (uint32_t)s->n_scenes - 1,
                                       .file = r->file,
                                       .row = r->inside ? r->inside : line,
                                       .repairs = bits};
    s->scenes[s->n_scenes - 1].n_lines++;
    s->counts.lines++;
    return US_OK;
}

void us_rows_reject(us_rows *r, uint32_t line, const char *reason) {
    if (r->status) return;
    r->script->counts.rows++;
    r->script->counts.rejected++;
    note(r, line, US_N_RULES, true, (us_span_str){"", 0}, (us_span_str){reason, strlen(reason)});
}

bool us_fold_name(const char *name, us_buf *out) {
    if (!us_fold_case(name, out)) return false;
    size_t k = 0;
    for (size_t i = 0; i < out->len; i++)
        if (out->data[i] != ' ' && out->data[i] != '\t') out->data[k++] = out->data[i];
    out->len = k;
    if (out->data) out->data[k] = 0;
    return true;
}

static bool is_excluded(us_script *s, const char *name) {
    if (!s->excluded) return false;
    us_buf fold;
    us_buf_init(&fold, 1 << 16);
    bool out = us_fold_name(name, &fold) && json_object_get(s->excluded, fold.data ? fold.data : "");
    us_buf_fini(&fold);
    return out;
}

/* Another row, unless there are too many. */
static bool count_row(us_rows *r, uint32_t line) {
    size_t max_rows = r->options->max_rows ? r->options->max_rows : 50000000;
    if (!r->status && r->script->counts.rows >= max_rows)
        r->status = us_fail(r->err, US_ERR_LIMIT, "%s:%u: more than %zu rows", r->path, line, max_rows);
    if (!r->status) r->script->counts.rows++;
    return !r->status;
}

void us_rows_break(us_rows *r, uint32_t line) {
    if (!count_row(r, line)) return;
    r->script->counts.breaks++;
    r->script->scene_open = r->script->run_open = false;
}

void us_rows_scene(us_rows *r) { r->script->scene_open = r->script->run_open = false; }

void us_rows_action(us_rows *r, uint32_t line) {
    if (!count_row(r, line)) return;
    r->script->counts.actions++;
    if (!r->script->run_open) r->script->counts.runs++;
    r->script->run_open = true;
}

void us_rows_say(us_rows *r, uint32_t line, us_span_str speaker, us_span_str text) {
    us_span_str cells[US_N_CELLS] = {{0}};
    size_t max = r->options->max_cell_bytes ? r->options->max_cell_bytes : (size_t)1 << 20;
    if (text.n > max) {
        us_rows_reject(r, line, "a speech of more bytes than a cell may have");
        return;
    }
    cells[US_CELL_SPEAKER] = speaker;
    cells[US_CELL_TEXT] = text;
    us_rows_add(r, line, cells, 0);
}

/* The speaker of a cell after repair; US_SPEAKER_NONE for a cell that names nobody. */
static uint32_t find_speaker(us_rows *r, uint32_t line, us_span_str name, uint32_t *bits) {
    us_script *s = r->script;
    uint32_t speaker = US_SPEAKER_NONE;
    us_buf clean;
    us_buf_init(&clean, 1 << 16);
    name = repair_cell(r, line, name, false, bits, &clean);
    bool nobody = us_is_nothing(name.s, name.n) || (name.n == 4 && !memcmp(name.s, "None", 4)); /* Python's word */
    if (name.n && !nobody && !r->status) r->status = speaker_of(s, name.s, name.n, &speaker, r->err);
    us_buf_fini(&clean);
    return speaker;
}

void us_rows_add(us_rows *r, uint32_t line, const us_span_str cells[US_N_CELLS], uint32_t repairs) {
    us_script *s = r->script;
    us_span_str name = cut(cells[US_CELL_SPEAKER], 4096), text = cells[US_CELL_TEXT];
    if (!text.s) text.s = "";
    if (text.n < 6 && us_is_nothing(text.s, cut(text, SIZE_MAX).n)) text.n = 0;
    uint32_t bits = repairs, speaker = US_SPEAKER_NONE;
    if ((!name.n || us_is_nothing(name.s, name.n)) && !cut(text, SIZE_MAX).n) { /* nothing said by nobody: a break */
        us_rows_break(r, line);
        return;
    }
    if (r->unchecked && (!us_utf8_valid(name.s, name.n, NULL) || !us_utf8_valid(text.s, text.n, NULL))) {
        us_rows_reject(r, line, "not UTF-8");
        return;
    }
    if (!count_row(r, line)) return;
    if ((r->status = boundaries(r, cells))) return;
    if (!s->run_open) s->counts.runs++;
    s->run_open = true;
    us_buf plain;
    us_buf_init(&plain, (size_t)1 << 30);
    if (r->switchboard && on(r, US_RULE_DIRECTIONS)) {
        name = us_switchboard_name(name);
        if (us_repair_switchboard(text, &plain)) {
            bits |= 1u << US_RULE_DIRECTIONS;
            note(r, line, US_RULE_DIRECTIONS, false, text, (us_span_str){plain.data ? plain.data : "", plain.len});
            text = (us_span_str){plain.data ? plain.data : "", plain.len};
        }
    }
    for (int rule = 0; rule < US_N_RULES; rule++)
        if (repairs >> rule & 1) note(r, line, (us_rule)rule, false, text, text);
    if (name.n) speaker = find_speaker(r, line, name, &bits);
    if (!r->status && speaker != US_SPEAKER_NONE) s->speakers[speaker].n_rows++;
    if (!r->status) text = repair_cell(r, line, text, true, &bits, &s->a);
    if (!r->status && plain.len && text.s == plain.data) { /* nothing more was to be done: the words are to outlive it */
        us_buf swap = s->a;
        s->a = plain;
        plain = swap;
    }
    us_buf_fini(&plain);
    if (r->status) return;
    text = cut(text, SIZE_MAX);
    const char *who = speaker == US_SPEAKER_NONE ? "" : s->speakers[speaker].name;
    size_t n_who = strlen(who);
    if (n_who && on(r, US_RULE_CUES) && text.n > n_who + 1 && text.s[n_who] == ':' && !strncasecmp(text.s, who, n_who)) {
        us_span_str words = us_trim((us_span_str){text.s + n_who + 1, text.n - n_who - 1}); /* the name once more */
        bits |= 1u << US_RULE_CUES;
        note(r, line, US_RULE_CUES, false, text, words);
        text = words;
    }
    bool credit = text.n && on(r, US_RULE_CREDITS) && us_is_credit(who, text.s);
    if (credit) note(r, line, US_RULE_CREDITS, false, text, (us_span_str){"", 0});
    if (!text.n || credit || (*who && is_excluded(s, who))) {
        s->counts.actions++;
        return;
    }
    if (speaker == US_SPEAKER_NONE) s->counts.unnamed++;
    else s->speakers[speaker].n_lines++;
    r->status = add_line(r, line, text, speaker, bits);
}

/* ---- when all is read --------------------------------------------------------------------------------------- */

static us_status load_aliases(us_script *s, const char *path, us_error *err) {
    json_t *root, *list, *alias;
    size_t i;
    us_status st = us_json_read(path, (size_t)16 << 20, &root, err);
    if (st) return st;
    s->aliases = json_object();
    const char *name;
    /* A corpus.json holds such an object under "aliases"; a person of that name would have an array there. */
    json_t *names = json_is_object(json_object_get(root, "aliases")) ? json_object_get(root, "aliases") : root;
    if (!st)
        json_object_foreach(names, name, list) {
            if (!json_is_array(list)) st = us_fail(err, US_ERR_FORMAT, "%s: '%s': expected an array of names", path, name);
            json_array_foreach(list, i, alias)
                if (!st && !json_is_string(alias))
                    st = us_fail(err, US_ERR_FORMAT, "%s: '%s'[%zu]: expected a name", path, name, i);
                else if (!st) json_object_set_new(s->aliases, json_string_value(alias), json_string(name));
        }
    if (!st && json_object_size(s->aliases) > MAX_ALIASES)
        st = us_fail(err, US_ERR_LIMIT, "%s: more than %d aliases", path, MAX_ALIASES);
    json_decref(root);
    return st;
}

/* Hash of a case-folded name; folding ASCII needs no table. */
static uint64_t folded_hash(const char *name, us_buf *fold) {
    uint64_t h = 0xcbf29ce484222325u;
    const char *p = name;
    for (; *p && (unsigned char)*p < 0x80; p++)
        h = (h ^ (unsigned char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p)) * 0x100000001b3u;
    if (!*p) return h ^ h >> 29;
    return us_fold_case(name, fold) ? hash_of(fold->data, fold->len) : 0;
}

/* A shouted name joins the one that differs from it by case only, the one with most lines. */
static us_status join_shouted(us_rows *r) {
    us_script *s = r->script;
    size_t n = s->n_speakers, size = 64;
    uint32_t *head = NULL, *next = NULL; /* of names that are not shouted, by their hash; index + 1 */
    us_buf fold, other;
    us_buf_init(&fold, 1 << 16);
    us_buf_init(&other, 1 << 16);
    while (size < n) size *= 2;
    us_status st = us_alloc(size, sizeof *head, &head, r->err);
    if (!st) st = us_alloc(n, sizeof *next, &next, r->err);
    for (size_t i = n; i-- > 0 && !st;) {
        if (us_is_shouted(s->speakers[i].name) || s->joins[i] != i) continue;
        uint32_t *h = &head[folded_hash(s->speakers[i].name, &fold) & (size - 1)];
        next[i] = *h;
        *h = (uint32_t)i + 1;
    }
    for (size_t i = 0; i < n && !st; i++) {
        if (!us_is_shouted(s->speakers[i].name) || s->joins[i] != i) continue;
        uint32_t best = (uint32_t)i, k = head[folded_hash(s->speakers[i].name, &fold) & (size - 1)];
        if (!k || !us_fold_case(s->speakers[i].name, &fold)) continue;
        for (; k; k = next[k - 1])
            if (us_fold_case(s->speakers[k - 1].name, &other) && !strcmp(fold.data, other.data) &&
                (best == i || s->speakers[k - 1].n_lines > s->speakers[best].n_lines))
                best = k - 1;
        s->joins[i] = best;
        if (best != i) s->counts.repairs[US_RULE_SHOUTED] += s->speakers[i].n_rows;
    }
    free(head);
    free(next);
    us_buf_fini(&fold);
    us_buf_fini(&other);
    return st;
}

/* Speaker i joins the one of that name, who may be new. */
static us_status join_to(us_rows *r, size_t i, const char *name, size_t n, us_rule rule) {
    us_script *s = r->script;
    size_t before = s->n_speakers;
    uint32_t k;
    us_status st = speaker_of(s, name, n, &k, r->err);
    if (st) return st;
    if (s->n_speakers > before) {
        uint32_t *bigger = us_checked(realloc(s->joins, (s->n_speakers + 1) * sizeof *bigger));
        if (!bigger) return us_fail(r->err, US_ERR_MEMORY, "out of memory");
        s->joins = bigger;
        s->joins[before] = (uint32_t)before;
    }
    s->joins[i] = k;
    s->counts.repairs[rule] += s->speakers[i].n_rows;
    return US_OK;
}

static bool is_speaker(us_script *s, const char *name, size_t n) { return *name_slot_of(s, name, n) != 0; }

/* "softly", "laughing", "to Bob", "on phone": how somebody speaks, not who they are ("first", "young"). */
static bool is_manner(us_span_str in) {
    static const char *const begins[] = {"to ",      "on ",  "over ", "from ", "off",     "into ", "in ",
                                         "through ", "via ", "aside", "sotto", "whisper", "quiet"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (in.n >= strlen(begins[i]) && !memcmp(in.s, begins[i], strlen(begins[i]))) return true;
    while (n < in.n && in.s[n] >= 'a' && in.s[n] <= 'z') n++;
    return (n > 4 && !memcmp(in.s + n - 2, "ly", 2)) || (n > 5 && !memcmp(in.s + n - 3, "ing", 3));
}

/* Bytes of a name without what its speaker does, behind it in brackets and small letters, "Ann (softly)", or in the brackets of China
 * and Japan, "\u5c0f\u7ea2\uff08\u7b11\uff09", or without "V.O." or "OS" that has no brackets; all of them when there is no such thing. */
static size_t without_manner(const char *s, size_t n) {
    static const char *const bare[] = {" V.O.", " O.S.", " O.C.", " V.O",         " O.S",
                                       " VO",   " OS",   " OC",   "\xef\xbc\xae", "\xef\xbc\xad"};
    static const char *const wide[][2] = {{"\xef\xbc\x88", "\xef\xbc\x89"}, {"\xe3\x80\x90", "\xe3\x80\x91"}};
    for (size_t i = 0; i < sizeof bare / sizeof *bare; i++) {
        size_t k = strlen(bare[i]);
        if (n > k && !memcmp(s + n - k, bare[i], k)) return n - k;
    }
    const char *open = n && s[n - 1] == ')' ? memrchr(s, '(', n) : n && s[n - 1] == ']' ? memrchr(s, '[', n) : NULL;
    if (open && open > s && is_manner((us_span_str){open + 1, (size_t)(s + n - open) - 2})) n = (size_t)(open - s);
    for (int k = 0; k < 2; k++) {
        const char *at = n > 6 && !memcmp(s + n - 3, wide[k][1], 3) ? memmem(s, n, wide[k][0], 3) : NULL;
        if (at && at > s) n = (size_t)(at - s);
    }
    while (n && s[n - 1] == ' ') n--;
    return n;
}

/* Names with cues join those without ("Bob to Carl" is Bob, where there is a Bob), shouted names the others, then aliases as told. */
static us_status join_names(us_rows *r) {
    us_script *s = r->script;
    size_t n = s->n_speakers;
    us_status st = us_alloc(n + 1, sizeof *s->joins, &s->joins, r->err);
    for (size_t i = 0; i < n && !st; i++) s->joins[i] = (uint32_t)i;
    s->counts.names = n;
    for (size_t i = 0; i < n; i++) s->counts.names_with_lines += s->speakers[i].n_lines > 0;
    for (size_t i = 0; i < n && !st && on(r, US_RULE_CUES); i++) {
        const char *name = s->speakers[i].name;
        size_t len = strlen(name), bare = us_name_without_cues(name, len);
        const char *to = strcasestr(name, " to ");
        if (to && bare == len && is_speaker(s, name, (size_t)(to - name))) bare = (size_t)(to - name);
        size_t spoken = bare == len ? without_manner(name, len) : len;
        if (spoken && spoken < len && is_speaker(s, name, spoken)) bare = spoken;
        if (bare && bare < len) st = join_to(r, i, name, bare, US_RULE_CUES);
    }
    if (!st && s->shouted_seen && on(r, US_RULE_SHOUTED)) st = join_shouted(r);
    for (size_t i = 0; i < n && !st && s->aliases && on(r, US_RULE_ALIASES); i++) {
        const char *to = json_string_value(json_object_get(s->aliases, s->speakers[i].name));
        if (to) st = join_to(r, i, to, strlen(to), US_RULE_ALIASES);
    }
    for (size_t i = 0; i < s->n_speakers && !st; i++) { /* MARGE joins Marge, who joins Marge Simpson */
        size_t steps = 0;
        uint32_t k = s->joins[i];
        while (s->joins[k] != k && steps++ <= s->n_speakers) k = s->joins[k];
        if (s->joins[k] != k)
            st = us_fail(r->err, US_ERR_FORMAT, "%s: the aliases of '%s' go round in a circle", r->options->alias_file,
                         s->speakers[i].name);
        s->joins[i] = k;
    }
    return st;
}

static _Thread_local const us_speaker *sorting;
static int by_lines(const void *a, const void *b) {
    const us_speaker *x = &sorting[*(const uint32_t *)a], *y = &sorting[*(const uint32_t *)b];
    if (x->n_lines != y->n_lines) return x->n_lines < y->n_lines ? 1 : -1;
    if (x->n_rows != y->n_rows) return x->n_rows < y->n_rows ? 1 : -1;
    return strcmp(x->name, y->name);
}

static us_rule why_joined(const char *name) {
    size_t n = strlen(name);
    return us_name_without_cues(name, n) < n || without_manner(name, n) < n || strcasestr(name, " to ") ? US_RULE_CUES
           : us_is_shouted(name)                                                                        ? US_RULE_SHOUTED
                                                                                                        : US_RULE_ALIASES;
}

/* Joins, counts words and scenes, and orders the speakers by their lines. */
static us_status finish(us_rows *r) {
    us_script *s = r->script;
    us_status st = join_names(r);
    uint32_t *order = NULL, *rank = NULL, *last_scene = NULL;
    us_speaker *sorted = NULL;
    size_t n = s->n_speakers;
    if (!st) st = us_alloc(n + 1, sizeof *order, &order, r->err);
    if (!st) st = us_alloc(n + 1, sizeof *rank, &rank, r->err);
    if (!st) st = us_alloc(n + 1, sizeof *last_scene, &last_scene, r->err);
    if (!st) st = us_alloc(n + 1, sizeof *sorted, &sorted, r->err);
    if (st) goto out;
    for (size_t i = 0; i < n; i++) {
        uint32_t to = s->joins[i];
        if (to != i) {
            if ((st = us_grow(&s->joined, &s->cap_joined, s->n_joined + 1, sizeof *s->joined, r->err))) goto out;
            s->joined[s->n_joined++] = (us_joined){s->speakers[i].name, to, s->speakers[i].n_rows};
            s->speakers[to].n_rows += s->speakers[i].n_rows;
            s->speakers[to].n_lines += s->speakers[i].n_lines;
            s->speakers[i].n_rows = s->speakers[i].n_lines = 0;
        }
        order[i] = (uint32_t)i;
    }
    sorting = s->speakers;
    qsort(order, n, sizeof *order, by_lines);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        rank[order[i]] = (uint32_t)kept;
        if (s->joins[order[i]] == order[i]) sorted[kept++] = s->speakers[order[i]];
    }
    for (size_t i = 0; i < s->n_lines; i++) {
        us_line *l = &s->lines[i];
        if (l->speaker == US_SPEAKER_NONE) continue;
        uint32_t to = s->joins[l->speaker];
        if (to != l->speaker) l->repairs |= 1u << why_joined(s->speakers[l->speaker].name);
        l->speaker = rank[to];
        sorted[l->speaker].n_words += us_count_words(l->text);
        if (last_scene[l->speaker] != l->scene + 1) sorted[l->speaker].n_scenes++, last_scene[l->speaker] = l->scene + 1;
    }
    for (size_t i = 0; i < s->n_joined; i++) s->joined[i].speaker = rank[s->joined[i].speaker];
    free(s->speakers);
    s->speakers = sorted;
    sorted = NULL;
    s->n_speakers = kept;
out:
    free(order);
    free(rank);
    free(last_scene);
    free(sorted);
    free(s->joins);
    s->joins = NULL;
    free(s->name_slots);
    s->name_slots = NULL;
    return st;
}

/* ---- the spine ------------------------------------------------------------------------------------------------ */

static us_status load_exclusions(us_script *s, const us_script_options *o, us_error *err) {
    us_buf fold;
    us_buf_init(&fold, 1 << 16);
    us_status st = US_OK;
    for (size_t i = 0; i < o->n_exclude && !st; i++) {
        if (!s->excluded) s->excluded = json_object();
        if (!us_fold_name(o->exclude[i], &fold))
            st = us_fail(err, US_ERR_ARGUMENT, "a name to leave out is no UTF-8, or too long");
        else if (json_object_set_new(s->excluded, fold.data ? fold.data : "", json_true()))
            st = us_fail(err, US_ERR_MEMORY, "out of memory");
    }
    us_buf_fini(&fold);
    return st;
}

/* "folder/S01E02.srt" gives "S01E02". */
static void name_of_file(const char *path, char *out, size_t size) {
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path, *dot = strrchr(base, '.');
    snprintf(out, size, "%.*s", (int)(dot && dot > base ? dot - base : (ptrdiff_t)strlen(base)), base);
}

typedef struct reading {
    us_rows rows;
    size_t n_paths;
} reading;

static us_status add_source(us_rows *r, const us_doc *d, const us_shape *shape, const us_view *v, us_error *err) {
    us_script *s = r->script;
    us_status st = us_grow(&s->sources, &s->cap_sources, s->n_sources + 1, sizeof *s->sources, err);
    if (st) return st;
    const char *path = keep(s, d->path, strlen(d->path)), *about = v->about[0] || !shape ? v->about : shape->title,
               *kept = keep(s, about, strlen(about)), *encoding = keep(s, d->text.encoding, strlen(d->text.encoding)),
               *others = keep(s, v->others, strlen(v->others));
    if (!path || !kept || !encoding || !others) return us_fail(err, US_ERR_MEMORY, "out of memory");
    r->file = (uint32_t)s->n_sources;
    r->path = path;
    s->sources[s->n_sources++] = (us_source){.path = path,
                                             .format = shape ? shape->name : NULL,
                                             .about = kept,
                                             .encoding = encoding,
                                             .others = others,
                                             .encoding_guessed = d->text.guessed};
    return US_OK;
}

/* What the conversion of lines changed, as repairs. */
static void note_encoding(us_rows *r, const us_text *t) {
    for (size_t i = 0; i < t->n_odd && t->odd[i].before && t->odd[i].after; i++)
        note(r, t->odd[i].line, US_RULE_ENCODING, false, (us_span_str){t->odd[i].before, strlen(t->odd[i].before)},
             (us_span_str){t->odd[i].after, strlen(t->odd[i].after)});
    if (t->n_odd_lines > t->n_odd) r->script->counts.repairs[US_RULE_ENCODING] += t->n_odd_lines - t->n_odd;
}

static us_status read_text(reading *rd, us_doc *d, us_error *err) {
    us_rows *r = &rd->rows;
    us_script *s = r->script;
    us_view view;
    char episode[256] = "";
    if (!d->refused && (d->refused = us_doc_refusal(r->options, d)) && !d->listed)
        return us_fail(err, US_ERR_FORMAT, "%s is %s", d->path, d->refused);
    const us_shape *shape = d->refused ? NULL : us_shape_find(r->options, d, &view);
    us_script_counts before = s->counts;
    if (d->refused) {
        view = (us_view){0};
        snprintf(view.about, sizeof view.about, "%.190s", d->refused);
    } else if (!shape && !us_trim((us_span_str){d->s, d->n}).n) {
        if (!d->listed) return us_fail(err, US_ERR_FORMAT, "%s: empty file", d->path);
        snprintf(view.about, sizeof view.about, "empty");
    } else if (!shape) { /* the message of the shape that is likeliest: what columns there are */
        us_error why;
        us_rows trial = *r;
        trial.err = &why;
        trial.path = d->path;
        us_status st = us_table_refuse(&trial, d);
        if (!d->listed) return us_fail(err, st, "%s", why.message);
        snprintf(view.about, sizeof view.about, "no dialogue found in it");
    }
    if (d->text.n_nuls) {
        size_t n = strlen(view.about);
        snprintf(view.about + n, sizeof view.about - n, "%s%llu NUL byte%s taken out", n ? ", " : "",
                 (unsigned long long)d->text.n_nuls, d->text.n_nuls == 1 ? "" : "s");
    }
    r->switchboard = shape && us_is_switchboard(d);
    if (r->switchboard) {
        size_t n = strlen(view.about);
        snprintf(view.about + n, sizeof view.about - n, "%sthe marks of Switchboard taken out", n ? ", " : "");
    }
    us_status st = add_source(r, d, shape, &view, err);
    if (st || !shape) return st;
    if (rd->n_paths > 1 || d->listed) name_of_file(d->path, episode, sizeof episode);
    r->file_episode = episode;
    r->unchecked = d->text.unchecked;
    r->about[0] = 0;
    s->scene_open = s->run_open = false;
    us_error why; /* what of a file among others is no reason to stop: users.json in an archive of Slack's */
    if (d->listed) r->err = &why;
    st = shape->read(r, d);
    if (!st) st = r->status;
    r->err = err;
    bool beside = d->listed && st == US_ERR_FORMAT && s->counts.rows == before.rows;
    if (beside) {
        s->sources[r->file].format = NULL;
        s->sources[r->file].about = "no dialogue found in it";
        r->file_episode = "";
        return r->status = US_OK;
    }
    if (st && d->listed && err) *err = why;
    if (!st) note_encoding(r, &d->text);
    r->file_episode = "";
    us_source *source = &s->sources[r->file];
    const char *about = r->about[0] ? keep(s, r->about, strlen(r->about)) : source->about;
    if (about) source->about = about;
    source->rows = s->counts.rows - before.rows;
    source->lines = s->counts.lines - before.lines;
    source->rejected = s->counts.rejected - before.rejected;
    return st ? st : r->status;
}

/* Project Gutenberg's words around a book are nobody's lines: blanks in their place, so that lines keep their numbers. */
static char *without_frame(const us_doc *d) {
    static const char *const marks[2][2] = {{"*** START OF TH", "***START OF TH"}, {"*** END OF TH", "***END OF TH"}};
    const char *end = d->s + d->n, *at[2] = {NULL, end};
    if (d->workbook) return NULL;
    for (int k = 0; k < 2; k++) {
        const char *from = k ? at[0] : d->s;
        size_t n = k || d->n < 65536 ? (size_t)(end - from) : 65536;
        for (int i = 0; i < 2 && at[k] == (k ? end : NULL); i++) {
            const char *found = memmem(from, n, marks[k][i], strlen(marks[k][i]));
            if (found) at[k] = found;
        }
        if (!at[0]) return NULL;
    }
    const char *begin = memchr(at[0], '\n', (size_t)(end - at[0]));
    char *own = begin ? us_checked(malloc(d->n + 1)) : NULL;
    for (size_t i = 0; own && i < d->n; i++)
        own[i] = (d->s + i < begin || d->s + i >= at[1]) && d->s[i] != '\n' ? ' ' : d->s[i];
    return own;
}

static us_status read_document(void *ctx, us_doc *found, us_error *err) {
    char *own = found->refused ? NULL : without_frame(found);
    us_doc d = *found;
    if (own) d.s = own, d.map = NULL;
    us_status st = read_text(ctx, &d, err);
    free(own);
    return st;
}

static bool is_format(const char *name) {
    for (size_t i = 0; us_format_name(i); i++)
        if (!strcmp(us_format_name(i), name)) return true;
    return false;
}

us_status us_script_load(const us_script_options *options, const char *const *paths, size_t n_paths, us_script **out,
                         us_error *err) {
    us_script_options o = options ? *options : (us_script_options){0};
    us_script *s = NULL;
    unsigned failures = us_memory_failures();
    us_status st = n_paths ? us_alloc(1, sizeof *s, &s, err) : us_fail(err, US_ERR_ARGUMENT, "no files were named");
    if (st) return st;
    us_buf_init(&s->a, (size_t)1 << 30);
    us_buf_init(&s->b, (size_t)1 << 30);
    us_buf_init(&s->taken, (size_t)1 << 30);
    s->last_speaker = UINT32_MAX;
    reading rd = {.rows = {.script = s, .options = &o, .err = err, .path = "", .file_episode = ""}, .n_paths = n_paths};
    if (o.format && !is_format(o.format)) st = us_fail(err, US_ERR_ARGUMENT, "no format '%s'", o.format);
    if (!st && o.alias_file) st = load_aliases(s, o.alias_file, err);
    if (!st) st = load_exclusions(s, &o, err);
    for (size_t i = 0; i < n_paths && !st; i++) {
        size_t first = s->n_sources;
        bool any = false;
        st = us_source_walk(paths[i], o.encoding, read_document, &rd, err);
        for (size_t k = first; k < s->n_sources; k++) any = any || s->sources[k].format;
        if (!st && s->n_sources == first) st = us_fail(err, US_ERR_FORMAT, "%s: there is nothing in it to read", paths[i]);
        else if (!st && !any)
            st = us_fail(err, US_ERR_FORMAT, "%s: none of its %zu files is a script", paths[i], s->n_sources - first);
    }
    if (!st) st = finish(&rd.rows);
    if (us_memory_failures() != failures) /* whatever it was taken for */
        st = us_fail(err, US_ERR_MEMORY, "out of memory: the script was not read in full");
    us_buf_fini(&s->a);
    us_buf_fini(&s->b);
    us_buf_fini(&s->taken);
    if (st) us_script_free(s);
    else {
        assert(s->counts.rows == s->counts.lines + s->counts.actions + s->counts.breaks + s->counts.rejected);
        *out = s;
    }
    return st;
}

void us_script_free(us_script *s) {
    if (!s) return;
    for (block *b = s->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(s->sources);
    free(s->lines);
    free(s->speakers);
    free(s->scenes);
    free(s->episodes);
    free(s->repairs);
    free(s->name_slots);
    free(s->joins);
    free(s->joined);
    json_decref(s->aliases);
    json_decref(s->excluded);
    free(s);
}

const us_line *us_script_get_lines(const us_script *s, size_t *n) { return *n = s->n_lines, s->lines; }
const us_speaker *us_script_get_speakers(const us_script *s, size_t *n) { return *n = s->n_speakers, s->speakers; }
const us_scene *us_script_get_scenes(const us_script *s, size_t *n) { return *n = s->n_scenes, s->scenes; }
const us_episode *us_script_get_episodes(const us_script *s, size_t *n) { return *n = s->n_episodes, s->episodes; }
const us_repair *us_script_get_repairs(const us_script *s, size_t *n) { return *n = s->n_repairs, s->repairs; }
const us_joined *us_script_get_joined(const us_script *s, size_t *n) { return *n = s->n_joined, s->joined; }
const us_script_counts *us_script_get_counts(const us_script *s) { return &s->counts; }
const us_source *us_script_get_sources(const us_script *s, size_t *n) { return *n = s->n_sources, s->sources; }
const char *us_script_get_path(const us_script *s, uint32_t file) { return file < s->n_sources ? s->sources[file].path : ""; }

/* ---- is it damaged ------------------------------------------------------------------------------------------- */

us_status us_script_check_damage(const us_script *s, us_error *err) {
    static const us_rule mends[] = {US_RULE_FIELDS, US_RULE_MOJIBAKE, US_RULE_ENCODING, US_RULE_QUOTES};
    const us_script_counts *c = &s->counts;
    us_rule worst = US_N_RULES;
    uint64_t n = c->rejected, rows = c->rows - c->breaks;
    bool bad = n && (n == rows || (n > 20 && n * 50 > rows));
    for (size_t i = 0; i < sizeof mends / sizeof *mends && !bad; i++)
        if (c->repairs[mends[i]] * 5 > rows && c->repairs[mends[i]] > 2) worst = mends[i], n = c->repairs[worst], bad = true;
    if (!bad) return US_OK;
    char places[600] = "";
    size_t n_places = 0, k = 0;
    for (size_t i = 0; i < s->n_repairs && n_places < 3; i++) {
        const us_repair *r = &s->repairs[i];
        if (worst == US_N_RULES ? !r->rejected : r->rejected || r->rule != worst) continue;
        k += (size_t)snprintf(places + k, sizeof places - k, "%s%.80s:%u: %.60s", n_places ? "; " : "",
                              us_script_get_path(s, r->file), r->row, worst == US_N_RULES ? r->after : r->before);
        n_places++;
    }
    if (worst == US_N_RULES)
        return us_fail(err, US_ERR_FORMAT, "%llu of %llu rows were rejected: %s", (unsigned long long)n,
                       (unsigned long long)rows, places);
    return us_fail(err, US_ERR_FORMAT, "%llu of %llu rows had to be repaired by the rule '%s': %s", (unsigned long long)n,
                   (unsigned long long)rows, us_rule_name(worst), places);
}
