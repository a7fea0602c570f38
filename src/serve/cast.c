/* Changing the user's own characters: name, persona, greeting, picture; deleting one, and taking that back. Those that came
 * with the program, or lie in another folder, are not touched. */
#include "base/base64.h"
#include "base/file.h"
#include "base/json.h"
#include "serve/params.h"
#include "serve/studio.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CARD = 4 << 20, MAX_PICTURE = 8 << 20 };

/* A character that may be changed. */
static us_status find_own(us_request *r, us_character **out, us_error *err) {
    us_status st = us_characters_find(r->s->characters, r->args[0], out, err);
    if (st || ((*out)->own && !(*out)->half)) return st;
    bool half = (*out)->half;
    us_character_put(*out);
    return us_because(
        half ? us_fail(err, US_ERR_MISMATCH, "'%s' is still being made", r->args[0])
             : us_fail(err, US_ERR_MISMATCH, "'%s' came with the program: only your own characters can be changed", r->args[0]),
        half ? "half_made" : "not_yours", err);
}

static us_status read_picture(const json_t *body, us_buf *png, us_error *err) {
    const char *base64 = NULL;
    us_error why;
    us_status st = us_param_text(body, "picture_base64", 0, US_MAX_UPLOAD, &base64, err);
    if (st || !base64) return st;
    if ((st = us_base64_decode(base64, strlen(base64), png, &why)))
        return us_fail(err, st == US_ERR_FORMAT ? US_ERR_ARGUMENT : st, "picture_base64: %s", why.message);
    if (png->len < 8 || memcmp(png->data, "\x89PNG\r\n\x1a\n", 8))
        return us_fail(err, US_ERR_ARGUMENT, "picture_base64: a PNG is expected");
    return US_OK;
}

static us_status write_picture(const us_character *c, const us_buf *png, us_error *err) {
    char *path = us_path_join(c->folder, "portrait.png");
    us_status st = path ? us_file_write_atomic(path, png->data, png->len, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(path);
    return st;
}

static us_status change_card(const us_character *c, const json_t *body, us_error *err) {
    static const struct {
        const char *ours, *theirs;
        size_t least, most;
    } fields[] = {{"name", "name", 1, 100},
                  {"persona", "description", 0, 20000},
                  {"greeting", "first_mes", 0, 4000},
                  {"notes", "creator_notes", 0, 20000}};
    json_t *root = NULL;
    bool any = false;
    char *path = us_path_join(c->folder, "card.json");
    us_status st = path ? us_json_read_plain(path, MAX_CARD, &root, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    json_t *data = json_object_get(root, "data");
    if (!st && !json_is_object(data)) st = us_fail(err, US_ERR_FORMAT, "the card has no data");
    for (size_t i = 0; i < sizeof fields / sizeof *fields && !st; i++) {
        const char *s = NULL;
        st = us_param_text(body, fields[i].ours, 0, fields[i].most, &s, err);
        if (!st && s && strlen(s) < fields[i].least)
            st = us_fail(err, US_ERR_ARGUMENT, "%s: a few words are expected", fields[i].ours);
        if (st || !s) continue;
        json_object_set_new(data, fields[i].theirs, json_string(s));
        any = true;
    }
    char *text = any && !st ? json_dumps(root, JSON_INDENT(1) | JSON_PRESERVE_ORDER) : NULL;
    us_card *checked = NULL; /* what we write, we can read */
    if (text) st = us_card_parse(text, strlen(text), "card", &checked, err);
    if (text && !st) st = us_file_write_atomic(path, text, strlen(text), err);
    us_card_free(checked);
    free(text);
    free(path);
    json_decref(root);
    return st;
}

/* {"name"?, "persona"?, "greeting"?, "notes"?, "picture_base64"?} */
enum MHD_Result us_route_character_change(us_request *r) {
    us_character *c = NULL;
    us_buf picture;
    us_error err;
    us_buf_init(&picture, MAX_PICTURE);
    us_status st = read_picture(r->json, &picture, &err); /* all is judged before anything is written */
    pthread_mutex_lock(&r->s->studio->changing);
    if (!st) st = find_own(r, &c, &err);
    if (!st) st = us_characters_room(r->s->characters, picture.len, &err);
    if (!st) st = change_card(c, r->json, &err);
    if (!st && picture.len) st = write_picture(c, &picture, &err);
    pthread_mutex_unlock(&r->s->studio->changing);
    us_character_put(c);
    us_buf_fini(&picture);
    us_characters_changed(r->s->characters, r->args[0]);
    return st ? us_refuse_error(r, st, &err) : us_route_character(r);
}

enum MHD_Result us_route_character_adapter(us_request *r) {
    us_character *c;
    us_error err;
    char name[US_CHARACTER_ID + 8];
    us_status st = us_characters_find(r->s->characters, r->args[0], &c, &err);
    if (st) return us_refuse_error(r, st, &err);
    const char *file = us_card_adapter(c->card);
    char *path = c->has_adapter ? us_path_join(c->folder, file ? file : "adapter.gguf") : NULL;
    us_character_put(c);
    snprintf(name, sizeof name, "%s.gguf", r->args[0]);
    enum MHD_Result rc =
        path ? us_answer_file(r, "application/octet-stream", path, name) : us_refuse(r, 404, "this character has no adapter");
    free(path);
    return rc;
}

/* The folder goes to DATA/trash/ID, whence it can be taken back until another of that id is deleted, or the trash takes too
 * much. */
enum MHD_Result us_route_character_delete(us_request *r) {
    us_character *c;
    us_error err;
    pthread_mutex_lock(&r->s->studio->changing); /* who deletes what somebody else has just deleted finds nothing */
    us_status st = find_own(r, &c, &err);
    if (st) {
        pthread_mutex_unlock(&r->s->studio->changing);
        return us_refuse_error(r, st, &err);
    }
    char *to = us_path_join(r->s->studio->trash, r->args[0]);
    st = to ? us_dir_put_aside(c->folder, to, &err) : us_fail(&err, US_ERR_MEMORY, "out of memory");
    us_character_put(c);
    free(to);
    us_storage_limit_trash(r->s, r->s->studio->trash, (uint64_t)US_TRASH_MIB << 20);
    us_characters_rescan(r->s->characters);
    pthread_mutex_unlock(&r->s->studio->changing);
    return st ? us_refuse_error(r, st, &err) : us_answer_json(r, 200, json_pack("{s:b}", "deleted", 1));
}

enum MHD_Result us_route_character_restore(us_request *r) {
    const char *id = r->args[0];
    if (id[0] == '.' || strchr(id, '/')) return us_refuse(r, 404, "there is nothing to take back");
    char *from = us_path_join(r->s->studio->trash, id), *to = us_path_join(r->s->studio->own, id),
         *card = from ? us_path_join(from, "card.json") : NULL;
    pthread_mutex_lock(&r->s->studio->changing); /* not while the trash is made smaller */
    int code = !card || !us_file_exists(card) ? 404 : !to || us_file_exists(to) ? 409 : rename(from, to) ? 507 : 200;
    pthread_mutex_unlock(&r->s->studio->changing);
    free(from);
    free(to);
    free(card);
    us_characters_rescan(r->s->characters);
    if (code == 404) return us_refuse(r, 404, "there is nothing to take back");
    if (code == 409) return us_refuse(r, 409, "another character has that name by now");
    return code == 507 ? us_refuse(r, 507, "the folder cannot be moved back")
                       : us_answer_json(r, 200, json_pack("{s:s}", "id", id));
}
