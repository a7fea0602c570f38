/* understudy/fetch.h - a model file from an address, kept for good.
 *
 *     https://HOST/PATH/FILE.gguf     with #sha256=HEX behind it, where the sum is known
 *     hf:OWNER/NAME/FILE.gguf         from huggingface.co ($HF_ENDPOINT: another host), FILE.gguf@REVISION for another than
 * main
 *
 * Nothing else of the library connects to anything but a server that the user named. Here that is the host of the address, and
 * the hosts that it sends the request on to, all over HTTPS (plain HTTP is for addresses of this machine). */
#ifndef UNDERSTUDY_FETCH_H
#define UNDERSTUDY_FETCH_H

#include "understudy/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct us_fetch_options {
    const char *folder; /* NULL: the models' folder, $XDG_DATA_HOME/understudy/models */
    /* Called about ten times a second while bytes come; total is 0 when the server does not say. false stops: INTERRUPTED, and
     * the next call goes on where this one ended. */
    bool (*progress)(void *ctx, const char *file, uint64_t done, uint64_t total);
    void *ctx;
} us_fetch_options;

/* Whether a model's name is an address rather than a path. */
US_API bool us_fetch_is_address(const char *name);

/* The path (free() it) of the file at the address. One that is there is used as it is, without the network. Otherwise it is
 * fetched beside its place, going on with what an earlier call left, tried again when the connection breaks, and put in its
 * place when its size is the announced one, it begins as a GGUF file, and its SHA-256 is the one in the address or, from
 * Hugging Face, in the server's answer. A split file (-00001-of-0000N) comes with all its parts. ARGUMENT: no such address;
 * NOT_FOUND: the server has no such file; MISMATCH: it is not what it should be (nothing is kept), or another process is
 * fetching it; IO: anything between (what came is kept). */
US_API US_MUST_USE us_status us_fetch(const char *address, const us_fetch_options *options, char **path, us_error *err);

#ifdef __cplusplus
}
#endif
#endif
