/* fetch/address.h - what an address means: where to ask, where the file is kept, what its SHA-256 must be. */
#ifndef US_FETCH_ADDRESS_H
#define US_FETCH_ADDRESS_H
#include "understudy/base.h"

typedef struct us_address {
    char *url;       /* to ask */
    char *path;      /* where the file is kept */
    char *folder;    /* its folder */
    char sha256[65]; /* "" when the address says none */
    bool local;      /* plain HTTP to this machine */
    int n_parts;     /* of a split file; 1: a whole one */
} us_address;

/* Part `part` (from 1 on) of the file at the address. ARGUMENT says what is wrong with it. */
US_MUST_USE us_status us_address_read(const char *address, const char *models, int part, us_address *out, us_error *err);
void us_address_fini(us_address *a);
#endif
