/* chat/notes.h - what visitors have told of themselves, in their own words: "My name is Petra." "I have two cats, Mila and
 * Otto."
 *
 * A small model does not find what was said twenty lines ago, or even four, but it reads what stands beside the question. So
 * what visitors tell of themselves is noted as a sentence, and when they ask for it the sentence stands in front of the
 * question again. Simple patterns, English and Russian. The notes are plain text that people can read and change. Knows no
 * model. */
#ifndef US_CHAT_NOTES_H
#define US_CHAT_NOTES_H
#include "base/buf.h"
#include "reply/rank.h"

enum { US_MAX_NOTES = 32, US_MAX_NOTE_BYTES = 300 };

typedef struct us_notes {
    char *items[US_MAX_NOTES]; /* [n] sentences, oldest first */
    size_t n;
} us_notes;

void us_notes_fini(us_notes *s);
/* Notes what a visitor's line tells of them: nothing, one sentence or more. What is told anew (another name, another home)
 * takes the place of what was told before; of more than US_MAX_NOTES the oldest is forgotten. */
US_MUST_USE us_status us_notes_hear(us_notes *s, const char *line, us_error *err);
/* Whether us_notes_hear() could note anything of the line: the store keeps it beside the line, so that a reply reads only lines
 * that tell. Who changes the patterns adds a migration to chat/store.c that asks this again. */
bool us_notes_tells(const char *line);
/* A sentence that somebody has written; ARGUMENT when it is empty, longer than US_MAX_NOTE_BYTES or one too many. */
US_MUST_USE us_status us_notes_add(us_notes *s, const char *sentence, us_error *err);
/* Appends the notes that the line asks for, at most two, oldest first, each followed by a blank; nothing when it asks for
 * none. */
US_MUST_USE us_status us_notes_recall(const us_notes *s, const char *line, us_buf *out, us_error *err);
/* Appends the words that would answer, as they were written, each with a NUL behind it: those of the notes, but for small words
 * and those of the question. */
US_MUST_USE us_status us_notes_words(const char *recalled, const char *line, us_buf *out, us_error *err);
/* Whether a reply to the line, for which `recalled` was found, has one of these words. */
bool us_notes_answers(const char *recalled, const char *line, const char *reply);
/* A us_judge_fn (ctx unused): when something was recalled, takes that have it win; takes that mix up names (names.h) lose. */
US_MUST_USE us_status us_notes_judge(void *ctx, const us_conversation_view *conversation, us_candidate *takes, int32_t n,
                                     us_error *err);
#endif
