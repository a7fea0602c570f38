/* corpus/read_tei.c - plays in TEI (DraCor and others): <sp who="#ann"><speaker>ANN.</speaker><p>Good morning.</p></sp>.
 *
 * Speakers are told by `who` and have the names of the list of persons; without one the words of <speaker>. Stage directions
 * inside a speech become directions, others are actions; a <div> is a scene. expat reads as the file streams by: nothing is
 * fetched, and a file that declares entities of its own is refused. <SPEECH>, <SPEAKER> and <LINE> are read the same way. */
#include "corpus/label.h"
#include "base/mem.h"
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 64
#define MAX_PERSONS 10000

typedef struct person {
    char *id, *name;
} person;

typedef struct play {
    us_rows *r;
    XML_Parser parser;
    us_status status;
    person *persons;
    size_t n_persons, cap_persons;
    us_buf text, speaker, name, head, title;
    char who[400], act[100], scene[120];
    int depth, speech, stage, silent, in_speaker, persona, persona_name, in_head,
        in_title; /* depths at which these began, 0: not in one */
    uint32_t line, n_speeches;
    bool parsing_persons; /* the first of two walks */
} play;

void us_look_tei(const us_script_options *o, const us_doc *d, us_view *view) {
    size_t n = us_doc_sample(d), n_all = d->n < ((size_t)4 << 20) ? d->n : (size_t)4 << 20;
    us_span_str t = us_trim((us_span_str){d->s, n});
    (void)o;
    if (d->workbook || t.n < 20 || *t.s != '<') return;
    bool tei = memmem(t.s, t.n < 4096 ? t.n : 4096, "<TEI", 4) != NULL,
         speech = memmem(d->s, n_all, "<sp ", 4) || memmem(d->s, n_all, "<sp>", 4);
    if ((tei && speech) || (memmem(d->s, n_all, "<SPEECH>", 8) && memmem(d->s, n_all, "<SPEAKER>", 9))) view->fit = 0.99;
}

static const char *local(const XML_Char *name) {
    const char *colon = strrchr(name, ':');
    return colon ? colon + 1 : name;
}

/* Elements of TEI, and those of Jon Bosak's Shakespeare, which many sets follow. */
static bool is(const XML_Char *name, const char *what) {
    static const char *const same[][2] = {{"SPEECH", "sp"}, {"SPEAKER", "speaker"}, {"STAGEDIR", "stage"},   {"TITLE", "head"},
                                          {"SCENE", "div"}, {"ACT", "div"},         {"PERSONAE", "castList"}};
    name = local(name);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (!strcmp(name, same[i][0])) name = same[i][1];
    return !strcmp(name, what);
}

static const char *attribute(const XML_Char **a, const char *name) {
    for (; a && *a; a += 2)
        if (!strcmp(local(a[0]), name)) return a[1];
    return NULL;
}

static void fail(play *p, us_status st) {
    if (!p->status) p->status = st;
    XML_StopParser(p->parser, XML_FALSE);
}

static void append(play *p, us_buf *b, const char *s, size_t n) {
    us_status st = us_buf_append(b, s, n, p->r->err);
    if (st) fail(p, st);
}

/* The names of "#ann #bob": "Ann, Bob"; what is in no list is its own name. */
static us_span_str names_of(play *p) {
    us_buf_clear(&p->name);
    for (char *id = p->who; *id;) {
        size_t n = strcspn(id, " \t\n");
        const char *name = NULL;
        const char *bare = *id == '#' ? id + 1 : id;
        size_t len = n - (size_t)(bare - id);
        for (size_t i = 0; i < p->n_persons && !name; i++)
            if (strlen(p->persons[i].id) == len && !strncmp(p->persons[i].id, bare, len)) name = p->persons[i].name;
        if (len) {
            if (p->name.len) append(p, &p->name, ", ", 2);
            append(p, &p->name, name ? name : bare, name ? strlen(name) : len);
        }
        id += n;
        id += strspn(id, " \t\n");
    }
    us_span_str said = us_trim((us_span_str){p->speaker.data ? p->speaker.data : "", p->speaker.len});
    while (said.n && strchr(".:,", said.s[said.n - 1])) said.n--;
    bool known = false;
    for (size_t i = 0; i < p->n_persons && !known; i++) known = p->name.len && !strcmp(p->persons[i].name, p->name.data);
    return p->name.len && (known || !said.n || memchr(p->name.data, ',', p->name.len))
               ? (us_span_str){p->name.data, p->name.len}
           : said.n ? said
                    : (us_span_str){p->name.data ? p->name.data : "", p->name.len};
}

