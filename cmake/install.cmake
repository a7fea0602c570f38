# `cmake --install`: program, both libraries, headers, characters, pkg-config files and a CMake package.
# All of it may be moved to another prefix as a whole.
set(US_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/understudy)
install(TARGETS understudy RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS understudy_static understudy_shared EXPORT understudy-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/understudy DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(DIRECTORY characters DESTINATION ${CMAKE_INSTALL_DATADIR}/understudy OPTIONAL)
install(EXPORT understudy-targets NAMESPACE understudy:: DESTINATION ${US_PACKAGE_DIR})

# The pkg-config files find their prefix from where they lie: as many levels up as the library folder is deep.
file(RELATIVE_PATH US_PC_TO_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" US_PC_TO_PREFIX ${US_PC_TO_PREFIX})
list(JOIN US_PKG_MODULES " " US_PC_REQUIRES)
set(US_PC_NAME understudy)
set(US_PC_LINK "Libs: -L\${libdir} -lunderstudy
Requires.private: ${US_PC_REQUIRES}
Libs.private: -lm -lpthread")
configure_file(cmake/understudy.pc.in understudy.pc @ONLY)
# The archive with the distribution's shared libraries; `pkg-config --static understudy` asks for those as archives too.
set(US_PC_NAME understudy-static)
set(US_PC_LINK "Libs: \${libdir}/libunderstudy.a -lm -lpthread
Requires: ${US_PC_REQUIRES}")
configure_file(cmake/understudy.pc.in understudy-static.pc @ONLY)
configure_package_config_file(cmake/understudy-config.cmake.in understudy-config.cmake INSTALL_DESTINATION ${US_PACKAGE_DIR})
write_basic_package_version_file(understudy-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/understudy.pc ${CMAKE_CURRENT_BINARY_DIR}/understudy-static.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/understudy-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/understudy-config-version.cmake
  DESTINATION ${US_PACKAGE_DIR})
