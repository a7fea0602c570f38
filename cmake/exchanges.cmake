# characters/exchanges.txt as a C string in build/exchanges.c: what every character of an English script learns beside it.
set(file ${PROJECT_SOURCE_DIR}/characters/exchanges.txt)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
file(READ ${file} hex HEX)
string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${hex}")
file(CONFIGURE OUTPUT exchanges.c CONTENT "extern const char us_common_exchanges[];\nconst char us_common_exchanges[] = {${bytes}0};\n" @ONLY)
