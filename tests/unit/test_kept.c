/* Packed weights that are kept: found again, shared, never stale, never trusted, limited. Whatever is wrong with the cache, a model
 * opens with the right weights. */
#include "test.h"
#include "base/file.h"
#include "mktiny.h"
#include "model/kept.h"
#include "model/model.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

static us_error err;
static char *dir;
static us_model *right, *other; /* opened without a cache: what every other opening has to give */

/* The folder's paths: four may be in use at a time. */
static const char *in_dir(const char *name) {
    static char paths[4][700];
    static int k;
    snprintf(paths[k = (k + 1) % 4], sizeof *paths, "%s/%s", dir, name);
    return paths[k];
}

static us_model *open_model(const char *name) {
    us_model *m;
    assert_ok(us_model_open(in_dir(name), &(us_model_options){.n_threads = 2}, &m, &err), &err);
    return m;
}

static void make_model(const char *name, uint64_t seed) {
    us_tiny o = {.seed = seed,
                 .n_layers = 4,
                 .n_embd = 256,
                 .n_ff = 1024,
                 .n_heads = 4,
                 .n_kv_heads = 4,
                 .head_size = 64,
                 .n_vocab = 4000};
    assert_ok(us_tiny_write(&o, in_dir(name), &err), &err);
}

static int begin_all(void **state) {
    (void)state;
    dir = us_tiny_folder();
    setenv("XDG_CACHE_HOME", in_dir("cache"), 1);
    setenv("US_CACHE", "off", 1);
    make_model("a.gguf", 1);
    make_model("b.gguf", 2);
    right = open_model("a.gguf");
    other = open_model("b.gguf");
    assert_true(right->info.resident_bytes > US_KEPT_LEAST);
    assert_string_equal(us_model_get_kept(right), "US_CACHE is off");
    unsetenv("US_CACHE");
    return 0;
}

static int end_all(void **state) {
    (void)state;
    us_model_free(right);
    us_model_free(other);
    us_tiny_remove(dir);
    return 0;
}

/* Each test begins without a cache and with the first model as it was. */
static int begin(void **state) {
    (void)state;
    us_dir_remove(in_dir("cache"));
    return 0;
}

static bool same(const us_model *m, const us_model *want) {
    for (int i = 0; i < want->net.n_layers * US_N_MODULES + 1; i++) {
        const us_matrix *a = &m->matrices[i], *b = &want->matrices[i];
        if (memcmp(a->data, b->data, b->n_groups * b->group_bytes)) return false;
    }
    return true;
}

/* Opens a model, which must have `want`'s weights; whether they are a file's, and no note then. */
static bool mapped(const char *name, const us_model *want) {
    us_model *m = open_model(name);
    bool is = m->file.data != NULL;
    assert_true(same(m, want));
    assert_true(is == !m->weights);
    assert_true(is == !*us_model_get_kept(m));
    us_model_free(m);
    return is;
}

/* The only file whose name ends so. */
static const char *the(const char *ending) {
    static char name[300];
    const char *folder = in_dir("cache/understudy/packed");
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        if (strlen(e->d_name) > strlen(ending) && !strcmp(e->d_name + strlen(e->d_name) - strlen(ending), ending)) {
            snprintf(name, sizeof name, "cache/understudy/packed/%s", e->d_name);
            n++;
        }
    closedir(d);
    assert_int_equal(n, 1);
    return in_dir(name);
}

static int64_t inode_of(const char *path) {
    us_stamp s;
    assert_ok(us_file_stamp(path, &s, &err), &err);
    return (int64_t)s.file;
}

static void found_again(void **state) {
    (void)state;
    struct stat sb;
    assert_true(mapped("a.gguf", right));
    int64_t first = inode_of(the(".pack"));
    assert_true(mapped("a.gguf", right));
    assert_int_equal(inode_of(the(".pack")), first);
    assert_int_equal(stat(the(".pack"), &sb), 0);
    assert_int_equal(sb.st_mode & 0777, 0600);
    assert_int_equal(stat(in_dir("cache/understudy/packed"), &sb), 0);
    assert_int_equal(sb.st_mode & 0777, 0700);
    char ours[65], kept[65]; /* the sum that is kept is the sum */
    us_model *m = open_model("a.gguf");
    us_model_get_hash(m, kept);
    us_model_free(m);
    setenv("US_CACHE", "off", 1);
    us_model_get_hash(right, ours);
    unsetenv("US_CACHE");
    assert_string_equal(ours, kept);
}

/* A copy, under whatever name, is the same model. */
static void by_content(void **state) {
    (void)state;
    char *bytes;
    size_t n;
    assert_true(mapped("a.gguf", right));
    int64_t first = inode_of(the(".pack"));
    assert_ok(us_file_read(in_dir("a.gguf"), 1 << 28, &bytes, &n, &err), &err);
    assert_ok(us_file_write_atomic(in_dir("copy.gguf"), bytes, n, &err), &err);
    free(bytes);
    assert_true(mapped("copy.gguf", right));
    assert_int_equal(inode_of(the(".pack")), first);
}

