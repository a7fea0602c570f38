/* understudy/backup.h - everything that users made, in one file: chats, characters, scripts, jobs. Models are not in it.
 *
 *     us_backup_counts n;
 *     us_backup_write(".", "everything.tar.gz", false, &n, &err);          // a server may run meanwhile
 *     us_backup_restore("everything.tar.gz", "copy", false, &n, &err);     // no server may run there
 *
 * The file is a tar archive, packed with gzip, of the data folder's characters/, rehearsals/, scripts/, jobs/, trash/ and
 * chats.db (a consistent copy, made by SQLite); understudy-backup.json comes first and says so. Whatever is read from such a
 * file is hostile: see us_backup_restore. */
#ifndef UNDERSTUDY_BACKUP_H
#define UNDERSTUDY_BACKUP_H

#include "understudy/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct us_backup_counts {
    uint64_t files, bytes;
    uint64_t skipped;   /* links, pipes and the like, which are not kept */
    uint64_t disarmed;  /* of a restore: jobs that were not ours to run; they are listed as failed */
    char replaced[512]; /* of a restore with force: the folder where what was there before lies now; "" for none */
    bool completed;     /* one that was killed before was completed first */
} us_backup_counts;

/* Writes `file` atomically, readable by its owner alone; "-" is standard output. MISMATCH when it is there already, unless
 * `force`; NOT_FOUND when the data folder is not. */
US_API US_MUST_USE us_status us_backup_write(const char *data_dir, const char *file, bool force, us_backup_counts *counts,
                                             us_error *err);
/* Brings all of it back, or, after any error, nothing: it is unpacked aside and then renamed. With `force` what is there
 * before is moved to data_dir/replaced-TIME/ (killed in the middle of that, the next restore or the next start of a server
 * completes it), else it is a MISMATCH, as is a server that works on the folder. FORMAT for what is no such backup, is cut
 * off or damaged, holds a link or a path that leads elsewhere; LIMIT for one larger than the disk. Jobs that had not ended
 * are paused; those whose commands name anything outside data_dir are listed as failed and cannot be started. */
US_API US_MUST_USE us_status us_backup_restore(const char *file, const char *data_dir, bool force, us_backup_counts *counts,
                                               us_error *err);

#ifdef __cplusplus
}
#endif
#endif
