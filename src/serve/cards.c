/* Routes of the characters: who there is, pictures, cards in and out. */
#include "base/base64.h"
#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "character/card_file.h"
#include "character/card_png.h"
#include "serve/params.h"
#include "serve/server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_PICTURE = 16 << 20, MAX_FACTS = 4 << 20 };
/* Bytes of one character in a list of them: 512 with control characters alone, six bytes each in JSON, can still be read at once. */
enum { LISTED_GREETING = 6144, LISTED_TAGS = 2048, LISTED_CAST = 4096 };
static const char *const picture_names[] = {"portrait.png", "picture.png", "picture.svg", "cloud.png", "cloud.svg", NULL};

/* The character of the path; when there is none the answer has been given, in *rc. */
static us_character *wanted(us_request *r, enum MHD_Result *rc) {
    us_character *c;
    us_error err;
    if (!us_characters_find(r->s->characters, r->args[0], &c, &err)) return c;
    *rc = us_refuse(r, 404, err.message);
    return NULL;
}

static bool has_file(const us_character *c, const char *name) {
    char *path = us_character_file(c, (const char *const[]){name, NULL});
    free(path);
    return path != NULL;
}

/* null where there is none; a file that cannot be read is told of in `problems`. */
static json_t *file_json(const us_server *s, const us_character *c, const char *name, json_t *problems) {
    char *path = us_path_join(c->folder, name);
    json_t *j = NULL;
    us_error err;
    us_status st = path ? us_json_read_plain(path, MAX_FACTS, &j, &err) : US_OK;
    struct stat sb;
    if (st && !lstat(path, &sb))
        json_array_append_new(problems, json_pack("{s:s, s:o}", "file", name, "error", us_public_json(s, err.message)));
    free(path);
    return st || !j ? json_null() : j;
}

json_t *us_greeting_json(const us_card *card, bool listed) {
    us_buf b;
    us_buf_init(&b, 1 << 20);
    us_status st = us_card_fill(card, card->greeting, NULL, &b, NULL);
    if (!st && listed && b.len > LISTED_GREETING) {
        b.len = LISTED_GREETING - us_utf8_tail(b.data, LISTED_GREETING);
        st = us_buf_append_str(&b, "…", NULL);
    }
    json_t *j = st ? json_string("") : us_text_json(b.data, b.len);
    us_buf_fini(&b);
    return j;
}

static json_t *cast_json(const us_card *card, bool listed) {
    json_t *list = json_array();
    size_t left = listed ? LISTED_CAST : SIZE_MAX;
    for (size_t i = 0; i < card->n_cast && strlen(card->cast[i]) < left; i++) {
        json_array_append_new(list, json_string(card->cast[i]));
        left -= strlen(card->cast[i]) + 1;
    }
    return list;
}

/* In a list: the strings alone, and of them as many as the page could show. */
static json_t *tags_json(const us_card *card, bool listed) {
    json_t *tags = json_object_get(json_object_get(card->root, "data"), "tags"), *list, *tag;
    size_t i, left = LISTED_TAGS;
    if (json_is_array(tags) && !listed) return json_incref(tags);
    list = json_array();
    json_array_foreach(tags, i, tag) {
        if (!json_is_string(tag)) continue;
        if (json_string_length(tag) >= left) break;
        json_array_append(list, tag);
        left -= json_string_length(tag) + 1;
    }
    return list;
}

/* What is said of a character; `listed`: among all of them, where a card of megabytes may not make the list one of gigabytes. */
static json_t *about(const us_character *c, bool listed) {
    const us_card *card = c->card;
    char *picture = us_character_file(c, picture_names), url[US_CHARACTER_ID + 40];
    snprintf(url, sizeof url, "/api/characters/%s/picture", c->id);
    json_t *j = json_pack("{s:s, s:s, s:o, s:o, s:b, s:i, s:i, s:o, s:o, s:b, s:b}", "id", c->id, "name", card->name,
                          "greeting", us_greeting_json(card, listed), "tags", tags_json(card, listed), "has_adapter",
                          c->has_adapter, "takes", card->takes, "history", card->history, "cast", cast_json(card, listed),
                          "picture", picture ? json_string(url) : json_null(), "about", has_file(c, "about.json"), "audition",
                          has_file(c, "audition.json") || has_file(c, "audition.some.json"));
    json_object_set_new(j, "own", json_boolean(c->own && !c->half));
    json_object_set_new(j, "half", json_boolean(c->half));
    /* A picture that somebody gave, not a cloud of words, which is too fine for a face. */
    json_object_set_new(j, "face", json_boolean(has_file(c, "portrait.png") || (picture && !has_file(c, "about.json"))));
    free(picture);
    return j;
}