/* Another model in the same file, as large and as old as the first. */
static void never_stale(void **state) {
    (void)state;
    char *a, *b;
    size_t n_a, n_b;
    struct stat sb;
    assert_ok(us_file_read(in_dir("a.gguf"), 1 << 28, &a, &n_a, &err), &err);
    assert_ok(us_file_read(in_dir("b.gguf"), 1 << 28, &b, &n_b, &err), &err);
    assert_int_equal(n_a, n_b);
    assert_ok(us_file_write_atomic(in_dir("m.gguf"), a, n_a, &err), &err);
    assert_true(mapped("m.gguf", right));
    assert_int_equal(stat(in_dir("m.gguf"), &sb), 0);
    int fd = open(in_dir("m.gguf"), O_WRONLY);
    assert_int_equal(pwrite(fd, b, n_b, 0), n_b);
    assert_int_equal(futimens(fd, (struct timespec[]){sb.st_atim, sb.st_mtim}), 0);
    close(fd);
    assert_true(mapped("m.gguf", other));
    free(a);
    free(b);
}

/* Each of these must lead to the right weights and a whole file in its place. */
static void never_trusted(void **state) {
    (void)state;
    char *whole, *now, path[600];
    size_t n_whole, n_now;
    struct stat sb;
    assert_true(mapped("a.gguf", right));
    snprintf(path, sizeof path, "%s", the(".pack"));
    assert_ok(us_file_read(path, 1 << 28, &whole, &n_whole, &err), &err);
    for (int k = 0; k < 9; k++) {
        assert_int_equal(stat(path, &sb), 0);
        const off_t at[] = {0, 20, 60, 4096, sb.st_size / 2, sb.st_size - 1};
        int fd = open(path, O_RDWR);
        if (k < 6) { /* a byte of the header, of the first, of a middle, of the last piece */
            unsigned char c;
            assert_int_equal(pread(fd, &c, 1, at[k]), 1);
            c ^= 1;
            assert_int_equal(pwrite(fd, &c, 1, at[k]), 1);
        } else if (k == 6) assert_int_equal(ftruncate(fd, sb.st_size - 4096), 0);
        else if (k == 7) assert_int_equal(ftruncate(fd, 0), 0);
        else assert_int_equal(ftruncate(fd, sb.st_size + 1), 0);
        close(fd);
        assert_true(mapped("a.gguf", right));
        assert_ok(us_file_read(path, 1 << 28, &now, &n_now, &err), &err);
        assert_int_equal(n_now, n_whole);
        assert_memory_equal(now, whole, n_whole);
        free(now);
    }
    free(whole);
}

/* Files that are whole, but not what their names say; and those that others could have put there. */
static void not_ours(void **state) {
    (void)state;
    char a[600], sum[600], b[600];
    assert_true(mapped("b.gguf", other));
    snprintf(b, sizeof b, "%s", the(".pack"));
    assert_int_equal(rename(b, in_dir("b.kept")), 0);
    assert_int_equal(unlink(the(".sum")), 0);
    assert_true(mapped("a.gguf", right));
    snprintf(a, sizeof a, "%s", the(".pack"));
    snprintf(sum, sizeof sum, "%s", the(".sum"));
    assert_int_equal(rename(in_dir("b.kept"), a), 0); /* another model's */
    assert_true(mapped("a.gguf", right));
    assert_int_equal(rename(a, in_dir("a.kept")), 0);
    assert_int_equal(symlink(in_dir("a.kept"), a), 0);
    assert_true(mapped("a.gguf", right));
    struct stat sb;
    assert_int_equal(lstat(a, &sb), 0);
    assert_true(S_ISREG(sb.st_mode)); /* the link was replaced */
    assert_int_equal(chmod(a, 0666), 0);
    assert_true(mapped("a.gguf", right));
    assert_int_equal(stat(a, &sb), 0);
    assert_int_equal(sb.st_mode & 0777, 0600);
    for (int at = 0; at < 145; at += 12) { /* a sum that is wrong would find another model's weights */
        int fd = open(sum, O_RDWR);
        unsigned char c;
        assert_int_equal(pread(fd, &c, 1, at), 1);
        c ^= 1;
        assert_int_equal(pwrite(fd, &c, 1, at), 1);
        close(fd);
        assert_true(mapped("a.gguf", right));
    }
    assert_int_equal(chmod(in_dir("cache/understudy/packed"), 0777), 0);
    assert_false(mapped("a.gguf", right));
}