static void on_start(void *ctx, const XML_Char *e, const XML_Char **a) {
    play *p = ctx;
    if (++p->depth > MAX_DEPTH) {
        us_fail(p->r->err, US_ERR_LIMIT, "%s:%lu: nested more than %d deep", p->r->path,
                (unsigned long)XML_GetCurrentLineNumber(p->parser), MAX_DEPTH);
        fail(p, US_ERR_LIMIT);
        return;
    }
    if (p->parsing_persons) {
        const char *id = attribute(a, "id");
        if (is(e, "sp") || is(e, "body")) return;
        if (id && (is(e, "person") || is(e, "personGrp") || is(e, "role") || is(e, "castItem")) && p->n_persons < MAX_PERSONS) {
            us_status st = us_grow(&p->persons, &p->cap_persons, p->n_persons + 1, sizeof *p->persons, p->r->err);
            if (!st) st = us_strdup(id, &p->persons[p->n_persons].id, p->r->err);
            if (st) {
                fail(p, st);
                return;
            }
            p->persons[p->n_persons++].name = NULL;
            p->persona = p->depth;
            us_buf_clear(&p->text);
            if (is(e, "role")) p->persona_name = p->depth;
        } else if (p->persona && !p->persona_name &&
                   (is(e, "persName") || is(e, "name") || is(e, "role") || is(e, "roleName"))) {
            us_buf_clear(&p->text);
            p->persona_name = p->depth;
        }
        return;
    }
    if (is(e, "teiHeader") || is(e, "front") || is(e, "back") || is(e, "note") || is(e, "castList") || is(e, "fw")) {
        if (!p->silent) p->silent = p->depth;
    }
    if (p->silent) return;
    if (is(e, "sp")) {
        const char *who = attribute(a, "who");
        snprintf(p->who, sizeof p->who, "%s", who ? who : "");
        us_buf_clear(&p->text);
        us_buf_clear(&p->speaker);
        p->speech = p->depth;
        p->line = (uint32_t)XML_GetCurrentLineNumber(p->parser);
    } else if (is(e, "speaker")) {
        p->in_speaker = p->depth;
        if (p->speaker.len && p->speech) append(p, &p->speaker, ", ", 2); /* two speak together */
    } else if (is(e, "stage") && !p->stage) {
        p->stage = p->depth;
        if (p->speech) append(p, &p->text, " (", 2);
        else us_rows_action(p->r, (uint32_t)XML_GetCurrentLineNumber(p->parser));
    } else if (is(e, "head") && !p->speech) {
        p->in_head = p->depth;
        us_buf_clear(&p->head);
    } else if (is(e, "div") || is(e, "div1") || is(e, "div2") || is(e, "div3")) us_rows_scene(p->r);
    else if (p->speech) append(p, &p->text, " ", 1); /* <l>, <p>, <lb/> part words */
}

