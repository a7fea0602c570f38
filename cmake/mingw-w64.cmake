# Cross-compiling for 64-bit Windows (Debian: mingw-w64). What lacks: docs/windows.md.
#
#   cmake -B build/mingw --toolchain cmake/mingw-w64.cmake -DUS_SERVE=OFF -DUS_PICTURES=OFF -DUS_REMOTE=OFF
#
# pkg-config must find the libraries for Windows (PKG_CONFIG_LIBDIR); Debian packages none of them but zlib, so that here only single files can be
# compiled: tests/mingw.sh does so.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
set(CMAKE_C_FLAGS_INIT "-D__USE_MINGW_ANSI_STDIO=1 -include ${CMAKE_CURRENT_LIST_DIR}/mingw/posix.h -I${CMAKE_CURRENT_LIST_DIR}/mingw")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
