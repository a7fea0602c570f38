/* backup/parts.h - what of the data folder is kept. */
#ifndef US_BACKUP_PARTS_H
#define US_BACKUP_PARTS_H
#include "understudy/base.h"

#define US_BACKUP_MANIFEST "understudy-backup.json"
#define US_BACKUP_CHATS "chats.db"
enum { US_BACKUP_VERSION = 1, US_BACKUP_DEPTH = 12, US_BACKUP_N_FOLDERS = 5 };
extern const char *const us_backup_folders[US_BACKUP_N_FOLDERS];

/* A job.json from a backup that was made in `was` made fit to lie in `now`; *disarmed: it can no longer be started. jobs.c */
US_MUST_USE us_status us_backup_tame_job(const char *path, const char *was, const char *now, bool *disarmed, us_error *err);
#endif
