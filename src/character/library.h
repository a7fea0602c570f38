/* character/library.h - the characters' folders: looked at again whenever they are asked for, so that a folder dropped in is
 * there and one taken away is gone. Who uses a character holds a reference: a folder may change under a reply without harm. */
#ifndef US_CHARACTER_LIBRARY_H
#define US_CHARACTER_LIBRARY_H
#include "character/card.h"
#include "understudy/director.h"
#include "understudy/model.h"
#include <pthread.h>
#include <stdatomic.h>

enum { US_MAX_CHARACTERS = 512, US_CHARACTER_ID = 64 };

typedef struct us_characters us_characters;
typedef struct us_character {
    us_characters *all;
    char id[US_CHARACTER_ID], *folder;
    us_card *card;
    bool has_adapter;
    bool half;             /* still being made: found by its id, not in the list */
    bool own;              /* of the last root: it may be changed */
    _Atomic int64_t stamp; /* when card and adapter were changed */
    atomic_int n_refs;
    pthread_mutex_t lock; /* of what is loaded at first use */
    bool loaded;
    us_adapter *adapter;
    us_director *director; /* NULL: none for this model */
    us_tokens *phrases;    /* [n_phrases] catch-phrases */
    size_t n_phrases;
} us_character;

/* What a character needs to be loaded, and whom to tell when its adapter is let go. */
typedef struct us_characters_hooks {
    void *ctx;
    void (*forget)(void *ctx, const us_adapter *adapter);
    void (*log)(void *ctx, const char *line);
} us_characters_hooks;

/* roots[n_roots]: folders of folders, the first has the right of way; characters that are added go into the last. */
US_MUST_USE us_status us_characters_new(const char *const *roots, size_t n_roots, const us_characters_hooks *hooks,
                                        us_characters **out, us_error *err);
/* One more folder of folders, whose characters are still being made. Once, before others use cs. */
US_MUST_USE us_status us_characters_set_half(us_characters *cs, const char *root, us_error *err);
void us_characters_free(us_characters *cs);
/* A reference; us_character_put() it. NOT_FOUND. */
US_MUST_USE us_status us_characters_find(us_characters *cs, const char *id, us_character **out, us_error *err);
/* All that are made, by id: references in out[*n]. */
void us_characters_list(us_characters *cs, us_character *out[US_MAX_CHARACTERS], size_t *n);
/* The folders that should be characters and cannot be read, or not be had: their names and why. */
void us_characters_left_out(us_characters *cs, void (*each)(void *ctx, const char *folder, const char *why), void *ctx);
void us_character_put(us_character *c);
/* Loads catch-phrases, the director and, when it will be heard, the adapter, once; force: one that was trained over another
 * file too. MISMATCH. */
US_MUST_USE us_status us_character_load(us_character *c, const us_model *model, bool with_adapter, bool force, us_error *err);
/* An id for this name that no character has, nor one that is being made. */
US_MUST_USE us_status us_characters_new_id(us_characters *cs, const char *name, char id[US_CHARACTER_ID], us_error *err);
/* Folders are looked at anew when they are asked for next. */
void us_characters_rescan(us_characters *cs);
/* The same, and this one is read again whatever its file's time says: two changes may fall into one tick of the clock. */
void us_characters_changed(us_characters *cs, const char *id);
/* Removes what a kill left of one that was added: for the folder's owner, before there are any. */
void us_characters_forget_half(const char *root);
/* Makes a folder for the card, whole or not at all; picture may be NULL. */
US_MUST_USE us_status us_characters_add(us_characters *cs, const us_card *card, const void *picture, size_t n_picture,
                                        char id[US_CHARACTER_ID], us_error *err);
/* Whether a picture of so many bytes has room beside those of all characters; LIMIT ("quota"). */
US_MUST_USE us_status us_characters_room(us_characters *cs, size_t n_picture, us_error *err);
/* The first of these files that the folder has: its path (free it), or NULL. */
char *us_character_file(const us_character *c, const char *const *names);

#endif