/* The layout, which has the level in it, is a part of the name. */
static void another_layout(void **state) {
    (void)state;
    us_kept k;
    us_map file;
    const unsigned char *at;
    unsigned char ours[32] = {1}, theirs[32] = {2}, *data = test_malloc(1 << 20);
    const char *hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    for (int i = 0; i < 1 << 20; i++) data[i] = (unsigned char)(i * 7 >> 3);
    assert_ok(us_kept_open(&k, &err), &err);
    assert_ok(us_kept_weights_put(&k, hash, ours, data, 1 << 20, NULL, &err), &err);
    assert_int_equal(us_kept_weights_find(&k, hash, theirs, 1 << 20, NULL, &file, &at, &err), US_ERR_NOT_FOUND);
    assert_ok(us_kept_weights_find(&k, hash, ours, 1 << 20, NULL, &file, &at, &err), &err);
    us_kept_remove(&k, strrchr(the(".pack"), '/') + 1);
    assert_memory_equal(at, data, 1 << 20); /* removed while it is mapped */
    us_map_close(&file);
    us_kept_close(&k);
    test_free(data);
}

/* All that is kept was used an hour ago. */
static void age_all(const us_kept *k) {
    DIR *d = opendir(in_dir("cache/understudy/packed"));
    struct timespec then[2] = {{.tv_sec = time(NULL) - 3600}, {.tv_sec = time(NULL) - 3600}};
    for (struct dirent *e; (e = readdir(d));)
        if (strstr(e->d_name, ".pack")) assert_int_equal(utimensat(k->folder, e->d_name, then, 0), 0);
    closedir(d);
}

/* What is too much goes, the one that was not used for the longest time first; what is too much alone is not kept. */
static void limited(void **state) {
    (void)state;
    us_kept k;
    us_map file;
    const unsigned char *at;
    unsigned char layout[32] = {0}, *data = test_calloc(1, 1 << 20);
    size_t n;
    uint64_t bytes;
    const char *hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    assert_ok(us_kept_open(&k, &err), &err);
    k.most = (uint64_t)5 << 19;
    for (unsigned char i = 1; i < 4; i++) {
        layout[0] = i;
        assert_ok(us_kept_weights_put(&k, hash, layout, data, 1 << 20, NULL, &err), &err);
        if (i != 2) continue;
        age_all(&k);
        layout[0] = 1; /* the first is used again */
        assert_ok(us_kept_weights_find(&k, hash, layout, 1 << 20, NULL, &file, &at, &err), &err);
        us_map_close(&file);
    }
    us_kept_count(false, &n, &bytes);
    assert_int_equal(n, 2);
    assert_true(bytes >= 2 << 20 && bytes <= k.most);
    layout[0] = 2;
    assert_int_equal(us_kept_weights_find(&k, hash, layout, 1 << 20, NULL, &file, &at, &err), US_ERR_NOT_FOUND);
    layout[0] = 4;
    k.most = 1 << 20;
    assert_int_equal(us_kept_weights_put(&k, hash, layout, data, 1 << 20, NULL, &err), US_ERR_LIMIT);
    us_kept_count(true, &n, &bytes);
    assert_int_equal(n, 2);
    us_kept_count(false, &n, &bytes);
    assert_int_equal(n, 0);
    us_kept_close(&k);
    test_free(data);
}

/* Another writes at the moment, was killed while it wrote, or may not write so much; or there is no place for a cache at all. */
static void without(void **state) {
    (void)state;
    us_kept k;
    assert_ok(us_kept_open(&k, &err), &err);
    int held = openat(k.folder, "lock", O_RDWR | O_CREAT, 0600), fd = openat(k.folder, "aside", O_WRONLY | O_CREAT, 0600);
    assert_int_equal(flock(held, LOCK_EX), 0);
    assert_int_equal(write(fd, "half", 4), 4);
    close(fd);
    assert_false(mapped("a.gguf", right));
    close(held);
    struct rlimit was, few = {.rlim_cur = 1 << 20};
    getrlimit(RLIMIT_FSIZE, &was);
    few.rlim_max = was.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
    assert_false(mapped("a.gguf", right));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_true(mapped("a.gguf", right));
    assert_int_equal(faccessat(k.folder, "aside", F_OK, 0), -1);
    us_kept_close(&k);
    setenv("XDG_CACHE_HOME", in_dir("a.gguf"), 1); /* no folder */
    assert_false(mapped("a.gguf", right));
    setenv("XDG_CACHE_HOME", in_dir("cache"), 1);
    us_model *m;
    setenv("US_CACHE", "no", 1);
    assert_int_equal(us_model_open(in_dir("a.gguf"), NULL, &m, &err), US_ERR_ARGUMENT);
    unsetenv("US_CACHE");
    m = NULL;
    assert_ok(us_model_open(in_dir("a.gguf"), &(us_model_options){.math = US_MATH_F32}, &m, &err), &err);
    assert_null(m->file.data);
    us_model_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(found_again, begin), cmocka_unit_test_setup(by_content, begin),
        cmocka_unit_test_setup(never_stale, begin), cmocka_unit_test_setup(never_trusted, begin),
        cmocka_unit_test_setup(not_ours, begin),    cmocka_unit_test_setup(another_layout, begin),
        cmocka_unit_test_setup(limited, begin),     cmocka_unit_test_setup(without, begin),
    };
    return cmocka_run_group_tests(tests, begin_all, end_all);
}