static void on_end(void *ctx, const XML_Char *e) {
    play *p = ctx;
    if (p->parsing_persons) {
        if (p->persona_name == p->depth) {
            us_span_str t = us_trim((us_span_str){p->text.data ? p->text.data : "", p->text.len});
            person *last = &p->persons[p->n_persons - 1];
            if (!last->name && t.n && us_strndup(t.s, t.n, &last->name, p->r->err)) fail(p, US_ERR_MEMORY);
            p->persona_name = 0;
        }
        if (p->persona == p->depth) p->persona = 0;
    } else if (p->silent) {
        if (p->silent == p->depth) p->silent = 0;
    } else if (p->speech == p->depth) {
        us_rows_say(p->r, p->line, names_of(p), (us_span_str){p->text.data ? p->text.data : "", p->text.len});
        p->n_speeches++;
        p->speech = 0;
        if (p->r->status) fail(p, p->r->status);
    } else if (p->stage == p->depth) {
        p->stage = 0;
        if (p->speech) append(p, &p->text, ") ", 2);
    } else if (p->in_speaker == p->depth) p->in_speaker = 0;
    else if (p->in_head == p->depth) p->in_head = 0;
    (void)e;
    p->depth--;
}

static void on_text(void *ctx, const XML_Char *s, int n) {
    play *p = ctx;
    if (p->parsing_persons) {
        if (p->persona_name) append(p, &p->text, s, (size_t)n);
    } else if (p->silent) return;
    else if (p->in_speaker) append(p, &p->speaker, s, (size_t)n);
    else if (p->speech) append(p, &p->text, s, (size_t)n);
    else if (p->in_head) append(p, &p->head, s, (size_t)n);
}

static void on_entity(void *ctx, const XML_Char *name, int is_parameter, const XML_Char *value, int n, const XML_Char *base,
                      const XML_Char *system_id, const XML_Char *public_id, const XML_Char *notation) {
    play *p = ctx;
    (void)is_parameter, (void)value, (void)n, (void)base, (void)system_id, (void)public_id, (void)notation;
    us_fail(p->r->err, US_ERR_FORMAT,
            "%s: declares the entity '%s': entities of its own are not read (xmllint --noent FILE writes it without)",
            p->r->path, name);
    fail(p, US_ERR_FORMAT);
}

static us_status walk(play *p, const us_doc *d, bool persons) {
    us_status st = US_OK;
    p->parser = XML_ParserCreate("UTF-8"); /* the text is UTF-8 by now, whatever its first line says */
    if (!p->parser) return us_fail(p->r->err, US_ERR_MEMORY, "out of memory");
    p->parsing_persons = persons;
    p->depth = 0;
    us_buf_clear(&p->text);
    XML_SetUserData(p->parser, p);
    XML_SetElementHandler(p->parser, on_start, on_end);
    XML_SetCharacterDataHandler(p->parser, on_text);
    XML_SetEntityDeclHandler(p->parser, on_entity);
    for (size_t i = 0; i < d->n && !st; i += 1 << 20) {
        size_t n = d->n - i < 1 << 20 ? d->n - i : 1 << 20;
        if (XML_Parse(p->parser, d->s + i, (int)n, i + n == d->n) != XML_STATUS_OK) {
            st = p->status ? p->status
                           : us_fail(p->r->err, US_ERR_FORMAT, "%s:%lu: not well-formed XML: %s", p->r->path,
                                     (unsigned long)XML_GetCurrentLineNumber(p->parser),
                                     XML_ErrorString(XML_GetErrorCode(p->parser)));
        }
    }
    XML_ParserFree(p->parser);
    return st;
}

us_status us_read_tei(us_rows *r, us_doc *d) {
    play p = {.r = r};
    us_buf *const bufs[] = {&p.text, &p.speaker, &p.name, &p.head, &p.title};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        us_buf_init(bufs[i], (size_t)1 << 30); /* what is too long for a cell us_rows_say() rejects */
    us_status st = walk(&p, d, true);
    for (size_t i = 0; i < p.n_persons; i++)
        if (!p.persons[i].name && !st) st = us_strdup(p.persons[i].id, &p.persons[i].name, r->err);
    if (!st) st = walk(&p, d, false);
    snprintf(r->about, sizeof r->about, "TEI drama, %u speeches", p.n_speeches);
    for (size_t i = 0; i < p.n_persons; i++) free(p.persons[i].id), free(p.persons[i].name);
    free(p.persons);
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) us_buf_fini(bufs[i]);
    return st;
}