/* What chooses among this character's takes; null while it cannot be known: the model is being loaded. */
static json_t *judge_json(us_server *s, us_character *c) {
    us_error why;
    const us_model *model = s->ready ? s->backend.model : NULL;
    if (!s->ready || (model && us_character_load(c, model, false, false, &why))) return json_null();
    return json_string(us_judge_name(s, c));
}

typedef struct left_out_list {
    const us_server *s;
    json_t *list;
} left_out_list;

static void add_left_out(void *ctx, const char *folder, const char *why) {
    left_out_list *l = ctx;
    json_array_append_new(
        l->list, json_pack("{s:o, s:o}", "folder", us_text_json(folder, strlen(folder)), "error", us_public_json(l->s, why)));
}

/* {"characters": [...], "left_out": [{"folder", "error"}]} */
enum MHD_Result us_route_characters(us_request *r) {
    us_character *all[US_MAX_CHARACTERS];
    size_t n;
    json_t *list = json_array(), *left_out = json_array();
    us_characters_list(r->s->characters, all, &n);
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(list, about(all[i], true));
        us_character_put(all[i]);
    }
    us_characters_left_out(r->s->characters, add_left_out, &(left_out_list){r->s, left_out});
    return us_answer_json(r, 200, json_pack("{s:o, s:o}", "characters", list, "left_out", left_out));
}

static enum MHD_Result answer_character(us_request *r) {
    enum MHD_Result rc = MHD_NO;
    us_character *c = wanted(r, &rc);
    if (!c) return rc;
    json_t *j = about(c, false), *notes = json_object_get(json_object_get(c->card->root, "data"), "creator_notes");
    json_object_set_new(j, "description", json_string(c->card->description));
    json_object_set_new(j, "creator_notes", json_is_string(notes) ? json_incref(notes) : json_string(""));
    json_object_set(j, "card", c->card->root);
    json_object_set(j, "notes", c->card->notes);
    json_t *problems = json_array();
    json_object_set_new(j, "about", file_json(r->s, c, "about.json", problems));
    json_object_set_new(j, "audition",
                        file_json(r->s, c, has_file(c, "audition.json") ? "audition.json" : "audition.some.json", problems));
    json_object_set_new(j, "training", file_json(r->s, c, "train.json", problems));
    json_object_set_new(j, "origin", file_json(r->s, c, "origin.json", problems));
    json_object_set_new(j, "problems", problems);
    json_object_set_new(j, "judge", judge_json(r->s, c));
    us_character_put(c);
    return us_answer_json(r, 200, j);
}

/* Asked for, or as somebody has just changed them. */
enum MHD_Result us_route_character(us_request *r) {
    pthread_mutex_lock(&r->s->large);
    enum MHD_Result rc = answer_character(r);
    pthread_mutex_unlock(&r->s->large);
    return rc;
}

static enum MHD_Result send_file(us_request *r, const char *path) {
    bool svg = strlen(path) > 4 && !strcmp(path + strlen(path) - 4, ".svg");
    return us_answer_file(r, svg ? "image/svg+xml" : "image/png", path, NULL);
}

enum MHD_Result us_route_character_picture(us_request *r) {
    enum MHD_Result rc = MHD_NO;
    us_character *c = wanted(r, &rc);
    if (!c) return rc;
    char *path = us_character_file(c, picture_names);
    us_character_put(c);
    rc = path ? send_file(r, path) : us_refuse(r, 404, "this character has no picture");
    free(path);
    return rc;
}

enum MHD_Result us_route_character_file(us_request *r) {
    enum MHD_Result rc = MHD_NO;
    const char *name = r->args[1], *dot = strrchr(name, '.');
    if (!dot || name[0] == '.' || (strcmp(dot, ".png") && strcmp(dot, ".svg")))
        return us_refuse(r, 404, "only pictures (.png, .svg) are served");
    us_character *c = wanted(r, &rc);
    if (!c) return rc;
    char *path = us_path_join(c->folder, name);
    us_character_put(c);
    rc = path ? send_file(r, path) : us_refuse(r, 500, "out of memory");
    free(path);
    return rc;
}

