/* generate/prefixes.h - sequences of an engine that nobody uses now, kept because another prompt may begin as they do.
 *
 * The engine owns them, so that everybody who works over it, one after the other, finds what the others have read (the
 * persona of their common character), and takes room from them. As the rest of an engine it is for one thread at a time.
 * Knows tokens and adapters. */
#ifndef US_GENERATE_PREFIXES_H
#define US_GENERATE_PREFIXES_H
#include "understudy/generate.h"

enum { US_MAX_PREFIXES = 48 };

typedef struct us_prefixes {
    struct {
        int32_t seq;
        const void *owner; /* who kept it: whatever pointer us_prefix_keep() was given */
        uint64_t used;     /* the clock when it was, last */
    } kept[US_MAX_PREFIXES];
    int32_t n;
    uint64_t clock;
} us_prefixes;

/* The kept sequence with this adapter and scale that begins with most of ids[0..n), and with how many; -1 and 0: none does. */
int32_t us_prefix_find(const us_engine *e, const us_adapter *adapter, float scale, const int32_t *ids, int32_t n,
                       int32_t *n_common);
/* It is wanted: now it is the newest. A sequence that is not kept is left alone. */
void us_prefix_touch(us_engine *e, int32_t seq);
/* Keeps a sequence, which is the engine's from now on. One that it goes on with is dropped for it; it is dropped itself where
 * another goes on with it. Of US_MAX_PREFIXES the oldest goes. */
void us_prefix_keep(us_engine *e, int32_t seq, const void *owner);
/* Drops the one that was not wanted for longest; false when none is left. */
bool us_prefix_drop_oldest(us_engine *e);
/* Drops all that this owner has kept, and those with this adapter: it may be freed afterwards. */
void us_prefix_drop_owner(us_engine *e, const void *owner);
void us_prefix_drop_adapter(us_engine *e, const us_adapter *adapter);
#endif
