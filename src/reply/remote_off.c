/* Built instead of remote.c where US_REMOTE is off: a backend of another server cannot be opened, so nothing else is
 * reached. */
#include "reply/remote.h"

us_status us_remote_check(const char *url, const char *key, int32_t timeout_s, us_error *err) {
    (void)url, (void)key, (void)timeout_s;
    return us_fail(err, US_ERR_UNSUPPORTED, "this understudy was built without other engines (US_REMOTE)");
}

us_status us_remote_begin(const us_remote_spec *spec, us_remote **out, us_error *err) {
    (void)out;
    return us_remote_check(spec->url, spec->key, 0, err);
}

us_reply_view us_remote_wait(us_remote *r, uint64_t *seen, int timeout_ms) {
    (void)r, (void)seen, (void)timeout_ms;
    return (us_reply_view){.done = true, .status = US_ERR_UNSUPPORTED};
}

us_status us_remote_read(us_remote *r, int32_t i, size_t from, us_buf *out, us_error *err) {
    (void)r, (void)i, (void)from, (void)out;
    return us_remote_check(NULL, NULL, 0, err);
}

void us_remote_cancel(us_remote *r) { (void)r; }

int32_t us_remote_count(const us_remote *r, int32_t *best) {
    (void)r;
    *best = 0;
    return 0;
}

us_reply_text us_remote_get(const us_remote *r, int32_t i) {
    (void)r, (void)i;
    return (us_reply_text){.text = ""};
}

const us_error *us_remote_error(const us_remote *r) {
    (void)r;
    return NULL;
}

void us_remote_free(us_remote *r) { (void)r; }
