#include "serve/server.h"
enum MHD_Result us_route_openapi(us_request *r) { return us_refuse(r, 404, "not yet"); }