enum MHD_Result us_route_character_card_json(us_request *r) {
    enum MHD_Result rc = MHD_NO;
    char name[US_CHARACTER_ID + 8];
    us_character *c = wanted(r, &rc);
    if (!c) return rc;
    char *text = json_dumps(c->card->root, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    us_character_put(c);
    snprintf(name, sizeof name, "%s.json", r->args[0]);
    rc = text ? us_answer(r, 200, "application/json", text, strlen(text), name) : us_refuse(r, 500, "out of memory");
    free(text);
    return rc;
}

enum MHD_Result us_route_character_card_png(us_request *r) {
    static const char *const names[] = {"portrait.png", "picture.png", "cloud.png", NULL};
    enum MHD_Result rc = MHD_NO;
    char name[US_CHARACTER_ID + 8], *data = NULL;
    size_t n;
    us_error err;
    us_buf plain, out;
    us_character *c = wanted(r, &rc);
    if (!c) return rc;
    us_buf_init(&plain, MAX_PICTURE);
    us_buf_init(&out, 4 * MAX_PICTURE);
    char *path = us_character_file(c, names);
    us_status st = path && us_file_read_plain(path, MAX_PICTURE, &data, &n, NULL) == US_OK
                       ? US_OK
                       : us_card_plain_png(c->card, &plain, &err);
    if (!st) st = us_card_to_png(c->card, data ? data : plain.data, data ? n : plain.len, &out, &err);
    snprintf(name, sizeof name, "%s.png", c->id);
    rc = st ? us_refuse_error(r, st, &err) : us_answer(r, 200, "image/png", out.data, out.len, name);
    free(data);
    free(path);
    us_buf_fini(&plain);
    us_buf_fini(&out);
    us_character_put(c);
    return rc;
}

/* {"card": {...}}, or a file of any kind that a card comes in: {"file_base64": "..."} ("png_base64" is its older name). */
static us_status read_card(const json_t *body, us_card **card, us_buf *picture, us_error *err) {
    const json_t *j = json_object_get(body, "card");
    const char *base64 = NULL;
    us_buf file;
    us_status st = us_param_text(body, "png_base64", 0, US_MAX_UPLOAD, &base64, err);
    if (!st) st = us_param_text(body, "file_base64", 0, US_MAX_UPLOAD, &base64, err);
    if (st) return st;
    if (!base64 && !json_is_object(j))
        return us_fail(err, US_ERR_ARGUMENT, "card: a character card (an object) or file_base64 is expected");
    us_buf_init(&file, US_MAX_UPLOAD);
    if (base64) {
        st = us_base64_decode(base64, strlen(base64), &file, err);
        if (!st) st = us_card_read(file.data ? file.data : "", file.len, "the file", card, picture, err);
    } else {
        char *text = json_dumps(j, JSON_PRESERVE_ORDER);
        st = text ? us_card_parse(text, strlen(text), "card", card, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
        free(text);
    }
    us_buf_fini(&file);
    return st;
}

enum MHD_Result us_route_character_add(us_request *r) {
    us_card *card = NULL;
    us_buf png;
    us_error err;
    char id[US_CHARACTER_ID];
    if (!r->s->o.data_dir) return us_refuse(r, 501, "no data folder was given (--data-dir): a character cannot be kept");
    us_buf_init(&png, US_MAX_UPLOAD);
    pthread_mutex_lock(&r->s->large); /* a small file may hold a large card */
    us_status st = read_card(r->json, &card, &png, &err);
    if (st) {
        pthread_mutex_unlock(&r->s->large);
        us_buf_fini(&png);
        return us_refuse(r, st == US_ERR_MEMORY ? 500 : 400, err.message);
    }
    st = us_characters_add(r->s->characters, card, png.len ? png.data : NULL, png.len, id, &err);
    json_t *notes = json_incref(card->notes);
    us_card_free(card);
    pthread_mutex_unlock(&r->s->large);
    us_buf_fini(&png);
    if (!st) return us_answer_json(r, 201, json_pack("{s:s, s:o}", "id", id, "notes", notes));
    json_decref(notes);
    return us_refuse_error(r, st, &err);
}
