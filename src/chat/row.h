/* chat/row.h - columns of the chats' file into structs and back. Lists are kept in columns as JSON (the file's own format, as
 * versions since 0.1 write it); this is the only place that knows. Nothing in a row is believed: a value of another type or
 * form is read as what it can be, so that no row keeps the others from being read. */
#ifndef US_CHAT_ROW_H
#define US_CHAT_ROW_H
#include "chat/turn.h"
#include <sqlite3.h>

/* UTF-8 without NUL; NULL gives "". */
US_MUST_USE us_status us_row_text(sqlite3_stmt *q, int column, char **out, us_error *err);
US_MUST_USE us_status us_row_ids(sqlite3_stmt *q, int column, us_id_list *out, us_error *err);
US_MUST_USE us_status us_row_scales(sqlite3_stmt *q, int column, us_stored_chat *out, us_error *err);
US_MUST_USE us_status us_row_notes(sqlite3_stmt *q, int column, us_stored_chat *out, us_error *err);
/* The wordings, and among them `text`, which is the one that counts. */
US_MUST_USE us_status us_row_alternatives(sqlite3_stmt *q, int column, const char *text, size_t chosen, us_stored_turn *out,
                                          us_error *err);

/* malloc()ed text for a column; NULL when out of memory. */
char *us_id_list_encode(const us_id_list *list);
char *us_scales_encode(const us_stored_chat *c);
char *us_notes_encode(const us_stored_chat *c);
char *us_alternatives_encode(const us_stored_turn *t);

#endif
