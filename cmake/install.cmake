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

# Manual pages and completions, from the tables that --help prints.
file(STRINGS cli/commands.def US_COMMANDS REGEX "^COMMAND\\(")
list(TRANSFORM US_COMMANDS REPLACE "^COMMAND\\(([a-z]+),.*" "\\1")
if(NOT CMAKE_CROSSCOMPILING)
  set(US_MAN ${PROJECT_BINARY_DIR}/man)
  file(MAKE_DIRECTORY ${US_MAN})
  set(pages ${US_MAN}/understudy.1)
  set(write COMMAND understudy --help=man > ${US_MAN}/understudy.1)
  foreach(c ${US_COMMANDS})
    list(APPEND pages ${US_MAN}/understudy-${c}.1)
    list(APPEND write COMMAND understudy ${c} --help=man > ${US_MAN}/understudy-${c}.1)
  endforeach()
  add_custom_command(OUTPUT ${pages} ${write} DEPENDS understudy VERBATIM)
  add_custom_target(man ALL DEPENDS ${pages})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
install(FILES packaging/completions/understudy.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME understudy)
install(FILES packaging/completions/_understudy DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES packaging/completions/understudy.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

# `cpack -G DEB --config build/release/CPackConfig.cmake`: a package for Debian; it needs dpkg-dev, which finds the libraries that it depends on.
set(CPACK_PACKAGE_CONTACT "understudy")
set(CPACK_PACKAGE_VENDOR "understudy")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
include(CPack)
