/* backup/parts.h - what of the data folder is kept. */
#ifndef US_BACKUP_PARTS_H
#define US_BACKUP_PARTS_H
#include "understudy/base.h"

#define US_BACKUP_MANIFEST "understudy-backup.json"
#define US_BACKUP_CHATS "chats.db"
enum { US_BACKUP_VERSION = 1, US_BACKUP_DEPTH = 12, US_BACKUP_N_FOLDERS = 5 };
extern const char *const us_backup_folders[US_BACKUP_N_FOLDERS];

/* What was unpacked into `aside` (within dir) takes the places of what is there, all of it or, after an error, nothing, and
 * `aside` is gone. Whoever calls holds dir's server.lock. replaced: where what was there before lies; "" for nothing.
 * places.c */
US_MUST_USE us_status us_backup_take_places(const char *dir, const char *aside, char replaced[512], us_error *err);
/* Completes what a kill interrupted (*found), and removes what was only unpacked. For the holder of server.lock, before
 * anything else. */
US_MUST_USE us_status us_backup_finish_restore(const char *dir, bool *found, char replaced[512], us_error *err);
bool us_backup_is_half_restored(const char *dir);
/* A file, or a folder with more than locks in it. */
bool us_backup_holds_something(const char *path);

/* A job.json from a backup that was made in `was` made fit to lie in `now`; *disarmed: it can no longer be started. jobs.c */
US_MUST_USE us_status us_backup_tame_job(const char *path, const char *was, const char *now, bool *disarmed, us_error *err);
#endif
