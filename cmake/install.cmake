# `cmake --install`: program, both libraries, headers, a pkg-config file and a CMake package.
install(TARGETS understudy understudy_static understudy_shared EXPORT understudy-targets
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/understudy DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY characters DESTINATION ${CMAKE_INSTALL_DATADIR}/understudy)
install(EXPORT understudy-targets NAMESPACE understudy:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/understudy)
configure_file(cmake/understudy.pc.in understudy.pc @ONLY)
configure_package_config_file(cmake/understudy-config.cmake.in understudy-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/understudy)
write_basic_package_version_file(understudy-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/understudy.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/understudy-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/understudy-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/understudy)
