#include "text/tongue.h"
#include <string.h>

static const char *const codes[US_N_TONGUES] = {"en", "de", "fr", "es", "ru"};

us_tongue us_tongue_of(const char *language) {
    for (int i = 0; language && i < US_N_TONGUES; i++)
        if (!strcmp(language, codes[i])) return (us_tongue)i;
    return US_ENGLISH;
}

const char *us_tongue_code(us_tongue tongue) { return codes[tongue]; }

/* A narrow no-break blank, which nobody takes for a decimal. */
const char *us_tongue_group(us_tongue tongue) { return tongue == US_ENGLISH ? "," : "\u202f"; }
const char *us_tongue_point(us_tongue tongue) { return tongue == US_ENGLISH ? "." : ","; }
