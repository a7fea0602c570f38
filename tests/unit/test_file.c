/* Files and folders that are not what they should be: missing, pipes, links, folders, full disks, held by others. */
#include "test.h"
#include "base/file.h"
#include "mktiny.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static us_error err;
static char *dir;

static const char *in_dir(const char *name) {
    static char paths[16][600];
    static int k;
    snprintf(paths[k %= 16], sizeof *paths, "%s/%s", dir, name);
    return paths[k++];
}

static void put_file(const char *name, const char *text) {
    assert_ok(us_file_write_atomic(in_dir(name), text, strlen(text), &err), &err);
}

static bool holds(const char *name, const char *want) {
    char *text;
    size_t n;
    if (us_file_read(in_dir(name), 1000, &text, &n, &err)) return false;
    bool same = n == strlen(want) && !memcmp(text, want, n + 1);
    free(text);
    return same;
}

static int setup(void **state) {
    (void)state;
    dir = us_tiny_folder();
    assert_int_equal(mkfifo(in_dir("pipe"), 0600), 0);
    assert_int_equal(mkdir(in_dir("folder"), 0700), 0);
    put_file("file", "some bytes");
    assert_int_equal(symlink(in_dir("file"), in_dir("link")), 0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    char command[700];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    int rc = system(command);
    free(dir);
    return rc;
}

static void maps(void **state) {
    (void)state;
    us_map m;
    assert_int_equal(us_map_open(in_dir("nowhere"), &m, &err), US_ERR_NOT_FOUND);
    assert_int_equal(us_map_open(in_dir("file/x"), &m, &err), US_ERR_IO);
    assert_int_equal(us_map_open(in_dir("folder"), &m, &err), US_ERR_IO);
    assert_non_null(strstr(err.message, "not a regular file"));
    assert_int_equal(us_map_open(in_dir("pipe"), &m, &err), US_ERR_IO); /* and nobody waits for a writer */
    assert_non_null(strstr(err.message, "not a regular file"));
    put_file("empty", "");
    assert_ok(us_map_open(in_dir("empty"), &m, &err), &err);
    assert_true(!m.data && !m.size);
    us_map_close(&m);
    size_t n = (size_t)sysconf(_SC_PAGESIZE) * 5 + 7;
    char *big = malloc(n);
    for (size_t i = 0; i < n; i++) big[i] = (char)(i * 31);
    assert_ok(us_file_write_atomic(in_dir("big"), big, n, &err), &err);
    assert_ok(us_map_open(in_dir("big"), &m, &err), &err);
    assert_int_equal(m.size, n);
    us_map_drop(&m, 100, n - 100); /* what was dropped is read again */
    us_map_drop(&m, 0, n + 100000);
    us_map_drop(&m, 10, 10);
    assert_memory_equal(m.data, big, n);
    assert_int_equal(truncate(in_dir("big"), 1), 0); /* somebody copies another file over it */
    assert_memory_equal(m.data, big, n);
    us_map_close(&m);
    assert_null(m.data);
    free(big);
}

/* Too large to be read: mapped, and what was dropped comes again from the file. */
static void large_maps(void **state) {
    (void)state;
    const char *words = "the last words";
    FILE *f = fopen(in_dir("large"), "wb");
    assert_true(f && !fseek(f, (long)US_MAP_READ, SEEK_SET) && fputs(words, f) >= 0 && !fclose(f));
    us_map m;
    assert_ok(us_map_open(in_dir("large"), &m, &err), &err);
    assert_true(!m.read && m.size == US_MAP_READ + strlen(words));
    us_map_drop(&m, 0, m.size);
    assert_memory_equal(m.data + US_MAP_READ, words, strlen(words));
    us_map_close(&m);
    assert_null(m.data);
}

static void reads(void **state) {
    (void)state;
    char *text;
    size_t n;
    assert_int_equal(us_file_read(in_dir("nowhere"), 10, &text, &n, &err), US_ERR_NOT_FOUND);
    assert_int_equal(us_file_read(in_dir("file/x"), 10, &text, &n, &err), US_ERR_IO);
    assert_int_equal(us_file_read(in_dir("folder"), 10, &text, &n, &err), US_ERR_IO);
    assert_non_null(strstr(err.message, "cannot read"));
    assert_int_equal(us_file_read(in_dir("file"), 9, &text, &n, &err), US_ERR_LIMIT);
    assert_non_null(strstr(err.message, "larger than the limit of 9 bytes"));
    assert_ok(us_file_read(in_dir("file"), 10, &text, &n, &err), &err);
    assert_true(n == 10 && !strcmp(text, "some bytes"));
    free(text);
    int fd = open(in_dir("file"), O_RDONLY), before = dup(0); /* "-" is standard input */
    dup2(fd, 0);
    assert_ok(us_file_read("-", 10, &text, &n, &err), &err);
    assert_string_equal(text, "some bytes");
    free(text);
    lseek(0, 0, SEEK_SET);
    assert_int_equal(us_file_read("-", 4, &text, &n, &err), US_ERR_LIMIT);
    assert_non_null(strstr(err.message, "standard input"));
    dup2(before, 0);
    close(fd);
    close(before);
}

/* Files that a write has left in its folder. */
static int n_temporary(void) {
    int n = 0;
    DIR *d = opendir(in_dir("."));
    for (struct dirent *e; d && (e = readdir(d));) n += strstr(e->d_name, ".tmp.") != NULL;
    if (d) closedir(d);
    return n;
}

static const char *shared_path;
static void *write_again_and_again(void *letter) {
    size_t n = 20000 + (size_t)(uintptr_t)letter * 1000;
    char *text = malloc(n);
    us_error why;
    bool good = true;
    memset(text, (int)(uintptr_t)letter, n);
    for (int i = 0; i < 25; i++) good = !us_file_write_atomic(shared_path, text, n, &why) && good;
    free(text);
    return good ? letter : NULL;
}

/* Two requests that save the same card: what stands there is one of them, whole. */
static void writers_of_one_file(void **state) {
    (void)state;
    pthread_t threads[4];
    char tmp[80], *text;
    size_t n;
    put_file("shared", "old");
    shared_path = strdup(in_dir("shared"));
    for (unsigned k = 0; k < 100; k++) { /* left by a process that was killed and had our number */
        snprintf(tmp, sizeof tmp, "shared.tmp.%ld.%u", (long)getpid(), k);
        int fd = open(in_dir(tmp), O_CREAT | O_EXCL | O_WRONLY, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_again_and_again, (void *)('a' + i)), 0);
    for (size_t i = 0; i < 4; i++) {
        void *said;
        pthread_join(threads[i], &said);
        assert_non_null(said);
    }
    assert_ok(us_file_read(shared_path, 1 << 20, &text, &n, &err), &err);
    assert_int_equal(n, 20000 + (size_t)*text * 1000);
    for (size_t i = 0; i < n; i++) assert_int_equal(text[i], *text);
    free(text);
    for (unsigned k = 0; k < 100; k++) {
        snprintf(tmp, sizeof tmp, "shared.tmp.%ld.%u", (long)getpid(), k);
        unlink(in_dir(tmp));
    }
    assert_int_equal(n_temporary(), 0);
    free((char *)(uintptr_t)shared_path);
}

/* Whatever stops a write, the old bytes stand and no temporary file is left. */
static void writes_are_whole_or_nothing(void **state) {
    (void)state;
    char *big = calloc(1, 100000);
    put_file("kept", "old");
    struct rlimit was, small = {4096, RLIM_INFINITY};
    getrlimit(RLIMIT_FSIZE, &was);
    small.rlim_max = was.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    us_status st = us_file_write_atomic(in_dir("kept"), big, 100000, &err); /* a disk that is full after a page */
    setrlimit(RLIMIT_FSIZE, &was);
    assert_int_equal(st, US_ERR_IO);
    assert_non_null(strstr(err.message, "cannot write"));
    assert_true(holds("kept", "old"));
    assert_int_equal(n_temporary(), 0);
    assert_int_equal(us_file_write_atomic(in_dir("folder"), "x", 1, &err), US_ERR_IO);
    assert_non_null(strstr(err.message, "cannot rename"));
    assert_int_equal(n_temporary(), 0);
    assert_int_equal(us_file_write_atomic(in_dir("nowhere/x"), "x", 1, &err), US_ERR_IO);
    assert_non_null(strstr(err.message, "nowhere/x: cannot create")); /* by the name that the caller knows */
    char *path = malloc(PATH_MAX + 10);
    memset(path, 'a', PATH_MAX + 9);
    path[PATH_MAX + 9] = 0;
    assert_int_equal(us_file_write_atomic(path, "x", 1, &err), US_ERR_LIMIT);
    char where[PATH_MAX];
    assert_non_null(getcwd(where, sizeof where));
    assert_int_equal(chdir(dir), 0);
    assert_ok(us_file_write_atomic("beside", "x", 1, &err), &err); /* a name without a folder */
    assert_int_equal(chdir(where), 0);
    assert_true(holds("beside", "x"));
    free(path);
    free(big);
}

static mode_t mode_of(const char *name) {
    struct stat sb;
    return stat(in_dir(name), &sb) ? 0 : sb.st_mode & 0777;
}

static void folders(void **state) {
    (void)state;
    mode_t mask = umask(0);
    assert_ok(us_dir_make(in_dir("a/b/c"), &err), &err);
    assert_ok(us_dir_make(in_dir("a/b/c"), &err), &err);
    assert_ok(us_dir_make_private(in_dir("p/q/"), &err), &err);
    umask(mask);
    assert_true(mode_of("a/b/c") == 0755 && mode_of("p") == 0700 && mode_of("p/q") == 0700);
    assert_int_equal(us_dir_make("", &err), US_ERR_ARGUMENT);
    assert_int_equal(us_dir_make(in_dir("file"), &err), US_ERR_IO);
    assert_non_null(strstr(err.message, "exists and is not a folder"));
    assert_int_equal(us_dir_make(in_dir("file/x"), &err), US_ERR_IO);
    char *path = malloc(PATH_MAX + 10);
    memset(path, 'a', PATH_MAX + 9);
    path[PATH_MAX + 9] = 0;
    assert_int_equal(us_dir_make(path, &err), US_ERR_ARGUMENT);
    free(path);
}

/* Who was put aside before moves on, and keeps the time when that was. */
static void put_aside(void **state) {
    (void)state;
    const struct timespec once[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    struct stat first, second;
    for (int i = 0; i < 2; i++) {
        assert_ok(us_dir_make(in_dir("cast"), &err), &err);
        put_file(i ? "cast/b" : "cast/a", "x");
        assert_ok(us_dir_put_aside(in_dir("cast"), in_dir("aside"), &err), &err);
        assert_false(us_file_exists(in_dir("cast")));
        if (!i) assert_int_equal(utimensat(AT_FDCWD, in_dir("aside"), once, 0), 0);
    }
    assert_true(holds("aside.2/a", "x") && holds("aside/b", "x"));
    assert_int_equal(stat(in_dir("aside.2"), &first) | stat(in_dir("aside"), &second), 0);
    assert_true(first.st_mtim.tv_sec == 1000 && second.st_mtim.tv_sec > 1000);
    assert_int_equal(utimensat(AT_FDCWD, in_dir("aside"), once, 0), 0); /* one from before: its time is that of putting aside */
    assert_ok(us_dir_put_aside(in_dir("aside"), in_dir("again"), &err), &err);
    assert_int_equal(stat(in_dir("again"), &second), 0);
    assert_true(second.st_mtim.tv_sec > 1000);
    assert_int_equal(us_dir_put_aside(in_dir("cast"), in_dir("again"), &err), US_ERR_IO);
    assert_true(us_dir_exists(in_dir("again.2")) && !us_dir_exists(in_dir("again.2/b")));
}

static void private_files(void **state) {
    (void)state;
    mode_t mask = umask(0);
    assert_ok(us_file_make_private(in_dir("secret"), &err), &err);
    assert_int_equal(mode_of("secret"), 0600);
    put_file("open", "x");
    assert_int_equal(mode_of("open"), 0644);
    assert_ok(us_file_make_private(in_dir("open"), &err), &err);
    umask(mask);
    assert_true(mode_of("open") == 0600 && holds("open", "x"));
    assert_int_equal(us_file_make_private(in_dir("pipe"), &err), US_ERR_IO);
    assert_non_null(strstr(err.message, "not a regular file"));
    assert_int_equal(us_file_make_private(in_dir("folder"), &err), US_ERR_IO);
}

/* Who was killed while they wrote leaves a file beside; it goes, and nothing else does. */
static void what_the_killed_left(void **state) {
    (void)state;
    static const char *const left[] = {"w/card.json.tmp.123", "w/card.json.tmp.123.4", "w/deep/er/x.tmp.7.tmp.1.0"},
                             *const stays[] = {"w/card.json", "w/x.tmp.",      "w/x.tmp.12a",
                                               "w/x.tmp.1.",  "w/x.tmp.1.2.3", "w/tmp.1.2"};
    int fd;
    char tmp[PATH_MAX];
    assert_ok(us_dir_make(in_dir("w/deep/er"), &err), &err);
    assert_ok(us_dir_make(in_dir("w/folder.tmp.1.2"), &err), &err);
    for (size_t i = 0; i < 3; i++) put_file(left[i], "half");
    for (size_t i = 0; i < 6; i++) put_file(stays[i], "whole");
    assert_int_equal(symlink("card.json", in_dir("w/link.tmp.1.2")), 0);
    assert_ok(us_file_open_beside(in_dir("w/living"), 0600, tmp, &fd, &err), &err);
    pid_t pid = fork(); /* another process, as a server that starts is */
    if (!pid) us_dir_remove_unfinished(in_dir("w")), _exit(0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    for (size_t i = 0; i < 3; i++) assert_false(us_file_exists(in_dir(left[i])));
    for (size_t i = 0; i < 6; i++) assert_true(holds(stays[i], "whole"));
    assert_true(us_file_exists(in_dir("w/folder.tmp.1.2")) && us_file_exists(in_dir("w/link.tmp.1.2")) && us_file_exists(tmp));
    assert_int_equal(write(fd, "all", 3), 3);
    assert_ok(us_file_replace(tmp, in_dir("w/living"), &err), &err);
    close(fd);
    assert_true(holds("w/living", "all"));
    assert_ok(us_file_open_beside(in_dir("w/dead"), 0600, tmp, &fd, &err), &err);
    close(fd); /* as the end of its process does */
    us_dir_remove_unfinished(in_dir("w"));
    us_dir_remove_unfinished(in_dir("nowhere"));
    assert_false(us_file_exists(tmp));
    put_file("w/check.gguf.tmp.1.2", "half");
    put_file("w/check.gguf2.tmp.1.2", "another's");
    us_file_remove_unfinished(in_dir("w/check.gguf"));
    us_file_remove_unfinished(in_dir("nowhere/x"));
    assert_false(us_file_exists(in_dir("w/check.gguf.tmp.1.2")));
    assert_true(us_file_exists(in_dir("w/check.gguf2.tmp.1.2")));
}

static void one_holder_at_a_time(void **state) {
    (void)state;
    int fd, other, ready[2], go[2];
    assert_ok(us_file_lock(in_dir("lock"), &fd, &err), &err);
    assert_int_equal(us_file_lock(in_dir("lock"), &other, &err), US_ERR_MISMATCH);
    assert_non_null(strstr(err.message, "another process holds it"));
    close(fd);
    assert_ok(us_file_lock(in_dir("lock"), &fd, &err), &err);
    close(fd);
    assert_int_equal(us_file_lock(in_dir("folder"), &fd, &err), US_ERR_IO);
    /* who is killed holds nothing */
    assert_true(!pipe(ready) && !pipe(go));
    pid_t pid = fork();
    if (!pid) {
        char c = us_file_lock(in_dir("lock"), &fd, &err) ? 'n' : 'y';
        _exit(write(ready[1], &c, 1) != 1 || (close(go[1]), read(go[0], &c, 1)));
    }
    char c = 0;
    assert_true(read(ready[0], &c, 1) == 1 && c == 'y');
    assert_int_equal(us_file_lock(in_dir("lock"), &fd, &err), US_ERR_MISMATCH);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_ok(us_file_lock(in_dir("lock"), &fd, &err), &err);
    close(fd);
    for (int i = 0; i < 2; i++) close(ready[i]), close(go[i]);
}

static void links_are_not_followed(void **state) {
    (void)state;
    int fd;
    size_t n;
    assert_true(us_file_is_plain(in_dir("file")) && !us_file_is_plain(in_dir("link")) && !us_file_is_plain(in_dir("pipe")) &&
                !us_file_is_plain(in_dir("nowhere")));
    assert_ok(us_file_open_plain(in_dir("file"), &fd, &n, &err), &err);
    assert_int_equal(n, 10);
    close(fd);
    static const char *const none[] = {"link", "pipe", "folder", "nowhere"};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(us_file_open_plain(in_dir(none[i]), &fd, &n, &err), US_ERR_NOT_FOUND);
        assert_non_null(strstr(err.message, "no regular file"));
    }
}

static void names(void **state) {
    (void)state;
    static const char *const joined[][3] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"}, {"/", "b", "/b"}};
    for (int i = 0; i < 4; i++) {
        char *p = us_path_join(joined[i][0], joined[i][1]);
        assert_string_equal(p, joined[i][2]);
        free(p);
    }
    static const struct {
        const char *xdg, *home, *want;
    } rows[] = {{"/x", "/h", "/x/understudy"},
                {"relative", "/h", "/h/.cache/understudy"},
                {"", "/h", "/h/.cache/understudy"},
                {NULL, "", NULL}};
    for (int i = 0; i < 4; i++) {
        if (rows[i].xdg) setenv("XDG_CACHE_HOME", rows[i].xdg, 1);
        else unsetenv("XDG_CACHE_HOME");
        setenv("HOME", rows[i].home, 1);
        char *p = us_xdg_dir("CACHE");
        if (rows[i].want) assert_string_equal(p, rows[i].want);
        else assert_null(p);
        free(p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(maps),
                                       cmocka_unit_test(large_maps),
                                       cmocka_unit_test(reads),
                                       cmocka_unit_test(writes_are_whole_or_nothing),
                                       cmocka_unit_test(writers_of_one_file),
                                       cmocka_unit_test(folders),
                                       cmocka_unit_test(put_aside),
                                       cmocka_unit_test(private_files),
                                       cmocka_unit_test(what_the_killed_left),
                                       cmocka_unit_test(one_holder_at_a_time),
                                       cmocka_unit_test(links_are_not_followed),
                                       cmocka_unit_test(names)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
